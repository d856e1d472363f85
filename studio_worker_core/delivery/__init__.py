"""Sending finished results until the studio has acknowledged or refused each of them."""

from studio_worker_core.delivery.delivery import Delivery
from studio_worker_core.delivery.queued import DeliverySession
from studio_worker_core.delivery.sender import LONGEST_PROMPT, Complete
from studio_worker_core.delivery.settling import Settled

__all__ = ["LONGEST_PROMPT", "Complete", "Delivery", "DeliverySession", "Settled"]
