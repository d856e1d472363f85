"""A chat from an offer to an answer, and from OpenAI's own client: real studio, real worker,
real llama.cpp."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from plugins.llm.tests.tiny_gguf import SENTENCE, rendered_length
from studio_worker_core.config import ConfigStore
from tests.downloads.file_server import FileServer, sha256
from tests.local_api.local_client import LocalClient
from tests.support.field import Field

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

HI: Any = [{"role": "user", "content": "hi"}]


class Standing:
    """A studio, a worker, and models on a loopback server."""

    def __init__(self, field: Field, server: FileServer, models: Path) -> None:
        self.field = field
        self.server = server
        self.models = models
        (self.worker,) = field.workers

    def source(self, name: str, *, cut: int | None = None, **defaults: Any) -> dict[str, Any]:
        data = (self.models / f"{name}.gguf").read_bytes()[:cut]
        url = self.server.serve(f"/{len(self.server.files)}/{name}.gguf", data)
        file = {"role": "model", "url": url, "filename": f"{name}.gguf", "sha256": sha256(data)}
        return {"engine": "llama-cpp", "files": [file], "cliDefaults": defaults}

    def done(self, model: str, source: dict[str, Any], **task: Any) -> dict[str, Any]:
        task = {"kind": "llm", "messages": HI, "temperature": 0, **task}
        operator = self.field.operator
        job_id = operator.submit(model, task, modelSource=source, maxAttempts=1)
        return operator.wait_job(job_id, timeout=150)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Standing]:
    server = FileServer()
    try:
        with ExitStack() as stack:
            field = Field(tmp_path_factory.mktemp("field"), stack)
            field.start_studio()
            env = {"STUDIO_WORKER_LLAMA_THREADS": "1"}
            field.connected_worker(settings="local_api_port = 0\n", env=env)
            yield Standing(field, server, models)
    finally:
        server.close()


@pytest.fixture
def client(standing: Standing) -> Iterator[openai.OpenAI]:
    token = ConfigStore(standing.worker.config).load().local_api_token
    assert token is not None
    with openai.OpenAI(
        base_url=f"{LocalClient(standing.worker).url}/v1",
        api_key=token.reveal(),
        max_retries=0,
        timeout=150,
    ) as client:
        yield client


def test_any_gguf_model_is_advertised(standing: Standing) -> None:
    capabilities = standing.field.operator.wait_worker("idle")["capabilities"]
    assert "llama-cpp:*" in capabilities["supportedModelsPerKind"]["llm"]


def test_a_model_is_fetched_loaded_once_and_answers(standing: Standing) -> None:
    source = standing.source("chain")
    for tokens, text, finish in ((64, SENTENCE, "stop"), (2, " Hello from", "length")):
        job = standing.done("tiny-chat", source, maxTokens=tokens)
        assert job["state"] == "done", job
        (choice,) = job["result"]["json"]["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == (text, finish)
        assert job["result"]["json"]["usage"]["prompt_tokens"] == rendered_length(("user", "hi"))
    loaded = [line for line in standing.worker.lines if "loaded tiny-chat" in line]
    assert len(loaded) == 1


def test_what_cannot_be_done_is_told_to_the_studio(standing: Standing) -> None:
    too_long = [{"role": "user", "content": "x" * 600}]
    job = standing.done("tiny-chat", standing.source("chain"), messages=too_long)
    assert (job["state"], "the context" in job["error"]) == ("failed", True), job
    damaged = standing.done("damaged", standing.source("chain", cut=200_000))
    assert damaged["state"] == "failed"
    assert standing.done("tiny-chat", standing.source("chain"))["state"] == "done"


def test_openais_client_reads_it_whole_and_as_a_stream(
    standing: Standing, client: openai.OpenAI
) -> None:
    standing.done("tiny-chat", standing.source("chain"))
    whole = client.chat.completions.create(model="tiny-chat", messages=HI, temperature=0)
    assert whole.choices[0].message.content == SENTENCE
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.prompt_tokens == rendered_length(("user", "hi"))
    chunks = list(
        client.chat.completions.create(
            model="tiny-chat",
            messages=HI,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    pieces = [each.choices[0].delta.content for each in chunks if each.choices]
    told = [piece for piece in pieces if piece]
    assert "".join(told) == SENTENCE
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage


def test_a_client_that_leaves_ends_the_answer(standing: Standing, client: openai.OpenAI) -> None:
    source = standing.source("endless", contextSize=100_000)
    assert standing.done("endless-chat", source, maxTokens=1)["state"] == "done"
    with client.chat.completions.create(
        model="endless-chat", messages=HI, max_tokens=90_000, stream=True
    ) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    again = client.chat.completions.create(model="endless-chat", messages=HI, max_tokens=2)
    assert again.choices[0].message.content == " Hello from"


def test_a_schema_is_kept(standing: Standing, client: openai.OpenAI) -> None:
    standing.done("tiny-noise", standing.source("random"), maxTokens=1)
    answer = client.chat.completions.create(
        model="tiny-noise",
        messages=HI,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"enum": ["fox", "owl"]}},
        },
    )
    assert answer.choices[0].message.content in ('"fox"', '"owl"')
