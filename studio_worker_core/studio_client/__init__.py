"""Talking to a studio: addresses, HTTP calls, result uploads and the WebSocket."""
