"""What is installed costs the commands nothing once it has been asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.plugin_builder import build_plugin, good_source

PLUGINS = [f"guest{number}" for number in range(4)]


@pytest.fixture
def record(tmp_path: Path, environ: dict[str, str]) -> Path:
    """Where each plugin writes its name when it is imported; one of them is slow."""
    path = tmp_path / "imports.txt"
    site = tmp_path / "site"
    site.mkdir()
    for name in PLUGINS:
        tell = f"with open({str(path)!r}, 'a') as file: file.write('{name}\\n')\n"
        slow = "import time\ntime.sleep(3)\n" if name == PLUGINS[0] else ""
        build_plugin(site, name, tell + slow + good_source(name))
    environ["PYTHONPATH"] = str(site)
    environ["STUDIO_WORKER_PLUGINS"] = ",".join(PLUGINS)
    return path


def test_no_plugin_is_imported_once_all_have_been_asked(cli: Run, record: Path) -> None:
    assert cli("engines", "list").returncode == 0
    assert sorted(record.read_text().split()) == PLUGINS
    for arguments in (["--help"], ["engines", "list"], ["engines", "list", "--json"], ["status"]):
        shown = cli(*arguments)
        assert "Traceback" not in shown.stderr
        if arguments[0] == "engines":
            assert all(name in shown.stdout for name in PLUGINS)
    assert sorted(record.read_text().split()) == PLUGINS, "nothing was imported again"


def test_the_commands_never_import_a_plugin_into_their_own_process(
    environ: dict[str, str], record: Path
) -> None:
    script = (
        "import sys\n"
        "from studio_worker_core.cli.main import main\n"
        "for words in (['--help'], ['engines', 'list']):\n"
        "    main(words)\n"
        f"assert not set({PLUGINS!r}) & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert record.exists(), "they were imported, elsewhere"
