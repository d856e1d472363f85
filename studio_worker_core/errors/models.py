"""Why a model, or a task's input, cannot be had or kept."""

from __future__ import annotations

from studio_worker_core.errors.root import StudioWorkerError


class ModelStoreError(StudioWorkerError):
    """A model file or a task's input cannot be had."""

    retryable: bool = True

    def __init__(self, message: str, *, what: str | None = None) -> None:
        super().__init__(message)
        self.what = what


class DownloadFailed(ModelStoreError):
    """The network or the server is at fault; another try may work."""


class SourceRefused(ModelStoreError):
    """The source itself is at fault: forbidden address, wrong checksum, too large."""

    retryable = False


class ModelHostError(StudioWorkerError):
    """A model cannot be kept loaded, or no longer."""

    def __init__(self, message: str, *, model: str | None = None) -> None:
        super().__init__(message)
        self.model = model


class ModelUnknown(ModelHostError):
    """There is no model of that name in the catalogue."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"there is no model {model[:100]!r} in the catalogue; 'studio-worker models list' "
            "shows what there is",
            model=model,
        )


class ModelDisabled(ModelHostError):
    """The model is in the catalogue and not to be used."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"the model {model[:100]!r} is disabled in the catalogue; set its 'enabled' there",
            model=model,
        )


class ResidencyNotSaved(ModelHostError):
    """The list of the models to keep loaded cannot be written: nothing was changed."""
