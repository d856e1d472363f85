"""Importing the library: offline, quiet, and without what pictures do not need."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import cast

from studio_worker_core.plugin import EngineFailed

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DIFFUSERS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
}


def import_diffusers() -> tuple[ModuleType, ModuleType]:
    """The modules ``torch`` and ``diffusers``. Call it first of all in a process.

    Every file of a model comes from the studio's source through the host: nothing is ever
    looked up on a hub.

    Raises:
        EngineFailed: a library is missing or broken.
    """
    os.environ.update(_ENVIRONMENT)
    # transformers imports torchaudio when it is installed; pictures never need it, and one
    # built for another PyTorch (common where a speech engine is installed too) cannot load.
    sys.modules.setdefault("torchaudio", cast("ModuleType", None))
    try:
        import diffusers
        import torch
        import transformers
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineFailed(
            f"the diffusers library cannot be imported: {error}; "
            "install it with 'pip install studio-worker[diffusers]'"
        ) from error
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    return torch, diffusers
