"""Installing engine plugins for a worker, and putting them back after an upgrade."""

from studio_worker_core.installing.installer import Installer, Step, requirement_name

__all__ = ["Installer", "Step", "requirement_name"]
