"""The engine as the worker runs it: found on the roster, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from studio_worker_core.errors import InvalidTask, JobCancelled
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import API_VERSION, HostInfo, TaskKind, VideoTask
from studio_worker_core.roster.discovery import discover
from tests.support.lane_bench import LaneBench


def test_a_clip_comes_out_of_a_real_lane(tmp_path: Path, picture: Path) -> None:
    host = HostInfo(api_version=API_VERSION, agent_version="0", models_root=tmp_path)
    roster = discover(host, disabled=(), allowed=None)
    entry = roster.find("motion")
    assert entry is not None
    assert (entry.state, entry.distribution) == ("ready", "studio-worker-video")
    assert list(entry.kinds) == [TaskKind.VIDEO]
    bench = LaneBench(tmp_path)
    try:
        task = VideoTask(prompt="aurora", width=64, height=48, seconds=1.0)
        result = bench.run(task, model="motion", entry=entry)
        assert isinstance(result, Result)
        assert result.ext == "mp4"
        with av.open(str(result.path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 24
        assert bench.progress[-1][0] == 1.0
        moved = bench.run(task, model="motion", entry=entry, inputs={"init_image": picture})
        assert isinstance(moved, Result)
        assert bench.lanes.status()[0].jobs_done == 2
        with pytest.raises(InvalidTask, match="STUDIO_WORKER_MAX_SECONDS"):
            bench.run(VideoTask(prompt="x", seconds=100.0), model="motion", entry=entry)
        bench.on_progress = bench.cancel.set
        with pytest.raises(JobCancelled):
            bench.run(VideoTask(prompt="fire", seconds=20.0), model="motion", entry=entry)
    finally:
        bench.lanes.close()
