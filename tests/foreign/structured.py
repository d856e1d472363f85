"""Answers by a schema, asked for with ``instructor`` on the newest client of OpenAI; run in the
environment of the foreign clients. Prints what came, as JSON.

The client reads OPENAI_BASE_URL and OPENAI_API_KEY itself.
"""

# mypy: ignore-errors

from __future__ import annotations

import json

import instructor
import openai
from pydantic import BaseModel


class Dog(BaseModel):
    """What is asked for."""

    name: str
    age: int


client = instructor.from_openai(openai.OpenAI(), mode=instructor.Mode.JSON_SCHEMA)
asked = {
    "model": "synthetic-llm",
    "response_model": Dog,
    "messages": [{"role": "user", "content": "a dog"}],
}
whole = client.chat.completions.create(**asked, max_retries=0)
parts = list(client.chat.completions.create_partial(**asked))
print(json.dumps([whole.model_dump(), parts[-1].model_dump()]))
