"""The safetensors format: a JSON header with the extent of every tensor, then their bytes."""

from __future__ import annotations

from math import prod
from typing import Annotated

import msgspec
from msgspec import Meta

from studio_worker_core.downloads.forms.reading import FormFault, Reader

_LONGEST_HEADER = 32 << 20
_MOST_DIMENSIONS = 64
_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8"), 8),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}

_Count = Annotated[int, Meta(ge=0, le=2**62)]


class _Tensor(msgspec.Struct, frozen=True):
    dtype: str
    shape: Annotated[list[_Count], Meta(max_length=_MOST_DIMENSIONS)]
    data_offsets: tuple[_Count, _Count]


# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_ENTRIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TENSOR = msgspec.json.Decoder(_Tensor)


def check_safetensors(reader: Reader) -> None:
    """Raises :class:`FormFault` unless the tensors fill the file from end to end."""
    length = reader.number("<Q")
    if length > min(_LONGEST_HEADER, reader.size - 8):
        raise FormFault("has no safetensors header, or ends within it")
    if length < 2:
        raise FormFault("has no safetensors header")
    data = reader.take(length)
    if not data.startswith(b"{"):
        raise FormFault("has no safetensors header")
    try:
        entries = _ENTRIES.decode(data)
        entries.pop("__metadata__", None)
        extents = []
        for raw in entries.values():
            reader.step()
            extents.append(_extent(_TENSOR.decode(raw)))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise FormFault(f"has a damaged safetensors header ({str(error)[:200]})") from None
    _check_extents(extents, reader.size - reader.at)


def _extent(tensor: _Tensor) -> tuple[int, int]:
    begin, end = tensor.data_offsets
    bits = _BITS.get(tensor.dtype)
    if end < begin:
        raise FormFault("has a tensor that ends before it begins")
    if bits is not None and (prod(tensor.shape) * bits + 7) // 8 != end - begin:
        raise FormFault("has a tensor whose extent does not fit its shape")
    return begin, end


def _check_extents(extents: list[tuple[int, int]], size: int) -> None:
    at = 0
    for begin, end in sorted(extents):
        if begin != at:
            raise FormFault("has tensors that overlap or leave gaps")
        at = end
    if at > size:
        raise FormFault(f"is cut off: its tensors need {at - size} bytes more")
    if at < size:
        raise FormFault(f"has {size - at} bytes after its last tensor")
