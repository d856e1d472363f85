"""A file without a checksum is at least of the form that its name promises."""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.downloads.forms import fault_in, page_in
from studio_worker_core.errors import SourceRefused
from tests.downloads.file_server import Answer, FileServer, Kitchen, one_file
from tests.downloads.forms import gguf, named, onnx, safetensors

GOOD = {
    "m.safetensors": safetensors(
        ("a", "F16", [4, 3], 24), ("b", "F32", [], 4), ("c", "I8", [0], 0)
    ),
    "m.gguf": gguf(),
    "m.onnx": onnx(),
}
PAGES = {
    "a page": b"<!DOCTYPE html>\n<html><body>please log in</body></html>",
    "a page after blanks": b"\xef\xbb\xbf\n\n  <HTML>" + b"x" * 70_000,
    "a page after a remark": b"<!-- cdn --><html></html>",
    "xml": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "json": b'{"error": "gated model"}',
    "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:"
    + b"0" * 64
    + b"\nsize 9\n",
}


def fault(tmp_path: Path, name: str, data: bytes, media_type: str = "") -> str | None:
    path = tmp_path / "file"
    path.write_bytes(data)
    return fault_in(path, name, lambda: None, media_type=media_type)


@pytest.mark.parametrize("name", GOOD)
def test_a_sound_file_is_taken(tmp_path: Path, name: str) -> None:
    assert fault(tmp_path, name, GOOD[name]) is None
    assert fault(tmp_path, name.upper(), GOOD[name], "application/octet-stream") is None


@pytest.mark.parametrize("data", PAGES.values(), ids=PAGES.keys())
@pytest.mark.parametrize("name", ["m.safetensors", "m.gguf", "m.onnx", "m.bin", "m.pth", "noext"])
def test_a_page_is_never_a_model(
    server: FileServer, kitchen: Kitchen, name: str, data: bytes
) -> None:
    url = server.serve("/m", data)
    with pytest.raises(SourceRefused, match=r"web page|JSON|LFS"):
        kitchen.store().ensure(one_file(url, name=name), "tiny")
    assert not (kitchen.root / "tiny" / name).exists()
    assert kitchen.leftovers() == []


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "application/json"])
def test_what_the_server_calls_a_page_is_no_model(
    server: FileServer, kitchen: Kitchen, media_type: str
) -> None:
    url = server.serve("/m", b"Please come back later", Answer(), Answer())
    server.answers["/m"] = [Answer(headers={"Content-Type": media_type})] * 2
    with pytest.raises(SourceRefused, match=r"web page|JSON"):
        kitchen.store().ensure(one_file(url), "tiny")


def test_a_wrong_checksum_says_what_came_instead(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m", PAGES["a pointer"])
    with pytest.raises(SourceRefused, match=r"wrong checksum.*pointer of git LFS"):
        kitchen.store().ensure(one_file(url, b"the real file"), "tiny")


def test_text_files_of_a_model_are_taken_as_they_are(tmp_path: Path) -> None:
    assert fault(tmp_path, "labels.txt", b"cat\ndog\n", "text/plain") is None
    assert fault(tmp_path, "config.json", b'{"id2label": {}}', "application/json") is None
    assert fault(tmp_path, "tokenizer.model", b"\n\x0e\n\x05<unk>") is None
    assert fault(tmp_path, "config.json", PAGES["a page"]) is not None
    assert fault(tmp_path, "config.json", b'{"cut": ') == "is not JSON"


@pytest.mark.parametrize(
    "text",
    [
        b'{"max": Infinity, "min": -Infinity, "no": NaN}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{\n  // where it runs\n  "url": "https://a/*b*/", /* two\nlines */ "b": [1, 2,],\n}',
        b'{"a": 1, // last\n}',
        b'{"a": "one\ttab and \x7f"}',
    ],
)
def test_a_configuration_is_json_as_its_libraries_read_it(tmp_path: Path, text: bytes) -> None:
    assert fault(tmp_path, "config.json", text) is None
    assert fault(tmp_path, "config.json", text[:-1]) == "is not JSON"


def test_no_text_makes_the_check_of_json_slow(tmp_path: Path) -> None:
    for text in (b'"' * 200_001, b"/*" * 100_000, b"," * 200_000, b"[" * 200_000, b'"\\' * 100_000):
        assert fault(tmp_path, "config.json", text) == "is not JSON"


@pytest.mark.parametrize("name", GOOD)
def test_a_cut_file_is_found(tmp_path: Path, name: str) -> None:
    data = GOOD[name]
    cuts = {1, 5, 8, 12, 20, len(data) // 3, len(data) // 2, len(data) * 3 // 4}
    # The last tensor of a GGUF is padded, so its very end may be missing.
    for cut in cuts | ({len(data) - 1} if not name.endswith("gguf") else set()):
        assert fault(tmp_path, name, data[:cut]) is not None, cut


def safetensors_header(text: bytes, data: int = 8) -> bytes:
    return struct.pack("<Q", len(text)) + text + bytes(data)


HOSTILE_SAFETENSORS = [
    struct.pack("<Q", 2**64 - 1) + b"{}",
    struct.pack("<Q", 2**40) + b"{}" * 100,
    struct.pack("<Q", 0) + b"{}",
    safetensors_header(b"[" * 100_000),
    safetensors_header(b'{"a":' * 50_000),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}'),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}'),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}'),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}'),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data=9),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}', data=12),
    safetensors_header(
        b'{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,16],'
        b'"data_offsets":[0,8]}}'
    ),
    safetensors_header(
        b'{"a":{"dtype":"F32","shape":[' + b"9," * 90_000 + b'1],"data_offsets":[0,8]}}'
    ),
    safetensors_header(b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,8]}}'),
    safetensors_header(b"\xff\xfe{}"),
    safetensors_header(b"{}", data=5),
]


