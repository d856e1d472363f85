"""Two plugins that need different versions of one library serve side by side."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.config import Config
from tests.support.fault_answers import said_text
from tests.support.field import Field

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]

_PLUGIN = """
from studio_worker_core.plugin import EngineSpec, TaskKind, hookimpl


@hookimpl
def studio_worker_engines():
    return [EngineSpec(name="{name}", models={{TaskKind.LLM: ["{name}-model"]}},
                       factory="{module}_engine:Echo", version="1")]
"""

_ENGINE = """
from studio_worker_core.plugin import Engine


class Echo(Engine):
    def generate(self, job):
        import shared_library
        message = {{"content": shared_library.VERSION}}
        return {{"choices": [{{"message": message}}]}}
"""


def wheel(dist: Path, name: str, version: str, files: dict[str, str], meta: str = "") -> None:
    """A pure wheel, written by hand: nothing has to be built."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{meta}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    with zipfile.ZipFile(dist / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
        record = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
        archive.writestr(f"{info}/RECORD", record)


def plugin_wheel(dist: Path, name: str, library: str) -> None:
    module = name.replace("-", "_")
    wheel(
        dist,
        name,
        "1.0",
        {
            f"{module}.py": _PLUGIN.format(name=name, module=module),
            f"{module}_engine.py": _ENGINE.format(),
            f"{module}-1.0.dist-info/entry_points.txt": f"[studio_worker]\n{name} = {module}\n",
        },
        f"Requires-Dist: studio-worker>=0.1\nRequires-Dist: shared-library=={library}\n",
    )


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of the core and of two plugins that cannot share an environment."""
    directory = tmp_path_factory.mktemp("dist")
    root = Path(__file__).parents[2]
    subprocess.run(
        [
            *(sys.executable, "-m", "build", "--no-isolation", "--wheel"),
            *("--outdir", str(directory), str(root)),
        ],
        check=True,
        capture_output=True,
    )
    for version in ("1.0", "2.0"):
        wheel(
            directory, "shared-library", version, {"shared_library.py": f"VERSION = '{version}'\n"}
        )
    plugin_wheel(directory, "old-engine", "1.0")
    plugin_wheel(directory, "new-engine", "2.0")
    return directory


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = tmp_path / "worker" / "config.toml"

    def call(*arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "studio_worker_core.cli.main"),
                *("--config", str(config), *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done

    return call


def engines(run: Run) -> dict[str, dict[str, Any]]:
    return {e["engine"]: e for e in json.loads(run("engines", "list", "--json").stdout)}


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")
    with ExitStack() as stack:
        yield Field(tmp_path, stack)


def test_two_engines_with_conflicting_needs_serve_side_by_side(
    run: Run, dist: Path, field: Field, tmp_path: Path
) -> None:
    for name in ("old-engine", "new-engine"):
        done = run("engines", "install", name, "--isolated", "--find-links", str(dist))
        assert f"installed {name} 1.0 isolated: {name}" in done.stdout
    listed = engines(run)
    assert listed["old-engine"]["state"] == "ready"
    assert listed["new-engine"]["models"] == {"llm": ["new-engine-model"]}

    field.start_studio()
    config = tmp_path / "worker" / "config.toml"
    text = config.read_text("utf-8")
    default = f'api_base_url = "{Config().api_base_url}"'
    assert default in text
    config.write_text(text.replace(default, f'api_base_url = "{field.studio.url}"'), "utf-8")
    field.connected_worker()
    for name, version in (("old-engine", "1.0"), ("new-engine", "2.0")):
        job = field.operator.submit(
            f"{name}-model",
            {"kind": "llm", "messages": [{"role": "user", "content": "hi"}]},
            modelSource={"engine": name, "files": []},
        )
        ended = field.operator.wait_job(job)
        assert ended["state"] == "done", (ended, field.workers[0].output)
        assert said_text(field.operator.result(job)) == version

    # After an upgrade that lost an environment, sync brings it back from the books.
    environment = tmp_path / "worker" / "engines" / "old-engine"
    (environment / "studio-worker.json").unlink()
    broken = engines(run)["old-engine"]
    assert broken["state"] == "broken"
    assert "not finished" in broken["reason"]
    done = run("engines", "sync", "--find-links", str(dist))
    assert "installed" in done.stdout
    assert engines(run)["old-engine"]["state"] == "ready"

    run("engines", "uninstall", "old-engine")
    assert "old-engine" not in engines(run)
    assert not environment.exists()
    assert "nothing to do" not in run("engines", "uninstall", "old-engine", ok=False).stderr


def test_a_package_that_is_no_plugin_leaves_nothing_behind(
    run: Run, dist: Path, tmp_path: Path
) -> None:
    done = run(
        "engines", "install", "shared-library", "--isolated", "--find-links", str(dist), ok=False
    )
    assert "brings no plugin" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "worker" / "engines" / "shared-library").exists()
    assert "shared-library" not in run("config", "show").stdout


def test_a_package_that_does_not_exist_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run(
        *("engines", "install", "no-such-engine", "--isolated"),
        *("--find-links", str(empty), "--no-index"),
        ok=False,
    )
    assert "pip install failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "worker" / "engines" / "no-such-engine").exists()
