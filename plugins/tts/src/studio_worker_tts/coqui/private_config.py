"""A private copy of a model's config that names only the files we were given.

The config comes from whoever made the model and is not to be trusted: paths in it point at
the maker's machine, addresses would be fetched, and some values name Python code to import.
The copy keeps what describes the network and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from studio_worker_core.plugin import EngineFailed, InvalidTask

SERVED = frozenset(
    {
        "align_tts",
        "delightful_tts",
        "fast_pitch",
        "fast_speech",
        "fastspeech2",
        "forward_tts",
        "glow_tts",
        "neuralhmm_tts",
        "overflow",
        "speedy_speech",
        "tacotron",
        "tacotron2",
        "vits",
        "xtts",
    }
)
"""Architectures whose parts all come as files. Bark and Tortoise fetch theirs from hubs."""

VOCODERS = frozenset(
    {
        "fullband_melgan",
        "hifigan",
        "melgan",
        "multiband_melgan",
        "parallel_wavegan",
        "univnet",
        "wavegrad",
        "wavernn",
    }
)
ENCODERS = frozenset({"speaker_encoder", "emotion_encoder", "lstm", "resnet"})

_LONGEST = 16 * 1024 * 1024
_FILE_KEYS = {
    "speakers_file": "speakers",
    "speaker_file": "speakers",
    "d_vector_file": "d-vectors",
    "language_ids_file": "languages",
    "speaker_encoder_model_path": "speaker-encoder",
    "speaker_encoder_config_path": "speaker-encoder-config",
    "mel_statistics_parameter_path": "mel-statistics",
    "tokenizer_file": "vocab",
}
_SECTIONS = ("model_args", "generator_model_params")
_LOOKS_LIKE_A_PLACE = re.compile(r"(^|_)(path|file|dir|folder|root|url)s?$")
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z0-9+.-]+)*:/?/")
_CHARACTERS = re.compile(r"TTS\.tts\.(utils\.text\.characters|models\.vits)\.[A-Za-z]\w*")
_CLEANER = re.compile(r"[a-z_]*cleaners")
_MODULE = re.compile(r"[A-Za-z0-9_]+")
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*', re.DOTALL)


def read_config(path: Path) -> dict[str, Any]:
    """Read a config file; comments, which old ones have, are allowed.

    Raises:
        EngineFailed: it is not JSON, or not an object.
    """
    try:
        if path.stat().st_size > _LONGEST:
            raise EngineFailed(f"{path.name} is longer than a config can be (16 MiB)")
        text = path.read_text("utf-8")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = json.loads(_COMMENT.sub(lambda found: found.group(1) or "", text))
    except (OSError, ValueError, RecursionError) as error:
        raise EngineFailed(f"{path.name} is no config in JSON: {error}") from error
    if not isinstance(value, dict):
        raise EngineFailed(f"{path.name} is no config: it holds no JSON object")
    return cast("dict[str, Any]", value)


def private_config(
    config: Mapping[str, Any],
    files: Mapping[str, Path],
    *,
    served: frozenset[str] = SERVED,
    stats: str = "stats",
) -> dict[str, Any]:
    """The copy: every path is one of ``files`` (role → file) or gone.

    :param served: the architectures that may be named.
    :param stats: the role of this config's statistics file.

    Raises:
        InvalidTask: the config names an architecture or code that is not served, or needs a
            file that the model source does not name.
    """
    _check_architecture(config, served)
    given = {key: str(files[role]) for key, role in _FILE_KEYS.items() if role in files}
    if _flag(config, "use_d_vector_file"):
        vectors = files.get("d-vectors", files.get("speakers"))
        if vectors is not None:
            given["d_vector_file"] = str(vectors)
    copy = cast("dict[str, Any]", _cleaned(config, given))
    # Newer configs keep these in model_args, older ones outside; unknown ones are ignored.
    for section in (copy, *(copy[name] for name in _SECTIONS if isinstance(copy.get(name), dict))):
        section.update(given)
    _set_stats(config, copy, files.get(stats), stats)
    _check_code(copy)
    if copy.get("use_phonemes") and not copy.get("phonemizer"):
        copy["phonemizer"] = "espeak"
    if "speaker-encoder" not in files:
        _set_flag(copy, "use_speaker_encoder_as_loss", value=False)
    return copy


def needs_espeak(config: Mapping[str, Any]) -> bool:
    """Whether the model turns text into phonemes with the program espeak-ng."""
    if not config.get("use_phonemes"):
        return False
    if config.get("phonemizer") != "multi_phonemizer":
        return config.get("phonemizer") in (None, "", "espeak")
    datasets = config.get("datasets")
    return any(
        isinstance(item, dict) and item.get("phonemizer") in (None, "", "espeak")
        for item in (datasets if isinstance(datasets, list) else [])
    )


def _check_architecture(config: Mapping[str, Any], served: frozenset[str]) -> None:
    name = config.get("model", config.get("generator_model"))
    if not isinstance(name, str):
        raise InvalidTask("the config does not say which architecture it is ('model')")
    plain = re.sub(r"_(generator|discriminator)", "", name).lower()
    if plain not in served:
        raise InvalidTask(
            f"the config is for the architecture '{name[:50]}'; served are "
            f"{', '.join(sorted(served))}"
        )
    base = config.get("base_model")
    if base is not None and str(base).lower() not in served:
        raise InvalidTask(f"the config is based on '{str(base)[:50]}', which is not served")


def _cleaned(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: given[key] if key in given else _cleaned(item, given)
            for key, item in value.items()
            if key in given or not _is_place(str(key), item)
        }
    if isinstance(value, list):
        return [_cleaned(item, given) for item in value if not _is_address(item)]
    return value


def _is_place(key: str, value: Any) -> bool:
    """Whether ``value`` would be opened or fetched. A flag such as use_d_vector_file is not."""
    if _is_address(value):
        return True
    if not _LOOKS_LIKE_A_PLACE.search(key):
        return False
    return isinstance(value, (str, list, Mapping))


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _ADDRESS.match(value) is not None


def _set_stats(
    config: Mapping[str, Any], copy: dict[str, Any], stats: Path | None, role: str
) -> None:
    audio, was = copy.get("audio"), config.get("audio")
    if isinstance(audio, dict) and stats is not None:
        audio["stats_path"] = str(stats)
    elif isinstance(was, Mapping) and was.get("stats_path"):
        raise InvalidTask(
            f"the model is normalised with {Path(str(was['stats_path'])).name}, which the model "
            f"source does not name; give it with the role '{role}'"
        )


def _check_code(config: Mapping[str, Any]) -> None:
    """Values that the library imports or looks up as code: only its own."""

    def check(name: str, allowed: re.Pattern[str]) -> Callable[[Any], None]:
        def checked(value: Any) -> None:
            if value and not (isinstance(value, str) and allowed.fullmatch(value)):
                raise InvalidTask(
                    f"the config's {name} is {str(value)[:80]!r}, which is not served"
                )

        return checked

    characters = config.get("characters")
    if isinstance(characters, Mapping):
        check("characters_class", _CHARACTERS)(characters.get("characters_class"))
    check("text_cleaner", _CLEANER)(config.get("text_cleaner"))
    for name in ("generator_model", "discriminator_model"):
        check(name, _MODULE)(config.get(name))


def _flag(config: Mapping[str, Any], name: str) -> bool:
    sections = (config, *(config[key] for key in _SECTIONS if isinstance(config.get(key), Mapping)))
    return any(section.get(name) is True for section in sections)


def _set_flag(config: dict[str, Any], name: str, *, value: bool) -> None:
    for section in (config, *(config[k] for k in _SECTIONS if isinstance(config.get(k), dict))):
        if name in section:
            section[name] = value
