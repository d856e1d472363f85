"""Doing one job: model files, inputs, engine, and its result into the outbox."""

from studio_worker_core.jobs.routing import route
from studio_worker_core.jobs.runner import JobRunner, Report

__all__ = ["JobRunner", "Report", "route"]
