"""A reader at work: the console blocks of one page, in order, in a home of their own.

The reader's environment sees what is installed here, can install more without touching it,
and reaches no package index. Only the studio's port is another one than the page says, so
that pages can be worked through side by side.
"""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import venv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.blocks import ROOT, Block, Command, commands_of
from tests.support.ports import lasting_port
from tests.support.processes import ProcessUnderTest

_PORT = "8765"
_SECONDS = 150.0
_LAUNCHER = """#!{python}
from {module} import {name}
raise SystemExit({name}())
"""


class Session:
    """Runs blocks below ``root``; ends what still runs when it is left."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "work"
        self._root = root
        self._port = lasting_port()
        self._running = ExitStack()
        self._environ: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True)
        home = self._root / "home"
        home.mkdir()
        environment = _environment(self._root / "venv")
        dropped = ("STUDIO_", "XDG_", "PIP_", "PYTEST_", "PYTHON", "FORCE_COLOR")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        self._environ = {
            **kept,
            "HOME": str(home),
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "STUDIO_URL": f"http://127.0.0.1:{self._port}/",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as "no isolation"
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    def write(self, block: Block, path: str) -> None:
        """Save a block as the file it shows."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text.replace(_PORT, str(self._port)), "utf-8")

    def run(self, block: Block) -> None:
        """Run the commands of a console block and compare what they print."""
        here = self.directory
        if block.mark("in the repository") is not None:
            self.directory = ROOT
        for command in commands_of(block):
            if block.mark("in another terminal") is not None:
                self._start(block, command)
            else:
                self._run(block, command)
        if block.mark("in the repository") is not None:
            self.directory = here

    def _start(self, block: Block, command: Command) -> None:
        process = ProcessUnderTest(
            ["bash", "-c", f"cd '{self.directory}' && exec {self._line(command.text)}"],
            env=self._environ,
        )
        process.name = f"{block.where}: {command.text}"
        self._running.enter_context(process)
        for shown in command.shown:
            if shown.strip() != "…":
                process.wait_line(_pattern(self._ported(shown)), timeout=_SECONDS)

    def _run(self, block: Block, command: Command) -> None:
        state = self._root / "state"
        # All variables are exported: the next command runs in a shell of its own.
        after = f"status=$?\n{{ pwd; env -0; }} > '{state}'\nexit $status"
        script = f"set -a\n{self._line(command.text)}\n{after}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        asked = f"{block.where}: $ {command.text}"
        assert done.returncode == 0, f"{asked}\nended with {done.returncode}:\n{done.stdout}"
        if command.shown:
            shown = "\n".join(self._ported(line) for line in command.shown)
            assert shown_matches(shown, done.stdout), (
                f"{asked}\nshould print:\n{shown}\nbut printed:\n{done.stdout}"
            )
        # A change of directory and exported variables hold for the next command.
        where, _, variables = state.read_text("utf-8").partition("\n")
        self.directory = Path(where)
        pairs = (entry.partition("=") for entry in variables.split("\0") if entry)
        self._environ = {name: value for name, _, value in pairs if name not in ("_", "SHLVL")}

    def _line(self, typed: str) -> str:
        line = self._ported(typed)
        return f"{line} --port {self._port}" if " studio serve" in line else line

    def _ported(self, text: str) -> str:
        return text.replace(_PORT, str(self._port))


def shown_matches(shown: str, printed: str) -> bool:
    """Whether ``printed`` is what a page shows; ``…`` stands for any text, and on a line of its
    own for any lines. How wide columns are does not count."""
    pieces = []
    for line in shown.strip().splitlines():
        pieces.append(r"(?:.*\n)*?" if line.strip() == "…" else _pattern(line) + r" *\n")
    normal = "".join(f"{_narrow(line)}\n" for line in printed.strip().splitlines())
    return re.fullmatch("".join(pieces), normal) is not None


def _pattern(line: str) -> str:
    return re.escape(_narrow(line)).replace("…", ".*")


def _narrow(line: str) -> str:
    return " ".join(line.split())


def _environment(directory: Path) -> Path:
    """A virtual environment on top of this one, with the commands a reader types."""
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    beneath = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (place,) = directory.glob("lib/python*/site-packages")
    lines = [f"import site; site.addsitedir({path!r})" for path in sorted(beneath)]
    (place / "beneath.pth").write_text("\n".join(lines) + "\n", "utf-8")
    commands = {
        "studio-worker": ("studio_worker_core.cli.main", "main"),
        "pip": ("pip._internal.cli.main", "main"),
        "pytest": ("pytest", "main"),
    }
    for command, (module, name) in commands.items():
        launcher = directory / "bin" / command
        launcher.write_text(_LAUNCHER.format(python=python, module=module, name=name), "utf-8")
        launcher.chmod(0o755)
    return directory
