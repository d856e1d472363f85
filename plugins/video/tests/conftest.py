"""A picture for the camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture with a different colour in each corner and detail everywhere."""
    y, x = np.mgrid[0:150, 0:240]
    rgb = np.stack([x * 255 // 240, y * 255 // 150, 127 + 120 * np.sin(x / 5 + y / 7)], axis=-1)
    path = tmp_path / "init.png"
    Image.fromarray(rgb.astype(np.uint8)).save(path)
    return path
