"""``studio-worker setup``: the settings that a new worker needs, asked for and set at once."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from studio_worker_core.cli.address import configured_address
from studio_worker_core.cli.interrupts import saying_what_stays
from studio_worker_core.cli.invocation import Invocation, invocation_of
from studio_worker_core.cli.questions import InputEnded, agreed, answer_to, has_terminal
from studio_worker_core.cli.status import running_worker
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.config.values import value_from_text
from studio_worker_core.errors import ConfigError, StudioError, WireError
from studio_worker_core.foreign_text import printable
from studio_worker_core.host.gpu import GpuMemory, default_vram_threshold, gpu_memory
from studio_worker_core.registration import change_settings, identity_at
from studio_worker_core.studio_client.recognising import recognise
from studio_worker_core.studio_client.urls import normalise_base_url

app = typer.Typer(rich_markup_mode=None)

_UNCHANGED = "nothing was changed"
_UNTRIED = "'studio-worker config set api_base_url URL' sets an address without trying it"


@app.command()
def setup(
    ctx: typer.Context,
    api_base_url: Annotated[
        str | None,
        typer.Option(
            "--api-base-url", metavar="URL", help="The studio's address.", show_default=False
        ),
    ] = None,
    models_root: Annotated[
        str | None,
        typer.Option(
            "--models-root", metavar="DIR", help="Where model files go.", show_default=False
        ),
    ] = None,
    vram_threshold: Annotated[
        str | None,
        typer.Option(
            "--vram-threshold",
            metavar="GB",
            help="The most GPU memory one job may need; 0 takes no GPU jobs.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: what no option names stays as it is.")
    ] = False,
) -> None:
    """Set this worker up: ask for the studio's address, the models folder and the GPU limit.

    Enter keeps what stands in brackets. What an option names is not asked, and without a terminal
    only options count. The address is tried; the settings are written together at the end.
    """
    invocation = invocation_of(ctx)
    store = ConfigStore(invocation.config_path)
    store.load()
    named = [each for each in (api_base_url, models_root, vram_threshold) if each is not None]
    asks = not yes and has_terminal()
    if not (asks or yes or named):
        raise ConfigError(
            "'setup' asks questions, and there is no terminal: name the settings with "
            "--api-base-url, --models-root and --vram-threshold, or add --yes to keep them",
            path=store.path,
        )
    ask: _Ask = answer_to if asks else _unasked
    with saying_what_stays(_UNCHANGED):
        try:
            changes = _named(store, models_root, vram_threshold)
            base_url = _address(store, api_base_url, ask=ask, asks=asks)
            if models_root is None:
                changes |= _models_folder(store, ask)
            if vram_threshold is None:
                changes |= _limit(store, ask)
        except InputEnded:
            typer.echo(_UNCHANGED, err=True)
            raise
    change_settings(store, base_url, changes)
    if invocation.verbosity >= 0:
        typer.echo(_what_is_next(store, invocation))


_Ask = Callable[[str, str, Callable[[str], Any]], Any]


def _unasked(_question: str, default: str, read: Callable[[str], Any]) -> Any:
    return read(default)


def _address(store: ConfigStore, given: str | None, *, ask: _Ask, asks: bool) -> str:
    """The studio's address, tried; at a terminal it may be kept although nobody answers there."""
    while True:
        if given is not None:
            base_url = normalise_base_url(given)
        else:
            is_lost = asks and store.has_lost_its_studio
            default = "" if is_lost else configured_address(store)
            base_url = ask("The studio's address", default, normalise_base_url)
        try:
            recognise(base_url)
        except (StudioError, WireError) as error:
            if given is not None or not asks:
                typer.echo(f"{_UNCHANGED}; {_UNTRIED}", err=True)
                raise
            typer.echo(f"  {printable(str(error))}")
            if not agreed(f"Use {base_url} all the same?"):
                continue
        return str(base_url)


def _named(store: ConfigStore, models_root: str | None, limit: str | None) -> dict[str, Any]:
    """What the options say, empty text being the default."""
    changes: dict[str, Any] = {}
    if models_root is not None:
        changes["models_root"] = _directory(store, models_root) or None
    if limit is not None:
        changes["vram_threshold_gb"] = value_from_text("vram_threshold_gb", limit, store.path)
    return changes


def _models_folder(store: ConfigStore, ask: _Ask) -> dict[str, Any]:
    now = str(store.models_root)
    chosen = ask("Directory for the model files", now, lambda text: _directory(store, text))
    return {"models_root": chosen} if chosen != now else {}


def _directory(store: ConfigStore, text: str) -> str:
    """As it was typed: who reads the setting expands it."""
    value = value_from_text("models_root", text, store.path)
    folder = store.directory / value if value is not None else store.models_root
    try:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is no directory", path=store.path, key="models_root")
    except OSError as error:
        said = f"{folder} cannot be used: {error.strerror}"
        raise ConfigError(said, path=store.path, key="models_root") from None
    return text.strip()


def _limit(store: ConfigStore, ask: _Ask) -> dict[str, Any]:
    memory = gpu_memory()
    now = store.config.vram_threshold_gb
    if now == Config().vram_threshold_gb:
        now = min(now, default_vram_threshold(memory))
    shown = f"{now:g}"

    def read(text: str) -> Any:
        return now if text == shown else value_from_text("vram_threshold_gb", text, store.path)

    question = f"Most GPU memory one job may need, in GB ({_in_words(memory)})"
    return {"vram_threshold_gb": ask(question, shown, read)}


def _in_words(memory: GpuMemory | None) -> str:
    if memory is None:
        return "no GPU was found here; 0 takes no GPU jobs"
    return f"this machine has {memory.total_gb:g}; 0 takes no GPU jobs"


def _what_is_next(store: ConfigStore, invocation: Invocation) -> str:
    config = store.config
    base_url = normalise_base_url(config.api_base_url)
    here = identity_at(base_url, config)
    pid = running_worker(store.lock_path)
    lines = [
        f"set in {store.path}:",
        f"  studio     {config.api_base_url}",
        f"  models     {store.models_root}",
        f"  GPU limit  {config.vram_threshold_gb:g} GB a job",
    ]
    if pid is None:
        lines.append(f"Next: {_command(invocation, 'run')}")
    else:
        lines.append(
            f"The running worker (process {pid}) takes this up within seconds; another models "
            "directory when it is started again."
        )
    if here.worker_id and here.auth_token:
        lines.append(f"It is approved there already, as {here.worker_id}.")
    elif here.rejected is not None:
        lines.append(
            f"That studio rejected it: {_command(invocation, 'register --reset')} asks again."
        )
    else:
        lines.append(f"It asks the studio to be let in; approve it at {base_url}/graphics")
    return "\n".join(printable(line) for line in lines)


def _command(invocation: Invocation, name: str) -> str:
    chosen: Path | None = invocation.config_option
    config = f" --config {shlex.quote(str(chosen))}" if chosen is not None else ""
    return f"studio-worker{config} {name}"
