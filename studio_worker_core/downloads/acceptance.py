"""Whether what was downloaded is what was wanted."""

from __future__ import annotations

from studio_worker_core.downloads.addresses import shown_url
from studio_worker_core.downloads.answers import Body
from studio_worker_core.downloads.forms import PAGE_HEAD_BYTES, Checkpoint, fault_in, page_in
from studio_worker_core.downloads.partial_file import PartialFile
from studio_worker_core.downloads.wanted import Wanted
from studio_worker_core.errors import SourceRefused
from studio_worker_core.storage.disk import shown_bytes


def check_kind(wanted: Wanted, body: Body) -> None:
    """Refuse before a byte is read what no check could find whole or right afterwards."""
    if wanted.sha256 is None and not body.has_end:
        raise SourceRefused(
            f"{shown_url(wanted.url)} comes without a length, so that nobody can tell whether "
            "it is whole; give the file a sha256 in the model's source",
            what=wanted.target.name,
        )


def what_is_wrong(wanted: Wanted, part: PartialFile, check: Checkpoint) -> str | None:
    """Why the complete ``part`` is not ``wanted``, to follow its name; None when it is.

    By its checksum where there is one, else by the form its name promises.
    """
    if wanted.sha256 is not None:
        if part.checksum() == wanted.sha256.lower():
            return None
        page = _page(part)
        said = f" (it is {page})" if page else ""
        return (
            f"has the wrong checksum: {part.checksum()} where {wanted.sha256.lower()} is due{said}"
        )
    wrong = fault_in(part.path, wanted.target.name, check, media_type=part.state.media_type)
    if wrong is not None:
        return wrong
    if wanted.approx_bytes is not None and part.size < wanted.approx_bytes // 4:
        return (
            f"has only {shown_bytes(part.size)} where about {shown_bytes(wanted.approx_bytes)} "
            "were expected: probably an error page"
        )
    return None


def _page(part: PartialFile) -> str | None:
    with part.path.open("rb") as file:
        return page_in(file.read(PAGE_HEAD_BYTES))
