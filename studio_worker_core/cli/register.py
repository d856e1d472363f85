"""``studio-worker register``: ask a studio to take this worker, and wait for its decision."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing
from typing import Annotated

import typer

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.cli.address import configured_address
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import (
    AlreadyRunning,
    ConfigError,
    RegistrationRejected,
    StudioError,
    WireError,
)
from studio_worker_core.host.facts import host_facts
from studio_worker_core.host.lock import InstanceLock
from studio_worker_core.registration import (
    Approved,
    Identity,
    Pending,
    Pristine,
    Rejected,
    Standing,
    identity_at,
    same_studio,
    settle,
)
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.urls import normalise_base_url
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest, RegisterResponse

app = typer.Typer(rich_markup_mode=None)


@app.command()
def register(
    ctx: typer.Context,
    api_base_url: Annotated[
        str | None,
        typer.Option(
            "--api-base-url",
            metavar="URL",
            help="The studio's address; kept in the configuration.",
            show_default=False,
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Forget earlier credentials and ask as a new worker.")
    ] = False,
) -> None:
    """Ask a studio to take this worker and wait until its operator has decided.

    Ctrl-C ends the waiting, not the request: 'register' or 'run' goes on with it. Beside a
    running worker, --reset and another address are handed to it and nothing is waited for.
    """
    invocation = invocation_of(ctx)
    store = ConfigStore(invocation.config_path)
    store.load()
    wanted = normalise_base_url(api_base_url or configured_address(store))
    with ExitStack() as stack:
        try:
            stack.enter_context(InstanceLock(store.lock_path))
        except AlreadyRunning as running:
            # It registers by itself; two at once would confuse the studio and the file.
            if not reset and same_studio(store.config.api_base_url, wanted):
                raise
            _prepare(store, wanted, reset=reset)
            _say_who_goes_on(running, wanted, reset=reset)
            return
        _prepare(store, wanted, reset=reset)
        here = identity_at(wanted, store.config)
        if here.worker_id and here.auth_token:
            typer.echo(
                f"already registered at {store.config.api_base_url} as {here.worker_id}; "
                "--reset asks again as a new worker"
            )
            return
        _ask(store, invocation.verbosity)


class _AskingClient(StudioClient):
    """Remembers why asking failed: at a terminal that is the answer, not a retry."""

    failure: StudioError | WireError | None = None

    def register_request(self, request: RegisterRequest) -> RegisterResponse:
        """As the parent's; keeps what it raises."""
        try:
            return super().register_request(request)
        except (StudioError, WireError) as error:
            self.failure = error
            raise


def _prepare(store: ConfigStore, wanted: str, *, reset: bool) -> None:
    """Make ``wanted`` the configured studio, and with ``reset`` this worker new to it."""
    before = store.config
    if not same_studio(before.api_base_url, wanted):
        here = identity_at(before.api_base_url, before)
        known = identity_at(wanted, before) != Identity(install_id=before.install_id)
        is_somebody = here.worker_id is not None or here.request_id is not None
        if is_somebody and not known and not reset:
            raise ConfigError(
                f"this worker is registered (or asking) at {before.api_base_url}; add --reset to "
                f"ask {wanted} as a new worker. What it is at {before.api_base_url} is kept",
                path=store.path,
                key="api_base_url",
            )
        store.update(api_base_url=wanted)
    if reset:
        with closing(StudioClient(wanted)) as client:
            Registrar(store, client, lambda: _capabilities(store)).reset()
    settle(store)


def _say_who_goes_on(running: AlreadyRunning, wanted: str, *, reset: bool) -> None:
    worker = f"process {running.pid}" if running.pid is not None else "another process"
    what = "asks anew, as a new worker" if reset else "goes on there"
    typer.echo(
        f"the running worker ({worker}) takes this up within seconds and {what}, at {wanted}/; "
        "'studio-worker status' shows how far it is"
    )


def _ask(store: ConfigStore, verbosity: int) -> None:
    # Until the request is accepted a failure is the command's own last word.
    logging.getLogger("studio_worker").addHandler(logging.NullHandler())
    stop = threading.Event()
    client = _AskingClient(normalise_base_url(store.config.api_base_url))
    with ExitStack() as waiting:

        def tell(state: Standing) -> None:
            match state:
                case Pending(request_id=request_id):
                    typer.echo(_what_to_do(store.config, request_id))
                    # From here on, what goes wrong in between is worth a line. Routine is not.
                    waiting.enter_context(TerminalReporter(verbosity or -1, live=False))
                case Pristine() if client.failure is not None:
                    stop.set()

        decision = Registrar(store, client, lambda: _capabilities(store)).run(stop, tell)
    match decision:
        case Approved(worker_id=worker_id):
            typer.echo(f"approved as {worker_id}; start it with 'studio-worker run'")
        case Rejected(reason=reason):
            raise RegistrationRejected(reason)
        case None if client.failure is not None:
            raise client.failure


def _what_to_do(config: Config, request_id: str) -> str:
    return (
        f"Request {request_id} waits at {config.api_base_url}\n"
        "The studio's operator has to approve it: on its workers page, or with\n"
        f"  studio-worker studio approve {request_id}\n"
        "Waiting; Ctrl-C ends the waiting, not the request."
    )


def _capabilities(store: ConfigStore) -> Capabilities:
    return build_capabilities(
        store.config,
        host_facts(),
        installed_engines(store).offerings(),
        paused=store.config.paused,
        presence=None,
    )
