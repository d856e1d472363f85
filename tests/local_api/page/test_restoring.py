"""A job of the history as a form."""

from __future__ import annotations

from msgspec.structs import replace

from studio_worker_core.journal.records import JobFacts, Recipe
from studio_worker_core.local_api.page.forms import MESSAGE, form_of
from studio_worker_core.local_api.page.restoring import Restored, restored
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask, Task, TaskKind

FACTS = JobFacts(
    number=1, job_id="j", source="local", kind="image", engine="e", model="m", seed=2**64 - 1
)


def form(
    task: Task, kind: TaskKind, facts: JobFacts = FACTS, *, new_seed: bool = False
) -> Restored:
    recipe = Recipe(task, ModelSource("e"))
    return restored(facts, recipe, form_of(kind), ["m"], new_seed=new_seed)


def test_every_parameter_is_filled_in_with_the_seed_that_was_used() -> None:
    task = ImageTask(
        prompt="a\nb", cfg_scale=7.123456789, width=64, options={"loud": False, "warmth": 0.5}
    )
    values = form(task, TaskKind.IMAGE).values
    assert values["prompt"] == "a\nb"
    assert values["cfg_scale"] == "7.123456789"
    assert (values["width"], values["steps"], values["ext"]) == ("64", "20", "webp")
    assert (values["option.loud"], values["option.warmth"]) == ("no", "0.5")
    assert values["seed"] == "18446744073709551615"
    assert "seed" not in form(task, TaskKind.IMAGE, new_seed=True).values
    assert form(task, TaskKind.IMAGE).lost == ()


def test_what_cannot_be_filled_in_is_said() -> None:
    task = ImageTask(prompt="a", init_image_url="upload:init_image")
    facts = replace(FACTS, model="gone", inputs={"init_image": "00"})
    lost = form(task, TaskKind.IMAGE, facts).lost
    assert "The model gone is not here now" in lost[0]
    assert "the file is not kept" in lost[1]
    assert len(lost) == 2


def test_a_chat_has_its_last_message_and_says_that_the_rest_is_not_there() -> None:
    task = LlmTask(
        messages=[
            ChatMessage("user", "a"),
            ChatMessage("assistant", "b"),
            ChatMessage("user", "c"),
        ],
        stop=["x", "y"],
        json_schema={"type": "object"},
        images=["data:sha256"],
    )
    facts = replace(FACTS, kind="llm", seed=None)
    made = form(task, TaskKind.LLM, facts)
    assert made.values[MESSAGE] == "c"
    assert made.values["stop"] == "x\ny"
    assert made.values["json_schema"] == '{"type": "object"}'
    assert len(made.lost) == 2