def gguf_head(tensors: int, pairs: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + rest + bytes(64)


HOSTILE_GGUF = [
    b"GGML" + bytes(100),
    gguf_head(0, 0, version=9),
    gguf_head(2**64 - 1, 0),
    gguf_head(0, 2**63),
    gguf_head(0, 1, struct.pack("<Q", 2**63)),
    gguf_head(0, 1, named("k") + struct.pack("<IQ", 8, 2**62)),
    gguf_head(0, 1, named("k") + struct.pack("<IIQ", 9, 6, 2**62)),
    gguf_head(0, 1, named("k") + struct.pack("<IIQ", 9, 8, 2**62)),
    gguf_head(0, 1, named("k") + struct.pack("<I", 77)),
    gguf_head(0, 1, named("k") + struct.pack("<IIQIQIQIQIQ", *([9, 9, 1] + [9, 1] * 4))),
    gguf_head(0, 1, named("general.alignment") + struct.pack("<II", 4, 0)),
    gguf_head(1, 0, named("t") + struct.pack("<IQIQ", 1, 2**60, 0, 0)),
    gguf_head(1, 0, named("t") + struct.pack("<IQIQ", 1, 1, 0, 2**63)),
    gguf_head(1, 0, named("t") + struct.pack("<I", 2**31)),
    gguf_head(1, 0, named("t") + struct.pack("<IQIQ", 1, 31, 2, 0)),
]
HOSTILE_ONNX = [
    b"\x08\x08",
    b"\x3a\x00\x08\x08",
    b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xff" * 100,
    b"\x08\x08" * 1000,
    b"\x00" * 1000,
    b"\x0b" * 50,
    onnx() + b"\x42",
]


@pytest.mark.parametrize(
    ("name", "data"),
    [("m.safetensors", data) for data in HOSTILE_SAFETENSORS]
    + [("m.gguf", data) for data in HOSTILE_GGUF]
    + [("m.onnx", data) for data in HOSTILE_ONNX],
)
def test_a_hostile_header_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    assert fault(tmp_path, name, data) is not None


def many_strings() -> bytes:
    count = 8_000_000
    array = named("k") + struct.pack("<IIQ", 9, 8, count)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + array + bytes(count * 8)


def many_fields() -> bytes:
    return b"\x08\x08" * 8_000_000


def deep_json() -> bytes:
    return safetensors_header(b'{"__metadata__":' + b"[" * (8 << 20))


@pytest.mark.parametrize(
    ("name", "made"),
    [("m.gguf", many_strings), ("m.onnx", many_fields), ("m.safetensors", deep_json)],
)
def test_a_header_of_millions_costs_bounded_time(
    tmp_path: Path, name: str, made: Callable[[], bytes]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(made())
    before = time.thread_time()
    assert fault_in(path, name, lambda: None) is not None
    assert time.thread_time() - before < 30


def test_a_long_header_costs_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(deep_json())
    tracemalloc.start()
    try:
        assert fault_in(path, "m.safetensors", lambda: None) is not None
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_a_long_check_can_be_ended(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(many_fields())

    def end() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fault_in(path, "m.onnx", end)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from([*GOOD, "m.pth", "m.json", "m.bin"]),
    tail=st.binary(max_size=400),
    data=st.data(),
)
def test_no_bytes_make_the_check_fail_itself(
    tmp_path: Path, name: str, tail: bytes, data: st.DataObject
) -> None:
    start = GOOD.get(name, b"")
    keep = data.draw(st.integers(0, len(start)))
    verdict = fault(tmp_path, name, start[:keep] + tail)
    assert verdict is None or verdict.isprintable()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(shapes=st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=6))
def test_every_well_formed_safetensors_is_taken(tmp_path: Path, shapes: list[list[int]]) -> None:
    tensors = []
    for number, shape in enumerate(shapes):
        size = 2
        for side in shape:
            size *= side
        tensors.append((f"t{number}", "BF16", shape, size))
    assert fault(tmp_path, "m.safetensors", safetensors(*tensors)) is None
    assert fault(tmp_path, "m.safetensors", safetensors(*tensors, pad=1)) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5).map(tuple),
    alignment=st.sampled_from([8, 16, 32, 64]),
)
def test_every_well_formed_gguf_is_taken(
    tmp_path: Path, sizes: tuple[int, ...], alignment: int
) -> None:
    data = gguf(sizes=sizes, alignment=alignment)
    assert fault(tmp_path, "m.gguf", data) is None
    assert fault(tmp_path, "m.gguf", data[: -alignment - 1]) is not None


@given(st.binary(max_size=300))
def test_telling_a_page_never_fails(head: bytes) -> None:
    assert page_in(head) in (None, "a web page", "a pointer of git LFS", "an answer in JSON")
