"""Sending finished results until the studio has acknowledged or refused each of them."""

from studio_worker_core.delivery.carrying import Settled
from studio_worker_core.delivery.postman import Delivery, DeliverySession

__all__ = ["Delivery", "DeliverySession", "Settled"]
