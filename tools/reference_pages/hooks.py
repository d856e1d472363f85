"""The hook reference: everything public in ``studio_worker_core.plugin``, from its source."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from studio_worker_core import plugin, secrets
from studio_worker_core.errors import jobs as job_errors
from studio_worker_core.plugin import engine, hooks, job
from studio_worker_core.wire import models as wire_models
from studio_worker_core.wire import tasks as wire_tasks
from tools.reference_pages.markdown import (
    GENERATED,
    attribute_docs,
    cell,
    class_nodes,
    plain,
    table,
)

_TASKS = ("ImageTask", "LlmTask", "ChatMessage", "AudioSttTask", "AudioTtsTask", "VideoTask")
_GIVEN = (
    "HostInfo",
    "Job",
    "Model",
    "Place",
    "CliDefaults",
    "Secret",
    *_TASKS,
    "TaskKind",
    "JobEvent",
)
_ANSWERED = ("EngineSpec", "CapabilityReport", "CommandSpec")
_ERRORS = ("InvalidTask", "EngineFailed", "JobCancelled")

_PARAMETER = re.compile(r"^:param (\w+): ", re.MULTILINE)

_OPENING = """# Hook reference

Everything a plugin may import is in `studio_worker_core.plugin`; nothing else is public.
The page shows version {version} of the contract.
[How versions evolve](../plugins/versions.md) says what may change without a new version.

## Hooks

Write any of these functions in your plugin module and mark them with `@hookimpl`.
A hook may leave out arguments that it does not need.

"""


def page() -> str:
    """The whole page."""
    nodes: dict[str, ast.ClassDef] = {}
    for module in (hooks, job, engine, secrets, wire_tasks, wire_models):
        nodes |= class_nodes(module)
    parts = [
        _OPENING.format(version=plugin.API_VERSION),
        *(_function(node, "###") for node in _public_functions(nodes["HookSpecs"])),
        "## What a plugin writes\n",
        _class(nodes["Engine"]),
        "## What hooks answer\n",
        *(_class(nodes[name]) for name in _ANSWERED),
        "## What the host hands in\n",
        *(_class(nodes[name]) for name in _GIVEN),
        _task_alias(),
        "## Errors an engine raises\n",
        *(_class(class_nodes(job_errors)[name]) for name in _ERRORS),
        _constants(),
    ]
    missing = [name for name in plugin.__all__ if f"`{name}`" not in "".join(parts)]
    if missing:
        raise SystemExit(f"the hook reference says nothing about {', '.join(missing)}")
    return GENERATED + "\n".join(parts)


def _class(node: ast.ClassDef) -> str:
    text = f"### `{node.name}`\n\n"
    text += plain(inspect.cleandoc(ast.get_docstring(node) or "")) + "\n"
    fields = _fields(node)
    if fields:
        text += "\n" + table(["field", "type", "meaning"], fields)
    for function in _public_functions(node):
        text += "\n" + _function(function, "####")
    return text


def _fields(node: ast.ClassDef) -> list[list[str]]:
    docs = attribute_docs(node)
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            docs |= attribute_docs(function)
    rows = []
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                kind = ast.unparse(statement.annotation)
                if statement.value is not None and not _is_factory(statement.value):
                    kind += f" = {ast.unparse(statement.value)}"
                rows.append([f"`{name}`", f"`{kind}`", plain(docs.get(name, ""))])
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
                rows.append([f"`{name}`", f"`{ast.unparse(value)}`", plain(docs.get(name, ""))])
            case ast.FunctionDef(name="__init__"):
                rows += [[f"`{n}`", f"`{t}`", plain(docs.get(n, ""))] for n, t in _given(statement)]
    return rows


def _given(init: ast.FunctionDef) -> list[tuple[str, str]]:
    """Public attributes that ``__init__`` sets, with the types of its arguments."""
    types = {
        argument.arg: ast.unparse(argument.annotation)
        for argument in (*init.args.args, *init.args.kwonlyargs)
        if argument.annotation is not None
    }
    return [
        (attribute.attr, types.get(attribute.attr, ""))
        for statement in init.body
        if isinstance(statement, ast.Assign)
        for attribute in statement.targets
        if isinstance(attribute, ast.Attribute) and not attribute.attr.startswith("_")
    ]


def _is_factory(value: ast.expr) -> bool:
    return isinstance(value, ast.Call)


def _public_functions(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [
        item
        for item in node.body
        if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
    ]


def _function(node: ast.FunctionDef, heading: str) -> str:
    arguments = ast.unparse(node.args).removeprefix("self, ").removeprefix("self")
    answer = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    is_property = any(ast.unparse(d) == "property" for d in node.decorator_list)
    shown = f"{node.name}{answer}" if is_property else f"{node.name}({arguments}){answer}"
    text = inspect.cleandoc(ast.get_docstring(node) or "")
    about, *parameters = _PARAMETER.split(text)
    body = plain(about) + "\n"
    for name, meaning in zip(parameters[::2], parameters[1::2], strict=True):
        body += f"\n- `{name}`: {cell(plain(meaning))}\n"
    return f"{heading} `{node.name}`\n\n```text\n{shown}\n```\n\n{body}"


def _task_alias() -> str:
    return (
        "### `Task`\n\nAny of "
        + ", ".join(f"`{name}`" for name in _TASKS if name.endswith("Task"))
        + ". What `generate` returns is an `Output`: "
        + cell(plain(_module_docs()["Output"]))
        + "\n"
    )


def _constants() -> str:
    docs = _module_docs()
    rows = [
        ["`API_VERSION`", f"`{plugin.API_VERSION}`", plain(docs["API_VERSION"])],
        ["`ENTRY_POINT_GROUP`", f"`{plugin.ENTRY_POINT_GROUP}`", "The group of the entry points."],
        ["`hookimpl`", "a decorator", plain(docs["hookimpl"])],
        ["`HookSpecs`", "a class", "Holds the hooks above; a plugin does not need it."],
    ]
    return "## Constants\n\n" + table(["name", "value", "meaning"], rows)


def _module_docs() -> dict[str, str]:
    found: dict[str, str] = {}
    for module in (hooks, engine):
        found |= attribute_docs(ast.parse(Path(inspect.getfile(module)).read_text("utf-8")))
    return found
