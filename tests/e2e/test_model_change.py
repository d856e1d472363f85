"""A registry that gives a model's name other files gets answers from those files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.downloads.file_server import FileServer, sha256
from tests.support.fault_answers import said_text
from tests.support.field import Field
from tests.support.plugin_builder import HEAD, build_plugin

PLUGIN = (
    HEAD + "@hookimpl\ndef studio_worker_engines(host):\n"
    "    return [EngineSpec(name='reader', models={TaskKind.LLM: ['reader:*']},\n"
    "                       factory='reader_engine:Reader')]\n"
)
ENGINE = """
from studio_worker_core.plugin import Engine
class Reader(Engine):
    def load(self, model):
        self.read = model.file("weights").read_text()
        self.steps = model.defaults.steps
    def generate(self, job):
        message = {"content": f"{self.read} {self.steps}"}
        return {"choices": [{"message": message}]}
"""
TASK = {"kind": "llm", "messages": [{"role": "user", "content": "what did you load?"}]}


def test_new_files_under_an_old_name_answer_the_next_job(field: Field, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    build_plugin(site, "reader", PLUGIN)
    (site / "reader_engine.py").write_text(ENGINE, "utf-8")
    field.start_studio()
    field.connected_worker(env={"PYTHONPATH": str(site)})
    server = FileServer()

    def answer(data: bytes, path: str, **more: Any) -> str:
        file = {
            "role": "weights",
            "filename": "weights.bin",
            "sha256": sha256(data),
            "url": server.serve(path, data),
        }
        source = {"engine": "reader", "files": [file], **more}
        job = field.operator.submit("a-model", TASK, modelSource=source, maxAttempts=1)
        ended = field.operator.wait_job(job)
        assert ended["state"] == "done", ended
        return said_text(field.operator.result(job))

    try:
        assert answer(b"first", "/one") == "first None"
        assert answer(b"first", "/one") == "first None"
        assert answer(b"again", "/one") == "again None", "another sha256 at the same address"
        assert answer(b"other", "/two") == "other None", "another address"
        assert answer(b"other", "/two", cliDefaults={"steps": 7}) == "other 7"
    finally:
        server.close()
