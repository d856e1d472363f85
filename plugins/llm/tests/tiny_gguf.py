"""GGUF files written here: a header with any metadata, and whole little models of random or
chosen weights, in half a megabyte."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["MODEL_WIDTH", "SENTENCE", "TEMPLATE", "rendered_length", "write_gguf", "write_model"]

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
WORDS = ("▁Hello", "▁from", "▁a", "▁tiny", "▁local", "▁model", ".")
SENTENCE = " Hello from a tiny local model."

_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY, _UINT64 = 4, 5, 6, 7, 8, 9, 10
_ALIGNMENT = 32
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
MODEL_WIDTH, _LAYERS, _HEADS, _INNER = 64, 2, 4, 128
_BEGIN, _END = 1, 2

Weights = Literal["chain", "endless", "random"]
Array = NDArray[np.float32]


def write_gguf(
    path: Path,
    metadata: Mapping[str, Any],
    tensors: Mapping[str, Array] | None = None,
    *,
    version: int = 3,
) -> Path:
    """Write a GGUF file: texts, numbers, booleans and lists of one of them; tensors as F32."""
    tensors = tensors or {}
    parts = [b"GGUF", struct.pack("<IQQ", version, len(tensors), len(metadata))]
    parts += [_text(key) + _value(value) for key, value in metadata.items()]
    place = 0
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        parts.append(_text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
        parts.append(struct.pack("<IQ", 0, place))
        place += tensor.nbytes + -tensor.nbytes % _ALIGNMENT
    head = b"".join(parts)
    data = [head, bytes(-len(head) % _ALIGNMENT)]
    for tensor in tensors.values():
        data += [np.ascontiguousarray(tensor).tobytes(), bytes(-tensor.nbytes % _ALIGNMENT)]
    path.write_bytes(b"".join(data))
    return path


def write_model(
    path: Path,
    weights: Weights = "chain",
    *,
    template: str | None = TEMPLATE,
    context: int = 512,
    **metadata: Any,
) -> Path:
    """Write a Llama with a vocabulary of bytes and seven words.

    :param weights: ``chain`` always says :data:`SENTENCE`, ``endless`` says it over and over,
        ``random`` says noise that its seed decides.
    :param context: tokens it says it was made for.
    :param metadata: more entries, ``.`` in their names as ``__``.
    """
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *WORDS]
    types = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * (1 + len(WORDS))]
    scores = [0.0] * 259 + [-1.0] + [-2.0 - place for place in range(len(WORDS))]
    facts: dict[str, Any] = {
        "general.architecture": "llama",
        "general.file_type": 0,
        "llama.context_length": context,
        "llama.embedding_length": MODEL_WIDTH,
        "llama.block_count": _LAYERS,
        "llama.feed_forward_length": _INNER,
        "llama.attention.head_count": _HEADS,
        "llama.attention.head_count_kv": _HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": MODEL_WIDTH // _HEADS,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": _BEGIN,
        "tokenizer.ggml.eos_token_id": _END,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        **({} if template is None else {"tokenizer.chat_template": template}),
        **{name.replace("__", "."): value for name, value in metadata.items()},
    }
    return write_gguf(path, facts, _weights(len(tokens), weights))


def rendered_length(*turns: tuple[str, str]) -> int:
    """Tokens of a conversation by :data:`TEMPLATE`: a byte each, and the first one. Words of the
    vocabulary must not be in it."""
    text = "".join(f"{role}: {content}\n" for role, content in turns) + "assistant:"
    return 1 + len(text.encode())


def _weights(vocabulary: int, weights: Weights) -> dict[str, Array]:
    dice = np.random.default_rng(0)

    def noise(*shape: int, size: float) -> Array:
        return (dice.standard_normal(shape) * size).astype(np.float32)

    if weights == "random":
        embedding, output = (
            noise(vocabulary, MODEL_WIDTH, size=1),
            noise(vocabulary, MODEL_WIDTH, size=0.3),
        )
        amplitude = 0.05
    else:
        embedding, output = _chain(vocabulary, endless=weights == "endless")
        amplitude = 0.0
    ones = np.ones(MODEL_WIDTH, np.float32)
    tensors = {"token_embd.weight": embedding}
    for layer in range(_LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"{block}{name}.weight"] = ones
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"{block}{name}.weight"] = noise(MODEL_WIDTH, MODEL_WIDTH, size=amplitude)
        tensors[f"{block}ffn_gate.weight"] = noise(_INNER, MODEL_WIDTH, size=amplitude)
        tensors[f"{block}ffn_up.weight"] = noise(_INNER, MODEL_WIDTH, size=amplitude)
        tensors[f"{block}ffn_down.weight"] = noise(MODEL_WIDTH, _INNER, size=amplitude)
    return {**tensors, "output_norm.weight": ones, "output.weight": output}


def _chain(vocabulary: int, *, endless: bool) -> tuple[Array, Array]:
    """Any token leads to the first word, each word to the next, the last to the end."""
    embedding = np.zeros((vocabulary, MODEL_WIDTH), np.float32)
    output = np.zeros((vocabulary, MODEL_WIDTH), np.float32)
    words = range(vocabulary - len(WORDS), vocabulary)
    embedding[:, 0] = 1
    output[words[0], 0] = 4
    for place, token in enumerate(words, 1):
        embedding[token] = 0
        embedding[token, place] = 1
        after = words[place] if place < len(WORDS) else words[0] if endless else _END
        output[after, place] = 4
    return embedding, output


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    kind, data = _typed(value)
    return struct.pack("<I", kind) + data


def _typed(value: Any) -> tuple[int, bytes]:
    match value:
        case bool():
            return _BOOL, struct.pack("<?", value)
        case int():
            return _UINT32, struct.pack("<I", value)
        case float():
            return _FLOAT32, struct.pack("<f", value)
        case str():
            return _STRING, _text(value)
        case Sequence():
            kind = _INT32 if isinstance(value[0], int) else _typed(value[0])[0]
            each = [struct.pack("<i", v) if kind == _INT32 else _typed(v)[1] for v in value]
            return _ARRAY, struct.pack("<IQ", kind, len(value)) + b"".join(each)
    raise TypeError(type(value).__name__)
