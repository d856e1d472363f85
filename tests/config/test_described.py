"""What is said of each setting comes from where it is declared."""

from __future__ import annotations

import pytest

from studio_worker_core.config import Config, config_keys, value_of
from studio_worker_core.config.described import (
    AT_START,
    WRITTEN_BY_COMMANDS,
    described,
    table_words,
)
from studio_worker_core.config.winning import VARIABLES


def test_every_key_has_words_a_type_and_its_default() -> None:
    found = {info.key: info for info in described()}
    assert set(found) == set(config_keys())
    for key, info in found.items():
        assert info.words, key
        assert "`" not in info.words, key
        assert info.default == value_of(Config(), key), key
    assert all(table_words().values())


@pytest.mark.parametrize("key", [*AT_START, *WRITTEN_BY_COMMANDS, *VARIABLES])
def test_keys_that_are_named_here_exist(key: str) -> None:
    assert key in config_keys()


def test_types_and_bounds_are_those_of_the_structs() -> None:
    found = {info.key: info for info in described()}
    assert found["auth_token"].type == "secret"
    assert found["models_root"].type == "path"
    assert found["api.aliases"].type == "pairs"
    assert found["plugins.disabled"].type == "list"
    assert (found["limits.keep_warm"].least, found["limits.keep_warm"].most) == (0, 64)
    assert found["registrations"].is_ours
    assert found["plugins.installed"].is_ours
    assert not found["vram_threshold_gb"].is_ours
