"""Frame counts and delays."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_video.timing import GIF_LEAST_DELAY, spread_delays, timing_of

seconds = st.floats(0.001, 120, allow_nan=False)
rates = st.floats(0.01, 240, allow_nan=False)


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(0, 100_000))
def test_spread_delays_add_up_and_differ_by_one_at_most(frames: int, total: int) -> None:
    delays = spread_delays(frames, total)
    assert len(delays) == frames
    assert sum(delays) == total
    assert max(delays) - min(delays) <= 1


@settings(deadline=None)
@given(seconds, rates)
def test_a_gif_is_as_long_as_centiseconds_allow(length: float, fps: float) -> None:
    timing = timing_of(length, fps, "gif")
    delays = timing.delays(100)
    assert len(delays) == timing.frames
    assert sum(delays) == max(GIF_LEAST_DELAY, round(Fraction(str(length)) * 100))
    assert min(delays) >= GIF_LEAST_DELAY


@settings(deadline=None)
@given(seconds, rates)
def test_an_animated_webp_is_exact_to_the_millisecond(length: float, fps: float) -> None:
    timing = timing_of(length, fps, "webp")
    assert sum(timing.delays(1000)) == timing.seconds * 1000
    assert abs(timing.seconds - Fraction(str(length))) <= Fraction(1, 2000)


@settings(deadline=None)
@given(seconds, rates)
def test_frames_times_frame_time_is_the_length(length: float, fps: float) -> None:
    timing = timing_of(length, fps, "mp4")
    assert timing.frames >= 1
    assert timing.frames / timing.rate == timing.seconds
    # What an encoder takes: two 32-bit numbers.
    assert timing.rate.numerator < 2**31
    assert timing.rate.denominator < 2**31


def test_a_rate_that_fits_is_kept_to_the_letter() -> None:
    assert timing_of(2.002, 23.976, "mp4").rate == Fraction(48000, 2002)
    assert timing_of(2, 12.5, "mp4").rate == Fraction(25, 2)
    assert timing_of(2, 24, "gif").delays(100)[:6] == [4, 4, 4, 4, 4, 5]
