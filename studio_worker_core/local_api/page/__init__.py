"""The worker's own page, under ``/ui``: loaded when it is first asked for."""
