from __future__ import annotations

import pytest

from studio_worker_core.errors import PluginError
from studio_worker_core.installing import requirement_name


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("my-engine", "my-engine"),
        ("My_Engine", "my-engine"),
        ("my.engine[fast]>=1.2,<2", "my-engine"),
        ("my-engine == 1.0", "my-engine"),
        ("my-engine; python_version > '3'", "my-engine"),
        ("x", "x"),
    ],
)
def test_a_requirement_names_its_distribution(requirement: str, name: str) -> None:
    assert requirement_name(requirement) == name


@pytest.mark.parametrize("requirement", ["", "./dir", "--pre", "a b", "git+https://x/y", "-e ."])
def test_anything_else_is_refused_with_the_remedy(requirement: str) -> None:
    with pytest.raises(PluginError, match="as pip would find it"):
        requirement_name(requirement)
