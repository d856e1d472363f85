"""Sizes: models draw in multiples of some pixels, a task asks for any size.

The picture is drawn at the next multiple and cut to the asked size from its middle, never
stretched. Pictures that go in are laid out the same way, so that what comes out lies exactly
over what went in.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageOps

from studio_worker_core.pictures import read_mask, read_picture
from studio_worker_core.plugin import InvalidTask


class Canvas(Struct, frozen=True):
    """The asked size, and the size to draw at."""

    width: int
    height: int
    drawn_width: int
    drawn_height: int

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Pixels drawn beyond the asked picture: left, top, right, bottom."""
        across, down = self.drawn_width - self.width, self.drawn_height - self.height
        return across // 2, down // 2, across - across // 2, down - down // 2

    def cut(self, drawn: Image.Image) -> Image.Image:
        """The asked picture out of the drawn one, as RGB."""
        left, top, _, _ = self.margins
        return drawn.convert("RGB").crop((left, top, left + self.width, top + self.height))

    def extend(self, picture: Image.Image) -> Image.Image:
        """A picture of the asked size as one of the drawn size; its edges go on outward."""
        left, top, _, _ = self.margins
        size = (self.drawn_width, self.drawn_height)
        if picture.size == size:
            return picture
        out = Image.new(picture.mode, size)
        right, bottom = left + self.width, top + self.height
        out.paste(picture, (left, top))
        columns = ((0, 0, left), (self.width - 1, right, size[0]))
        for source, first, last in columns:
            edge = picture.crop((source, 0, source + 1, self.height))
            for x in range(first, last):
                out.paste(edge, (x, top))
        rows = ((top, 0, top), (bottom - 1, bottom, size[1]))
        for source, first, last in rows:
            line = out.crop((0, source, size[0], source + 1))
            for y in range(first, last):
                out.paste(line, (0, y))
        return out


class Inputs(Struct, frozen=True):
    """The pictures of a job, upright and without transparency."""

    init: Image.Image | None = None
    """RGB of the asked size."""
    mask: Image.Image | None = None
    """Grey of the asked size; white is repainted."""
    reference: Image.Image | None = None
    """RGB of its own size."""


def canvas_for(width: int, height: int, multiple: int) -> Canvas:
    """The canvas for an asked size and a model that draws in multiples of ``multiple``."""
    return Canvas(
        width, height, -(-width // multiple) * multiple, -(-height // multiple) * multiple
    )


def read_inputs(
    *, init: Path | None, mask: Path | None, reference: Path | None, canvas: Canvas
) -> Inputs:
    """Read what the host fetched. The init image fills the asked size, cut at its longer
    side; the mask goes the same way.

    Raises:
        InvalidTask: a mask without an init image, or a file that cannot be decoded.
    """
    if mask is not None and init is None:
        raise InvalidTask("maskUrl needs initImageUrl: there is nothing to keep without one")
    size = (canvas.width, canvas.height)
    return Inputs(
        init=None if init is None else ImageOps.fit(read_picture(init, "initImageUrl"), size),
        mask=None if mask is None else ImageOps.fit(read_mask(mask), size),
        reference=None if reference is None else read_picture(reference, "refImageUrl"),
    )
