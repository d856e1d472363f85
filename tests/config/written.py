"""Config files as people write them."""

from __future__ import annotations

from studio_worker_core.config import ConfigStore

HAND_WRITTEN = """\
# my worker
api_base_url = "https://studio.example/"   # ours
colour = "red"
vram_threshold_gb = 8.0
auto_start = false

# how long
[limits]
load_seconds = 60   # slow disk
speed = 3

[extra]
a = [1,
     2]
"""


def write(store: ConfigStore, text: str | bytes) -> None:
    """Put ``text`` where the config file is."""
    store.directory.mkdir(parents=True, exist_ok=True)
    store.path.write_bytes(text if isinstance(text, bytes) else text.encode())
