from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.jobs.progress import JobProgress

_steps = st.lists(st.tuples(st.sampled_from(["download", "engine"]), st.floats(-1, 2)), max_size=30)


@given(_steps, _steps)
def test_progress_never_goes_back_and_stays_within_0_and_1(
    before: list[tuple[str, float]], after: list[tuple[str, float]]
) -> None:
    seen: list[float] = []
    progress = JobProgress(lambda fraction, _message: seen.append(fraction))
    for _, fraction in before:
        progress.downloading(fraction)
    progress.engine_starts()
    for stage, fraction in after:
        (progress.downloading if stage == "download" else progress.working)(fraction)
    assert seen == sorted(seen)
    assert all(0 <= fraction <= 1 for fraction in seen)
    progress.working(1.0)
    assert seen[-1] == 1.0
