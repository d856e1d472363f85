"""Every engine that takes pictures reads them alike, in whatever form a file has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageSequence

import studio_worker_core.synthetic
import studio_worker_image
import studio_worker_video
from studio_worker_core.pictures import read_mask, read_picture
from studio_worker_core.plugin import Engine, ImageTask, InvalidTask, Model, Task, VideoTask
from studio_worker_core.synthetic.engine import SyntheticEngine
from studio_worker_core.testing.jobs import make_job
from studio_worker_image.engine import ProceduralEngine
from studio_worker_image.painting.canvas import canvas_for, read_inputs
from studio_worker_video.engine import MotionEngine
from tests.pictures.samples import (
    RED_AND_BLUE,
    TURNS,
    adobe_cmyk,
    animated,
    deep_clear_colour,
    float_grey,
    halves,
    huge,
    many_frames,
    palette_with_alpha,
    saved,
    sixteen_bit_grey,
    swapped_profile,
    turned,
)

Grey = tuple[int, int]
Colours = tuple[tuple[int, int, int], tuple[int, int, int]]
Reader = Callable[[Path], Image.Image]
MaskReader = Callable[[Path], Image.Image]

_SIDE = 64
_LOSS = 40
"""Levels by which a colour may differ in a clip of a lossy format."""


def _result(engine: Engine, model: str, task: Task, inputs: Mapping[str, Path]) -> Image.Image:
    directory = next(iter(inputs.values())).parent
    engine.load(Model(model))
    path = engine.generate(make_job(task, directory, model=model, inputs=inputs))
    assert isinstance(path, Path)
    with Image.open(path) as picture:
        assert not picture.info.keys() & {"icc_profile", "exif"}
        return next(iter(ImageSequence.Iterator(picture))).convert("RGB")


def _kept(engine: Callable[[], Engine], model: str) -> Reader:
    """The picture as an engine gives it back when nothing is to be painted over."""

    def read(path: Path) -> Image.Image:
        task = ImageTask(prompt="fog", width=_SIDE, height=_SIDE, ext="png", denoise=0.0, seed=1)
        return _result(engine(), model, task, {"init_image": path})

    return read


def _filmed(engine: Callable[[], Engine], model: str) -> Reader:
    """The first frame of a clip that begins with the picture."""

    def read(path: Path) -> Image.Image:
        task = VideoTask(
            prompt="zoom in", width=_SIDE, height=_SIDE, ext="webp", seconds=0.2, fps=10
        )
        return _result(engine(), model, task, {"init_image": path})

    return read


def _laid_out(multiple: int) -> Reader:
    """The picture as the engines of heavy models hand it to their library."""

    def read(path: Path) -> Image.Image:
        canvas = canvas_for(_SIDE, _SIDE, multiple)
        found = read_inputs(init=path, mask=None, reference=None, canvas=canvas).init
        assert found is not None
        return canvas.extend(found)

    return read


_READERS: dict[str, Reader] = {
    "synthetic": _kept(SyntheticEngine, "synthetic-image"),
    "synthetic clip": _filmed(SyntheticEngine, "synthetic-video"),
    "procedural": _kept(lambda: ProceduralEngine({}), "procedural"),
    "motion": _filmed(MotionEngine, "motion"),
    "sd-cpp": _laid_out(64),
    "diffusers": _laid_out(8),
}

_PICTURES: dict[str, tuple[Callable[[], bytes], Colours]] = {
    **{
        f"Exif {orientation} in {kind}": (
            lambda kind=kind, orientation=orientation: turned(kind, orientation),  # type: ignore[misc]
            RED_AND_BLUE,
        )
        for kind, some in {
            "JPEG": TURNS,
            "PNG": (6, 7),
            "WEBP": (8,),
            "TIFF": (5, 6),
            "AVIF": (6, 7),
        }.items()
        for orientation in some
    },
    "16-bit grey": (lambda: sixteen_bit_grey(0x4000, 0xC000), ((64,) * 3, (192,) * 3)),
    "float grey": (lambda: float_grey(0.25, 0.75), ((64,) * 3, (191,) * 3)),
    "inks": (
        lambda: saved(halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "TIFF"),
        RED_AND_BLUE,
    ),
    "inks of Adobe": (
        lambda: adobe_cmyk((0, 255, 255, 0), (255, 255, 0, 0)),
        RED_AND_BLUE,
    ),
    "a palette with alpha": (lambda: palette_with_alpha(255, 0), ((255, 0, 0), (255,) * 3)),
    "a clear colour of 16 bits": (
        lambda: deep_clear_colour((0x4000, 0x4000, 0x4000), (0x4000, 0x4000, 0x40FF)),
        ((255,) * 3, (64,) * 3),
    ),
    "white writing": (
        lambda: saved(halves("LA", (255, 255), (0, 0)), "PNG"),
        ((255,) * 3, (0,) * 3),
    ),
    "a profile": (
        lambda: saved(
            halves("RGB", (200, 20, 60), (255, 255, 255)), "PNG", icc_profile=swapped_profile()
        ),
        ((60, 20, 200), (255,) * 3),
    ),
    "BMP": (lambda: saved(halves("RGB", *RED_AND_BLUE), "BMP"), RED_AND_BLUE),
    "ICO": (lambda: saved(halves("RGB", *RED_AND_BLUE), "ICO", sizes=[(64, 64)]), RED_AND_BLUE),
    **{
        f"an animated {kind}": (lambda kind=kind: animated(kind), RED_AND_BLUE)  # type: ignore[misc]
        for kind in ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
    },
}


@pytest.mark.parametrize("form", _PICTURES)
@pytest.mark.parametrize("engine", _READERS)
def test_every_engine_reads_a_picture_alike(tmp_path: Path, engine: str, form: str) -> None:
    make, wanted = _PICTURES[form]
    path = tmp_path / "init_image.img"
    path.write_bytes(make())
    found = _READERS[engine](path)
    assert found.size == (_SIDE, _SIDE)
    for at, colour in zip((12, 51), wanted, strict=True):
        seen = found.getpixel((at, 32))
        assert isinstance(seen, tuple)
        apart = [abs(one - other) for one, other in zip(seen, colour, strict=True)]
        assert max(apart) <= _LOSS, (seen, colour)


@pytest.mark.parametrize(
    ("kind", "frames"), [("GIF", 100_000), ("PNG", 100_000), ("WEBP", 100_000), ("AVIF", 500)]
)
def test_frames_after_the_first_cost_nothing(tmp_path: Path, kind: str, frames: int) -> None:
    path = tmp_path / "init_image.img"
    path.write_bytes(many_frames(kind, frames))
    spent = time.process_time()
    picture = read_picture(path, "initImageUrl")
    assert time.process_time() - spent < 10
    left = picture.getpixel((12, 32))
    assert isinstance(left, tuple)
    assert left[0] > 240


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "ICO", "JPEG2000", "PPM"]
)
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "init_image.img"
    for sides in ((10_000, 9_500), (14_000, 16_000)):
        path.write_bytes(huge(kind, *sides))
        for read in (read_picture, read_mask):
            with pytest.raises(InvalidTask, match=r"pixels.*send a smaller one"):
                read(path, "initImageUrl")


def _painted(engine: Callable[[], Engine], model: str) -> MaskReader:
    """White where an engine painted over a picture that it was to change wholly."""

    def read(path: Path) -> Image.Image:
        start = path.parent / "init_image.png"
        Image.new("RGB", (_SIDE, _SIDE), (1, 2, 3)).save(start)
        task = ImageTask(prompt="fog", width=_SIDE, height=_SIDE, ext="png", denoise=1.0, seed=1)
        result = _result(engine(), model, task, {"init_image": start, "mask": path})
        kept = Image.new("RGB", result.size, (1, 2, 3))
        apart = ImageChops.difference(result, kept).convert("L")
        return apart.point([0] + [255] * 255)

    return read


def _mask_laid_out(multiple: int) -> MaskReader:
    def read(path: Path) -> Image.Image:
        start = path.parent / "init_image.png"
        Image.new("RGB", (_SIDE, _SIDE)).save(start)
        canvas = canvas_for(_SIDE, _SIDE, multiple)
        found = read_inputs(init=start, mask=path, reference=None, canvas=canvas).mask
        assert found is not None
        return canvas.extend(found)

    return read


_MASK_READERS: dict[str, MaskReader] = {
    "synthetic": _painted(SyntheticEngine, "synthetic-image"),
    "procedural": _painted(lambda: ProceduralEngine({}), "procedural"),
    "sd-cpp": _mask_laid_out(64),
    "diffusers": _mask_laid_out(8),
}

_MASKS: dict[str, tuple[Callable[[], bytes], Grey]] = {
    "grey": (lambda: saved(halves("L", 0, 255), "PNG"), (0, 255)),
    "the other way round": (lambda: saved(halves("L", 255, 0), "PNG"), (255, 0)),
    "one bit": (lambda: saved(halves("1", 0, 1), "PNG"), (0, 255)),
    "alpha": (lambda: saved(halves("LA", (255, 0), (255, 255)), "PNG"), (0, 255)),
    "alpha of colours": (
        lambda: saved(halves("RGBA", (255, 255, 255, 0), (255, 255, 255, 255)), "WEBP"),
        (0, 255),
    ),
    "16 bits": (lambda: sixteen_bit_grey(0, 0xFFFF), (0, 255)),
    "floats": (lambda: float_grey(0.0, 1.0), (0, 255)),
    "a palette": (lambda: saved(halves("L", 0, 255).convert("P"), "GIF"), (0, 255)),
    "a clear colour of 16 bits": (
        lambda: deep_clear_colour((0xFF00, 0xFFFF, 0xFFFF), (0xFFFF, 0xFFFF, 0xFFFF)),
        (0, 255),
    ),
    "inks": (lambda: adobe_cmyk((0, 0, 0, 255), (0, 0, 0, 0)), (0, 255)),
    "a small one": (lambda: saved(halves("L", 0, 255, (16, 16)), "PNG"), (0, 255)),
    "a large one": (lambda: saved(halves("L", 0, 255, (500, 500)), "PNG"), (0, 255)),
    "a turned one": (lambda: turned("PNG", 6, "L", (0, 255)), (0, 255)),
    "an animation": (
        lambda: saved(
            halves("L", 0, 255), "GIF", save_all=True, append_images=[halves("L", 255, 0)]
        ),
        (0, 255),
    ),
}


@pytest.mark.parametrize("form", _MASKS)
@pytest.mark.parametrize("engine", _MASK_READERS)
def test_every_engine_reads_a_mask_alike(tmp_path: Path, engine: str, form: str) -> None:
    make, wanted = _MASKS[form]
    path = tmp_path / "mask.img"
    path.write_bytes(make())
    found = _MASK_READERS[engine](path)
    assert (found.getpixel((12, 32)), found.getpixel((51, 32))) == wanted


def test_no_engine_opens_a_picture_by_itself() -> None:
    for package in (
        studio_worker_core.synthetic,
        studio_worker_image,
        studio_worker_video,
    ):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            assert "Image.open" not in path.read_text("utf-8"), path
