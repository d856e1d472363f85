"""A PostgreSQL server of the tests' own: in a directory that goes with it, on a socket there."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.left_out import leave_out
from tests.support.waiting import eventually

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",
}
USER = "studio"
LOCKED = "locked"
"""A role that needs a password."""


def programs() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them out of PATH."""
    places = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(
        (p for p in places if (p / "initdb").is_file() and (p / "postgres").is_file()), None
    )


class PostgresServer:
    """One running server. Its databases are kept as they are until it is stopped."""

    def __init__(self) -> None:
        where = programs()
        if where is None:
            leave_out("tests on PostgreSQL", "sudo apt-get install -y postgresql")
        self.directory = Path(tempfile.mkdtemp(prefix="studio-pg-"))
        self._numbers = itertools.count()
        self._user: int | None = None
        self._group: int | None = None
        if os.geteuid() == 0:  # as which PostgreSQL does not run
            user = pwd.getpwnam("postgres" if _is_user("postgres") else "nobody")
            self._user, self._group = user.pw_uid, user.pw_gid
            os.chown(self.directory, self._user, self._group)
        self._make(where)
        self._postgres = where / "postgres"
        self.start()

    def _make(self, where: Path) -> None:
        data = self.directory / "data"
        subprocess.run(
            [where / "initdb", "-D", data, "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"],
            check=True,
            capture_output=True,
            cwd="/",
            user=self._user,
            group=self._group,
            extra_groups=None if self._user is None else (),
        )
        (data / "pg_hba.conf").write_text(
            f"local all {LOCKED} scram-sha-256\nlocal all all trust\n", "utf-8"
        )

    def start(self) -> None:
        """Run it again, on what it had."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._postgres, "-D", self.directory / "data", "-k", self.directory, *options],
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                group=self._group,
                extra_groups=None if self._user is None else (),
            )
        eventually("the database server answers", self._answers)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.directory / "log").read_text("utf-8")
        try:
            psycopg.connect(self.address("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def address(self, database: str, user: str = USER, password: str | None = None) -> str:
        """What ``--database`` takes."""
        login = user if password is None else f"{user}:{password}"
        return f"postgresql://{login}@/{database}?host={self.directory}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the owner of everything."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def make(self, template: str | None = None) -> str:
        """A new database's name: an empty one, or a copy."""
        name = f"studio_{next(self._numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template or "template0")
                )
            )
        return name

    def end(self) -> None:
        """End it at once, as a power cut would: who is connected is not asked."""
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(60)

    def stop(self) -> None:
        """End it and remove its directory."""
        self.end()
        shutil.rmtree(self.directory, ignore_errors=True)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
