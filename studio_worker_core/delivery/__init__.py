"""Sending finished results until the studio has acknowledged or refused each of them."""

from studio_worker_core.delivery.postman import Delivery, DeliverySession, Settled

__all__ = ["Delivery", "DeliverySession", "Settled"]
