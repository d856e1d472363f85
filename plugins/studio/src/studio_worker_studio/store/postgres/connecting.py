"""Connections to PostgreSQL, and words for what goes wrong with them."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError

_UNREADABLE = (
    "the address of the database cannot be read: postgresql://USER:PASSWORD@HOST/DATABASE, with"
    " %-escapes for special characters in the password"
)
Connection = psycopg.Connection[dict[str, Any]]

CONNECT_SECONDS = 10
OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "row_factory": dict_row,
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "studio-worker studio",
    # A dead server or network is noticed within half a minute, not by the system's two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_BOUNDS = (
    "SET statement_timeout = '60s'; SET lock_timeout = '30s';"
    " SET idle_in_transaction_session_timeout = '60s'"
)
"""No statement waits for ever, whoever holds a lock."""


def bound(connection: Connection) -> None:
    """Give a new connection its time limits."""
    connection.execute(_BOUNDS)


def connect(address: Secret) -> Connection:
    """One connection outside the pool.

    Raises:
        StoreError: the address cannot be read, nobody answers there, or the login is refused.
    """
    try:
        # The names of the parameters are libpq's; what the address says goes before OPTIONS.
        connection: Connection = psycopg.connect(**parameters(address))
        bound(connection)
    except psycopg.Error as error:
        raise StoreError(f"cannot use the database {shown(address)}: {said(error)}") from None
    return connection


def parameters(address: Secret) -> dict[str, Any]:
    """What libpq is told.

    Raises:
        StoreError: the address cannot be read.
    """
    return {**OPTIONS, **_parts(address)}


def shown(address: Secret) -> str:
    """The address as it may be shown: user, host, port and database, nothing else.

    Raises:
        StoreError: it cannot be read.
    """
    parts = _parts(address)
    user = f"{parts['user']}@" if parts.get("user") else ""
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"


def said(error: BaseException) -> str:
    """What the database says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _parts(address: Secret) -> dict[str, Any]:
    try:
        parts = conninfo_to_dict(address.reveal())
    except psycopg.Error:
        raise StoreError(_UNREADABLE) from None  # its words may repeat a part of the password
    # A slash in a password makes another address of it, which is read, and would be shown.
    ports = str(parts.get("port", "")).split(",")
    if not all(port.isdecimal() or not port for port in ports) or "@" in str(
        parts.get("dbname", "")
    ):
        raise StoreError(_UNREADABLE)
    if password := parts.get("password"):
        Secret(str(password))
    return parts
