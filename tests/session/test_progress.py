"""Progress goes to a studio that takes it, paced, and never back."""

from __future__ import annotations

from studio_worker_core.wire.frames import Accept, Fail, Heartbeat, Progress, Welcome
from tests.session.conftest import StartSession
from tests.support.recording_handler import RecordingHandler
from tests.support.scripted_studio import ScriptedStudio


def test_progress_goes_only_to_a_studio_with_the_feature(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    assert running.session.send(Progress("job-1", 0.5))
    assert running.session.send(Accept("job-1"))
    studio.session().wait_for(Accept)
    studio.session().wait_for(Heartbeat, count=3)
    assert studio.session().of(Progress) == []


def test_progress_is_paced_never_goes_back_and_ends_with_the_job(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    studio.features = ["progress"]
    running = start()
    handler.wait_frame(Welcome)
    session = studio.session()
    running.session.send(Progress("job-1", 0.0))
    session.wait_for(Progress)
    for hundredth in [*range(100), 20]:
        running.session.send(Progress("job-1", hundredth / 100, "step"))
    assert session.wait_for(Progress, count=2).fraction == 0.99
    running.session.send(Progress("job-1", 1.0))
    running.session.send(Fail("job-1", "enough", retryable=False))
    session.wait_for(Fail)
    session.wait_for(Heartbeat, count=len(session.of(Heartbeat)) + 3)
    assert [frame.fraction for frame in session.of(Progress)] == [0.0, 0.99]
