"""Fetching under guard: judged addresses, bounded sizes, resumed parts, checked bytes."""
