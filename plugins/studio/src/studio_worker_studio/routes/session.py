"""``/connect``: a worker's WebSocket from the upgrade to its end (protocol §3)."""

from __future__ import annotations

import asyncio
import logging

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.codec import decode_worker_frame, encode, encode_text
from studio_worker_core.wire.frames import SUBPROTOCOL, CloseCode, ErrorFrame, Hello
from studio_worker_studio.auth import bearer_of, matches
from studio_worker_studio.conversation import Conversation
from studio_worker_studio.doorkeeper import LET_IN
from studio_worker_studio.messages import ErrorBody
from studio_worker_studio.pace import Pace
from studio_worker_studio.sessions import Session
from studio_worker_studio.store.records import WorkerRecord
from studio_worker_studio.studio import Studio

log = logging.getLogger("studio_worker.studio.session")


async def connect(socket: WebSocket) -> None:
    """The endpoint."""
    studio: Studio = socket.app.state.studio
    worker = await studio.workers.get(socket.path_params["worker_id"])
    if worker is None or not matches(bearer_of(socket.headers), worker.token_hash):
        body = ErrorBody("auth_failed", "the token is not valid for this worker")
        await socket.send_denial_response(
            Response(encode(body), 401, media_type="application/json")
        )
        return
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    try:
        hello = await _first_hello(socket, studio, worker)
        if hello is not None:
            await _serve(socket, studio, worker, hello)
    except (WebSocketDisconnect, WebSocketDisconnected, OSError) as error:
        log.debug("worker %s: socket ended: %r", worker.worker_id, error)


async def _first_hello(socket: WebSocket, studio: Studio, worker: WorkerRecord) -> Hello | None:
    """The ``hello`` of a worker that may come in; None once it was sent away."""
    if worker.deleted_at is not None:
        await _refuse(socket, CloseCode.WORKER_DELETED, "worker_deleted", "this worker was deleted")
        return None
    try:
        async with asyncio.timeout(studio.settings.hello_seconds):
            hello = await _next_frame_is_hello(socket)
    except TimeoutError:
        await socket.close(CloseCode.NORMAL, "no hello in time")
        return None
    if hello is None:
        reason = "the first frame must be hello"
        await _refuse(socket, CloseCode.PROTOCOL_VIOLATION, "protocol_violation", reason)
        return None
    # The row is read again: the token may have been rotated since the upgrade.
    current = await studio.workers.get(worker.worker_id)
    if current is None or not matches(hello.auth_token, current.token_hash):
        reason = "the token is not valid for this worker"
        await _refuse(socket, CloseCode.AUTH_FAILED, "auth_failed", reason)
        return None
    return hello


async def _next_frame_is_hello(socket: WebSocket) -> Hello | None:
    while True:
        message = await _receive(socket)
        if isinstance(message, bytes):
            return None
        try:
            frame = decode_worker_frame(message)
        except BadFrame as error:
            if error.frame_type == "hello":
                log.warning("unreadable hello: %s", error)
                return None
            continue  # logged and skipped by both sides (protocol §3)
        return frame if isinstance(frame, Hello) else None


async def _serve(socket: WebSocket, studio: Studio, worker: WorkerRecord, hello: Hello) -> None:
    session = Session(worker.worker_id, socket, hello.capabilities, studio.clocks.now())
    conversation = Conversation(
        session,
        studio.fleet,
        studio.jobs,
        studio.logs,
        studio.notifier,
        studio.settings,
        studio.clocks,
    )
    let_in = socket.scope.get("state", {}).get(LET_IN)
    if let_in is not None:
        let_in()
    pace = Pace(studio.clocks.now)
    writer = asyncio.create_task(session.write())
    try:
        await studio.fleet.join(session, hello)
        log.info("worker %s connected", worker.worker_id)
        while True:
            message = await _receive(socket)
            await conversation.hear(message)
            if pause := pace.pause_after(len(message)):
                await asyncio.sleep(pause)
    finally:
        try:
            await studio.fleet.leave(session)
        finally:
            if session.ending and not writer.done():
                # Whatever says why it ended goes out first.
                await asyncio.wait([writer], timeout=1.0)
            writer.cancel()
            await asyncio.wait([writer])
        log.info("worker %s disconnected", worker.worker_id)


async def _receive(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
    text = message.get("text")
    return text if text is not None else bytes(message.get("bytes") or b"")


async def _refuse(socket: WebSocket, close_code: int, code: str, message: str) -> None:
    await socket.send_text(encode_text(ErrorFrame(code=code, message=message)))
    await socket.close(close_code, message)
