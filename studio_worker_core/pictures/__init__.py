"""Pictures as every engine reads them, and what a written animation must hold.

Public beside :mod:`studio_worker_core.plugin`: a plugin may import it, too. It needs Pillow
alone, so a plugin's light module should leave it to the engine.
"""

from __future__ import annotations

from studio_worker_core.pictures.animations import Animation, animated_webp, animation_of
from studio_worker_core.pictures.png import write_png
from studio_worker_core.pictures.reading import MAX_PIXELS, read_mask, read_picture
from studio_worker_core.pictures.written import check_animation, check_picture, check_written
from studio_worker_core.seeds import MAX_SEED, draw_seed, folded_seed

__all__ = [
    "MAX_PIXELS",
    "MAX_SEED",
    "Animation",
    "animated_webp",
    "animation_of",
    "check_animation",
    "check_picture",
    "check_written",
    "draw_seed",
    "folded_seed",
    "read_mask",
    "read_picture",
    "write_png",
]
