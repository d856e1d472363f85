"""The tables, and how an older database becomes a current one."""

from __future__ import annotations

import sqlite3

from studio_worker_studio.errors import StoreError

STEPS = (
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        kind TEXT NOT NULL,
        priority INTEGER NOT NULL,
        model TEXT NOT NULL,
        engine TEXT NOT NULL,
        vram_gb REAL NOT NULL,
        task BLOB NOT NULL,
        source BLOB NOT NULL,
        game_id TEXT,
        asset_name TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        max_attempts INTEGER NOT NULL,
        claims INTEGER NOT NULL DEFAULT 0,
        worker_id TEXT,
        lease_until REAL,
        cancel_requested INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        created_at REAL NOT NULL,
        claimed_at REAL,
        finished_at REAL,
        prompt TEXT,
        result_ext TEXT,
        result_mime TEXT,
        result_bytes INTEGER,
        result_sha256 TEXT,
        result_json BLOB
    );
    CREATE INDEX jobs_queue ON jobs (state, kind, priority DESC, id);
    CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'claimed';
    CREATE INDEX jobs_workers ON jobs (worker_id, state);

    CREATE TABLE workers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        worker_id TEXT NOT NULL UNIQUE,
        install_id TEXT NOT NULL,
        token_hash TEXT NOT NULL,
        capabilities BLOB NOT NULL,
        user_agent TEXT NOT NULL,
        created_at REAL NOT NULL,
        last_heartbeat_at REAL,
        deleted_at REAL
    );

    CREATE TABLE registrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        request_id TEXT NOT NULL UNIQUE,
        install_id TEXT NOT NULL,
        secret_hash TEXT NOT NULL,
        capabilities BLOB NOT NULL,
        user_agent TEXT NOT NULL,
        source_address TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        worker_id TEXT,
        created_at REAL NOT NULL,
        decided_at REAL
    );
    CREATE UNIQUE INDEX registrations_pending ON registrations (install_id)
        WHERE state = 'pending';

    CREATE TABLE models (
        model_id TEXT PRIMARY KEY,
        display_name TEXT NOT NULL,
        kind TEXT,
        vram_gb REAL NOT NULL,
        source BLOB NOT NULL,
        enabled INTEGER NOT NULL
    );

    CREATE TABLE marks (name TEXT PRIMARY KEY);

    CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        worker_id TEXT NOT NULL,
        job_id TEXT,
        ts TEXT NOT NULL,
        level TEXT NOT NULL,
        category TEXT NOT NULL,
        message TEXT NOT NULL
    );
    CREATE INDEX logs_jobs ON logs (job_id, id);
    CREATE INDEX logs_workers ON logs (worker_id, id);
    """,
    # Retention: when a log entry came and how large it is, which results were removed, and
    # which Idempotency-Key made which job.
    """
    ALTER TABLE logs ADD COLUMN received_at REAL;
    ALTER TABLE logs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE logs SET received_at = CAST(strftime('%s', 'now') AS REAL),
        bytes = 64 + length(CAST(message AS BLOB)) + length(CAST(category AS BLOB));
    CREATE INDEX logs_received ON logs (received_at);
    CREATE TABLE log_total (bytes INTEGER NOT NULL);
    INSERT INTO log_total SELECT coalesce(sum(bytes), 0) FROM logs;
    CREATE TRIGGER logs_added AFTER INSERT ON logs BEGIN
        UPDATE log_total SET bytes = bytes + new.bytes;
    END;
    CREATE TRIGGER logs_removed AFTER DELETE ON logs BEGIN
        UPDATE log_total SET bytes = bytes - old.bytes;
    END;

    ALTER TABLE jobs ADD COLUMN result_removed_at REAL;
    CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE submissions (
        key TEXT PRIMARY KEY,
        body_sha256 TEXT NOT NULL,
        job_id TEXT NOT NULL,
        created_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX submissions_age ON submissions (created_at);
    """,
    # Claims and lists that seek: a lane of the queue is (kind, engine, shape, need), and a
    # pending registration belongs to its secret.
    """
    ALTER TABLE jobs ADD COLUMN shape INTEGER NOT NULL DEFAULT 0;
    DROP INDEX jobs_queue;
    DROP INDEX jobs_leases;
    CREATE INDEX jobs_waiting ON jobs (kind, engine, shape, vram_gb, priority DESC, id)
        WHERE state = 'queued';
    CREATE INDEX jobs_states ON jobs (state, id);

    DROP INDEX registrations_pending;
    CREATE UNIQUE INDEX registrations_asks ON registrations (install_id, secret_hash)
        WHERE state = 'pending';
    CREATE INDEX registrations_sources ON registrations (source_address)
        WHERE state = 'pending';
    CREATE INDEX registrations_waiting ON registrations (created_at) WHERE state = 'pending';
    CREATE INDEX workers_present ON workers (id) WHERE deleted_at IS NULL;
    """,
    # An ask whose answer was lost finds its request also after the approval.
    """
    CREATE INDEX registrations_approved ON registrations (install_id, secret_hash)
        WHERE state = 'approved';
    """,
    # How a result was made (protocol §3.1, meta), as JSON.
    """
    ALTER TABLE jobs ADD COLUMN meta BLOB;
    """,
    # Leases are kept in memory, on a clock that does not jump.
    """
    ALTER TABLE jobs DROP COLUMN lease_until;
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the current version; each step is all or nothing.

    Raises:
        StoreError: the database was written by a newer version.
    """
    version = version_of(connection)
    if version > len(STEPS):
        raise StoreError(
            f"the studio's database has version {version}, this program knows {len(STEPS)}; "
            "upgrade studio-worker-studio"
        )
    for number, step in enumerate(STEPS[version:], start=version + 1):
        connection.executescript(f"BEGIN;{step}PRAGMA user_version = {number};COMMIT;")


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 where there are none."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
