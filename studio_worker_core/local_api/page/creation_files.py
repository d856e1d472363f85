"""The files of what was made on the page: results, pictures in the making, inputs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from studio_worker_core.local_api.errors import Refused
from studio_worker_core.local_api.page import results
from studio_worker_core.local_api.page.creations import Creation, Creations
from studio_worker_core.local_api.page.uploads import Uploads
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn

_SAFE = ("image/", "audio/", "video/")
_FILE_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, max-age=3600",
}


class NotKept(Refused):
    """Something that is not there, or no longer."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is nothing at this address, or it is no longer kept.")


def found_in(creations: Creations, request: Request) -> Creation:
    """The job that a request is about. Raises :class:`NotKept`."""
    found = creations.find(request.path_params["id"])
    if found is None:
        raise NotKept
    return found


class FileRoutes:
    """The routes of the files."""

    def __init__(self, creations: Creations, uploads: Uploads, signed: SignedIn) -> None:
        self._creations = creations
        self._uploads = uploads
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        view = self._signed.view
        return [
            Route("/creations/{id}/preview", view(self.preview)),
            Route("/creations/{id}/file/{name}", view(self.file)),
            Route("/kept/{reference:path}", view(self.kept)),
        ]

    async def preview(self, request: Request, session: Session) -> Response:
        """The newest picture in the making."""
        preview = found_in(self._creations, request).preview
        if preview is None:
            return Response(status_code=404)
        kind = "image/png" if preview.ext == "png" else "image/jpeg"
        return Response(preview.data, media_type=kind, headers=_FILE_HEADERS)

    async def file(self, request: Request, session: Session) -> Response:
        """The result, under a name that tells what it is."""
        creation = found_in(self._creations, request)
        made = creation.made
        if made is None:
            raise NotKept
        name = results.file_name(creation)
        is_download = "download" in request.query_params
        if made.path is None:
            text = results.text_of(creation) or results.json_of(creation)
            headers = {"content-disposition": f'attachment; filename="{name}"'}
            return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
        is_shown = made.media_type.startswith(_SAFE) and not is_download
        return FileResponse(
            made.path,
            media_type=made.media_type if made.media_type.startswith(_SAFE) else None,
            filename=name,
            content_disposition_type="inline" if is_shown else "attachment",
            headers=_FILE_HEADERS,
        )

    async def kept(self, request: Request, session: Session) -> Response:
        """A picture that was chosen earlier."""
        upload = self._uploads.find(request.path_params["reference"])
        if upload is None:
            raise NotKept
        return FileResponse(upload.path, headers=_FILE_HEADERS)
