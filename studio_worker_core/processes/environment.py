"""The environment variables that plugin code gets to see.

An engine needs what the platform and its libraries need. It does not need the operator's
tokens, cloud keys and passwords, which a worker's environment often holds as well. So a
variable is passed on only when it is in the lists below, or when the config names it for the
engine (``plugins.environment``).
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

PATTERNS: Mapping[str, tuple[str, ...]] = {
    "the system": (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME", "TZ", "TERM", "NO_COLOR"),
        *("TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_*", "XDG_DATA_*"),
        *("LANG", "LANGUAGE", "LC_*"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_*", "MALLOC_*", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    ),
    "Windows": (
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "OS", "APPDATA"),
        *("LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*", "COMMONPROGRAMFILES*", "ALLUSERSPROFILE"),
        *("USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH", "PUBLIC", "COMPUTERNAME"),
        *("NUMBER_OF_PROCESSORS", "PROCESSOR_*"),
    ),
    "Python": ("PYTHON*", "VIRTUAL_ENV", "CONDA_PREFIX"),
    "processors and graphics cards": (
        *("CUDA_*", "CUDNN_*", "CUBLAS_*", "NVIDIA_*", "NCCL_*", "HIP_*", "HSA_*", "ROCR_*"),
        *("ROCM_*", "MIOPEN_*", "GPU_*", "GGML_*", "VK_*", "ZE_*", "SYCL_*", "ONEAPI_*"),
        *("OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "BLIS_*", "VECLIB_*", "NUMEXPR_*"),
    ),
    "libraries": (
        *("TORCH_*", "PYTORCH_*", "TORCHINDUCTOR_*", "TRITON_*", "XLA_*", "JAX_*", "TF_*", "ORT_*"),
        *("NUMBA_*", "OPENCV_*", "FFMPEG_*", "ESPEAK_*", "TTS_HOME", "COQUI_*"),
        *("HF_HOME", "HF_HUB_*", "HF_DATASETS_*", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_*"),
        *("DIFFUSERS_*", "TOKENIZERS_*", "MPLCONFIGDIR", "MODELSCOPE_CACHE"),
    ),
    "studio-worker and its engines": ("STUDIO_WORKER_*",),
}
"""What is passed on, by what it is for; ``*`` stands for any rest. Case does not matter."""

_SECRET = re.compile(
    r"TOKEN(?!IZER)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|COOKIE|(^|_)KEYS?(_|$)"
)
"""Never passed on by a pattern, whatever the rest of the name says."""

_ALLOWED = re.compile(
    "|".join(
        re.escape(pattern).replace(r"\*", ".*") for group in PATTERNS.values() for pattern in group
    )
)


def passed_on(name: str) -> bool:
    """Whether plugin code gets the variable ``name`` without being configured to."""
    upper = name.upper()
    return _ALLOWED.fullmatch(upper) is not None and not looks_secret(name)


def looks_secret(name: str) -> bool:
    """Whether what is called ``name`` is most likely a credential."""
    return _SECRET.search(name.upper()) is not None


def plugin_environment(
    environ: Mapping[str, str] = os.environ,
    *,
    extra: Iterable[str] = (),
    foreign: bool = False,
) -> dict[str, str]:
    """The environment for a process that runs a plugin's code.

    :param extra: names that the config adds for this engine.
    :param foreign: the process is of another Python, which finds its own packages.
    """
    names = set(extra)
    kept = {name: value for name, value in environ.items() if name in names or passed_on(name)}
    if foreign:
        kept.pop("PYTHONPATH", None)
        kept.pop("PYTHONHOME", None)
    else:
        _make_importable(kept)
    return kept


def _make_importable(environment: dict[str, str]) -> None:
    """Let the child find this package when it runs from a source tree."""
    root = str(Path(__file__).resolve().parents[2])
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = root + (os.pathsep + before if before else "")
