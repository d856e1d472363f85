"""``engines check``: the conformance kit on one engine, for people and for CI."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from studio_worker_core.cli.engines.parameters import parameters_for_any, typed_parameters
from studio_worker_core.cli.exit_codes import ExitCode
from studio_worker_core.cli.installed import engine_settings, installed_engines
from studio_worker_core.cli.interrupts import saying_what_stays
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.config import ConfigStore
from studio_worker_core.terminal import is_terminal, print_json, print_table

if TYPE_CHECKING:
    from studio_worker_core.plugin import Model
    from studio_worker_core.testing.conformance import Finding, Report

_STYLES = {"passed": None, "failed": "red", "skipped": "dim"}


_Name = Annotated[str, typer.Argument(help="An installed engine.", show_default=False)]
_AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
_Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="CHECK", help="Make this check; may be repeated."),
]
_Skip = Annotated[
    list[str] | None,
    typer.Option("--skip", metavar="CHECK", help="Leave this check out; may be repeated."),
]
_Model = Annotated[str | None, typer.Option(help="The model to check it with.")]
_ModelSource = Annotated[
    Path | None,
    typer.Option(
        "--model-source",
        metavar="FILE.json",
        help="Model source of that model, for an engine that serves any.",
    ),
]
_Param = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="A task parameter for every check, e.g. steps=1."),
]
_ListChecks = Annotated[
    bool, typer.Option("--list-checks", help="Show what each check means, and do nothing.")
]


def check(
    ctx: typer.Context,
    name: _Name = "",
    as_json: _AsJson = False,
    only: _Only = None,
    skip: _Skip = None,
    model: _Model = None,
    model_source: _ModelSource = None,
    param: _Param = None,
    list_checks: _ListChecks = False,
) -> None:
    """Check that an engine keeps the contract; exit status 1 when it does not.

    Every job runs in a real engine process, without a studio. It takes from a few seconds to
    some minutes.
    """
    # Imported here: the kit loads the lanes, which no other command of this group needs.
    from studio_worker_core.testing import conformance

    if list_checks:
        print_table(["check", "means"], [[each.name, each.meaning] for each in conformance.CHECKS])
        return
    if not name:
        raise typer.BadParameter("name the engine to check", param_hint="NAME")
    _require_known(*(only or ()), *(skip or ()))
    store = ConfigStore(invocation_of(ctx).config_path)
    quiet = invocation_of(ctx).verbosity < 0
    models = _models(store, name, model, model_source, quiet=quiet)
    roster, given = installed_engines(store), typed_parameters(param or ())
    entry = roster.find(name)
    parameters = parameters_for_any(entry.kinds, given) if entry and entry.ready else {}
    subject = conformance.subject_from(roster, name, models=models, parameters=parameters)
    if subject.entry.ready:
        setup = engine_settings(store).setup_of(subject.entry)
        subject = msgspec.structs.replace(subject, setup=setup)
    with saying_what_stays("the check is not complete; nothing stays of it"):
        report = conformance.check_engine(
            subject,
            only=only or (),
            skip=dict.fromkeys(skip or (), "left out with --skip"),
            on_finding=_teller(quiet=quiet or as_json),
        )
    if as_json:
        print_json(report.as_object())
    else:
        _print(report)
    if not report.passed:
        raise typer.Exit(ExitCode.FAILED)


def _require_known(*checks: str) -> None:
    from studio_worker_core.testing import conformance

    for wanted in checks:
        try:
            conformance.find_check(wanted)
        except LookupError as error:
            raise typer.BadParameter(str(error)) from None


def _models(
    store: ConfigStore, engine: str, name: str | None, source_file: Path | None, *, quiet: bool
) -> list[Model]:
    from studio_worker_core.cli.engines.model_files import ensured, read_model_source
    from studio_worker_core.plugin import Model

    if source_file is not None:
        found, source = read_model_source(source_file, name, engine)
        return [ensured(store, found, source, quiet=quiet)]
    return [Model(name)] if name is not None else []


def _teller(*, quiet: bool) -> Callable[[Finding], None]:
    """Says on a terminal how far it is; the table comes at the end."""

    def tell(finding: Finding) -> None:
        kind = f" ({finding.kind.value})" if finding.kind is not None else ""
        typer.echo(f"{finding.check}{kind}: {finding.outcome}", err=True)

    return (lambda _: None) if quiet or not is_terminal(sys.stderr) else tell


def _print(report: Report) -> None:
    print_table(
        ["check", "kind", "result", "seconds", "found"],
        [
            [
                finding.check,
                finding.kind.value if finding.kind is not None else "",
                finding.outcome,
                f"{finding.seconds:.2f}",
                " ".join(finding.detail.split()),
            ]
            for finding in report.findings
        ],
        styles=[_STYLES[finding.outcome] for finding in report.findings],
    )
    for finding in report.failed:
        typer.echo(f"{report.engine}: {finding.check} means: {finding.meaning}", err=True)
    who = f"{report.engine} ({report.distribution} {report.version})"
    if report.passed:
        typer.echo(f"{who} keeps the contract")
    elif report.failed:
        count = len(report.failed)
        checks = "1 check" if count == 1 else f"{count} checks"
        typer.echo(f"{who} does not keep the contract: {checks} failed")
    elif any(finding.outcome == "passed" for finding in report.findings):
        kinds = ", ".join(kind.value for kind in report.unproven)
        typer.echo(f"{who}: no check could be made for {kinds}; the table says why")
    else:
        typer.echo(f"{who}: nothing could be checked")
