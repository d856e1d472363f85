"""The HTTP and WebSocket endpoints, a module per noun. :mod:`.table` lists them all."""
