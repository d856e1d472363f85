from __future__ import annotations

import gzip
from pathlib import Path

from starlette.requests import Request

from studio_worker_core.web.assets import SHARED, Assets


def asked(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def test_a_file_has_its_hash_in_its_name_and_is_kept_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a { b: c }")
    first = Assets("/static/", tmp_path).url("a.css")
    (tmp_path / "a.css").write_text("a { b: d }")
    assets = Assets("/static/", tmp_path)
    assert assets.url("a.css") != first
    name = assets.names["a.css"]
    answer = assets.answer(asked(), name)
    assert answer.body == b"a { b: d }"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    packed = assets.answer(asked(accept_encoding="gzip, br"), name)
    assert gzip.decompress(bytes(packed.body)) == b"a { b: d }"
    same = assets.answer(asked(if_none_match=answer.headers["etag"]), name)
    assert (same.status_code, same.body) == (304, b"")
    assert assets.answer(asked(), first.rpartition("/")[2]).status_code == 404
    assert assets.answer(asked(), "../../etc/passwd").status_code == 404


def test_what_is_vendored_has_its_licence_beside_it() -> None:
    assert "Zero-Clause BSD" in (SHARED / "htmx.LICENSE").read_text()
    assert (SHARED / "htmx.min.js").read_text().startswith("var htmx=")
