"""The routes of the original worker, for its clients (original.md, local API)."""
