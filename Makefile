# Everything a contributor or a newcomer calls. Each target sets up .venv by itself: all
# that is needed before is Python 3.11 or newer, and network access for pip the first time.

PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3) python3)
VENV := .venv
BIN := $(VENV)/bin
PROJECTS := . $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml))
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed-docs
MODELS_VENV := .venv-models
MODELS_INSTALLED := $(MODELS_VENV)/.installed
JAVASCRIPT := .javascript
FOREIGN := .foreign-clients
# Tests run in this many processes.
JOBS ?= 2
# The existing worker's executable, or the .xz it is packed in, for make test-original.
ORIGINAL ?= ../shared/original/studio-worker-0.4.35-x86_64-linux.xz
# The measured run that make bench keeps and make bench-compare reads.
RUN ?= build/bench.json

.DEFAULT_GOAL := help
.PHONY: help setup demo test javascript foreign-clients test-models test-original check wheels docs reference \
	bench bench-compare bench-against bench-details soak clean

help:
	@echo 'make demo          a studio, a worker and one job of every kind, files in demo-output/'
	@echo 'make test          every test that needs no heavy engine library'
	@echo 'make test-models   the tests of the heavy engines, in an environment of their own'
	@echo 'make test-original the existing worker at our studio: ORIGINAL=path of its executable'
	@echo 'make javascript, make foreign-clients   what some tests ask the local API with'
	@echo 'make check         style, types, layers, changelog'
	@echo 'make wheels        build all distributions into dist/'
	@echo 'make docs          build the documentation into docs/_build/html'
	@echo 'make reference     write the generated pages under docs/reference anew'
	@echo 'make bench         measure, and write docs/performance.md'
	@echo 'make bench-compare measure, beside the run that RUN keeps (the last of make bench)'
	@echo 'make bench-against another worker on the same work: COMMAND="worker --config {config} run"'
	@echo 'make bench-details every script under bench/'
	@echo 'make soak          random jobs and faults for SOAK_SECONDS (600), from SOAK_SEED'
	@echo 'make clean         remove what the other targets made'

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --upgrade pip
	$(PIP) install --quiet --constraint constraints.txt --group dev \
		$(foreach project,$(PROJECTS),--editable $(project))
	@touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(PIP) install --quiet --constraint constraints.txt --group docs
	@touch $@

demo: $(INSTALLED)
	$(BIN)/studio-worker demo

test: $(INSTALLED)
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory javascript || true; fi
	$(BIN)/python -m pytest -q -n $(JOBS) -m 'not models and not original'

# OpenAI's client in JavaScript, which some tests ask the local API with; they are left out
# without it.
javascript: $(JAVASCRIPT)/.installed

$(JAVASCRIPT)/.installed: tests/javascript/package.json tests/javascript/package-lock.json
	mkdir -p $(JAVASCRIPT)
	cp $^ $(JAVASCRIPT)
	cd $(JAVASCRIPT) && npm ci --no-audit --no-fund --silent
	@touch $@

# Clients of others, in an environment of their own; the tests that ask with them are left out
# without it.
foreign-clients: $(FOREIGN)/.installed

$(FOREIGN)/.installed: tests/foreign/requirements.txt
	test -x $(FOREIGN)/bin/python || $(PYTHON) -m venv $(FOREIGN)
	$(FOREIGN)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

# Minutes the first time: PyTorch, Coqui, diffusers, llama.cpp, and a build of stable-diffusion.cpp.
$(MODELS_INSTALLED): pyproject.toml constraints.txt constraints-models.txt \
		tools/install_models.sh $(wildcard plugins/*/pyproject.toml)
	test -x $(MODELS_VENV)/bin/python || $(PYTHON) -m venv $(MODELS_VENV)
	tools/install_models.sh $(MODELS_VENV)
	@touch $@

test-models: $(MODELS_INSTALLED)
	$(MODELS_VENV)/bin/python -m pytest -q -m models

test-original: $(INSTALLED)
	@if test -f "$(ORIGINAL)"; then \
		STUDIO_WORKER_ORIGINAL="$(ORIGINAL)" $(BIN)/python -m pytest -q -m original tests/original; \
	else echo 'Left out: the tests against the existing worker; name it: make test-original ORIGINAL=path'; fi

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_changelog.py

wheels: $(INSTALLED)
	rm -rf dist
	@for project in $(PROJECTS); do \
		echo "building $$project"; \
		$(BIN)/python -m build --no-isolation --wheel --outdir dist $$project >/dev/null || exit 1; \
	done
	@ls -1 dist

docs: $(DOCS_INSTALLED)
	@if test -f docs/conf.py; then \
		$(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs docs/_build/html && \
		echo 'open docs/_build/html/index.html'; \
	else echo 'There is no documentation to build yet.'; fi

reference: $(INSTALLED)
	$(BIN)/python -m tools.generate_docs

bench: $(INSTALLED)
	$(BIN)/python -m bench.suite --save $(RUN) --page docs/performance.md

bench-compare: $(INSTALLED)
	$(BIN)/python -m bench.suite --compare $(RUN)

bench-against: $(INSTALLED)
	@test -n "$(COMMAND)" || { echo 'Name the worker: make bench-against COMMAND="worker --config {config} run"'; exit 1; }
	$(BIN)/python -m bench.suite --against "$(COMMAND)"

bench-details: $(INSTALLED)
	@for script in $(wildcard bench/*.py); do \
		echo "== $$script"; $(BIN)/python $$script || exit 1; done

soak: $(INSTALLED)
	$(BIN)/python -m tests.soak

clean:
	rm -rf $(VENV) $(MODELS_VENV) $(JAVASCRIPT) $(FOREIGN) dist build demo-output docs/_build .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
