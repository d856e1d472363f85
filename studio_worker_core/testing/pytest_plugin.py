"""The conformance kit as a pytest plugin: each check a test of its own.

::

    import pytest

    @pytest.mark.studio_worker_engine("my-engine")
    def test_the_engine_keeps_the_contract(conformance_check):
        conformance_check.verify()

The marker takes the engine's name and, all optional, ``parameters`` (task fields for every
sample task), ``skip`` (check → why it is left out) and ``models`` (a sequence of
:class:`~studio_worker_core.plugin.Model` with their files, for an engine that advertises
``"<engine>:*"``). Several engines are several markers, one for each ``pytest.param``.

Nothing of the kit is imported before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from studio_worker_core.plugin import Model
    from studio_worker_core.testing.conformance import Check, Finding, Workshop

__all__ = ["ConformanceCheck", "ConformanceWorkshops"]

_MARKER = "studio_worker_engine"
_FIXTURE = "conformance_check"


class ConformanceCheck:
    """One check of one engine, waiting to be made."""

    def __init__(self, workshop: Workshop, check: Check, skip: Mapping[str, str]) -> None:
        self.workshop = workshop
        self.check = check
        self._skip = skip

    def verify(self) -> list[Finding]:
        """Make the check; the test fails or is skipped with the check's own reason."""
        from studio_worker_core.testing.conformance import make_check

        skip = self._skip.get(self.check.name)
        findings = list(make_check(self.workshop, self.check, skip=skip))
        failed = [finding for finding in findings if finding.outcome == "failed"]
        if failed:
            lines = "\n".join(_line(finding) for finding in failed)
            pytest.fail(f"{self.check.name}: {self.check.meaning}\n{lines}", pytrace=False)
        if all(finding.outcome == "skipped" for finding in findings):
            pytest.skip("; ".join(_line(finding) for finding in findings))
        return findings


class ConformanceWorkshops:
    """The workshop of the engine under test; one at a time, so that no lanes pile up."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = ExitStack()
        self._key: object = None
        self._workshop: Workshop | None = None
        self._count = 0

    def open(self, engine: str, models: Sequence[Model], parameters: Mapping[str, Any]) -> Workshop:
        """The workshop of an installed engine."""
        from studio_worker_core.testing.conformance import Workshop, installed_subject

        key = (engine, tuple(models), tuple(sorted(parameters.items())))
        if self._workshop is None or key != self._key:
            self.close()
            self._count += 1
            root = self._root / f"{engine}-{self._count}"
            root.mkdir()
            subject = installed_subject(engine, models=models, parameters=parameters)
            self._workshop = self._stack.enter_context(Workshop(subject, root))
            self._key = key
        return self._workshop

    def close(self) -> None:
        """End its processes."""
        self._stack.close()
        self._workshop = None


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(name, models=(), parameters={{}}, skip={{}}): the engine that the fixture "
        f"{_FIXTURE} checks",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each check."""
    if _FIXTURE in metafunc.fixturenames:
        from studio_worker_core.testing.conformance import CHECKS

        metafunc.parametrize(_FIXTURE, [check.name for check in CHECKS], indirect=True)


@pytest.fixture(scope="module")
def conformance_workshops(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ConformanceWorkshops]:
    """Keeps the engine's process between the checks of a module."""
    workshops = ConformanceWorkshops(tmp_path_factory.mktemp("conformance"))
    yield workshops
    workshops.close()


@pytest.fixture
def conformance_check(
    request: pytest.FixtureRequest, conformance_workshops: ConformanceWorkshops
) -> ConformanceCheck:
    """One check of the engine named by the marker ``studio_worker_engine``."""
    from studio_worker_core.testing.conformance import find_check

    marker = request.node.get_closest_marker(_MARKER)
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses {_FIXTURE}; name the engine with "
            f'@pytest.mark.{_MARKER}("my-engine")'
        )
    options = dict(marker.kwargs)
    skip = options.pop("skip", {})
    models, parameters = options.pop("models", ()), options.pop("parameters", {})
    if options:
        raise pytest.UsageError(f"the marker {_MARKER} has no option {', '.join(options)}")
    for name in skip:
        find_check(name)
    workshop = conformance_workshops.open(marker.args[0], models, parameters)
    return ConformanceCheck(workshop, find_check(request.param), skip)


def _line(finding: Finding) -> str:
    kind = f"{finding.kind.value}: " if finding.kind is not None else ""
    return f"{kind}{finding.detail}"
