"""What the operator set for each engine, held against what it declares, and given to its
processes alone."""

from studio_worker_core.engine_setup.settings import EngineSettings
from studio_worker_core.engine_setup.setup import PLAIN, EngineSetup

__all__ = ["PLAIN", "EngineSettings", "EngineSetup"]
