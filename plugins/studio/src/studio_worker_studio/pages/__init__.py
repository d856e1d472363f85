"""The studio's pages, under ``/graphics/ui``: loaded when they are first asked for."""
