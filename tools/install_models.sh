#!/bin/sh
# Install the libraries of the heavy engines and this project into the environment $1.
#
# The order is what keeps several GB of CUDA packages away where the package index offers
# PyTorch for the CPU: torch first and alone, then everything else with torch held fast.
set -eu
bin="$1/bin"
wheels="${STUDIO_WORKER_WHEELS:-${XDG_CACHE_HOME:-$HOME/.cache}/studio-worker/wheels}"
cd "$(dirname "$0")/.."

install() {
	"$bin/python" -m pip install --disable-pip-version-check --quiet \
		--constraint constraints.txt --constraint constraints-models.txt "$@"
}

# Only built wheels, only from our own cache: pip knows which of them fit this machine.
install_built() {
	install --no-index --no-deps --find-links "$wheels" stable-diffusion-cpp-python==0.4.7 \
		2>/dev/null
}

install --upgrade pip
install torch==2.13.0
install coqui-tts==0.28.0 torch==2.13.0 six
# torchaudio is linked against CUDA and would bring it along; its Python part is enough.
install --no-deps torchaudio==2.11.0 torchcodec
install diffusers transformers accelerate safetensors torch==2.13.0
install xllamacpp

mkdir -p "$wheels"
if ! install_built; then
	echo "building stable-diffusion.cpp once, about 8 minutes; kept in $wheels"
	"$bin/python" -m pip wheel --disable-pip-version-check --quiet --no-deps \
		--wheel-dir "$wheels" stable-diffusion-cpp-python==0.4.7
	install_built
fi

set --
for project in . plugins/*/; do
	test ! -f "$project/pyproject.toml" || set -- "$@" --editable "$project"
done
install --group dev torch==2.13.0 "$@"
