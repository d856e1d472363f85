"""Log records on their way to the studio."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.secrets import Secret
from studio_worker_core.session.log_shipping import LogShipper, Redactor
from studio_worker_core.wire.codec import decode_worker_frame, encode_text
from studio_worker_core.wire.frames import LogBatch, LogEntry


@pytest.fixture
def shipper() -> LogShipper:
    return LogShipper()


@pytest.fixture
def logger(shipper: LogShipper) -> Iterator[logging.Logger]:
    logger = logging.getLogger("studio_worker.jobs")
    logger.addHandler(shipper)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(shipper)
    logger.setLevel(logging.NOTSET)


def record(
    message: str, *, name: str = "studio_worker.x", job_id: object = None
) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, __file__, 1, message, None, None)
    made.job_id = job_id
    return made


def test_an_entry_carries_time_level_category_message_and_job(
    shipper: LogShipper, logger: logging.Logger
) -> None:
    logger.warning("took %d s", 7, extra={"job_id": "job-1"})
    (entry,) = shipper.take(10)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.ts)
    assert (entry.level, entry.category, entry.message, entry.job_id) == (
        "warn",
        "jobs",
        "took 7 s",
        "job-1",
    )


@pytest.mark.parametrize(
    ("number", "name"),
    [(logging.INFO, "info"), (logging.WARNING, "warn"), (logging.ERROR, "error"), (50, "error")],
)
def test_levels_have_the_wire_names(
    shipper: LogShipper, logger: logging.Logger, number: int, name: str
) -> None:
    logger.log(number, "x")
    assert shipper.take(1)[0].level == name


def test_debug_lines_stay_here_unless_asked_for(
    shipper: LogShipper, logger: logging.Logger
) -> None:
    logger.debug("x")
    assert len(shipper) == 0
    shipper.setLevel(logging.DEBUG)
    logger.debug("x")
    assert shipper.take(1)[0].level == "debug"


def test_an_exception_is_part_of_the_message(shipper: LogShipper, logger: logging.Logger) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    message = shipper.take(1)[0].message
    assert message.startswith("it failed\n  Traceback")
    assert message.endswith("ValueError: broken")


@pytest.mark.parametrize("job_id", [None, "", "x" * 201, 7])
def test_a_job_id_the_wire_does_not_take_is_left_out(shipper: LogShipper, job_id: object) -> None:
    shipper.emit(record("x", job_id=job_id))
    assert shipper.take(1)[0].job_id is None


def test_entries_are_taken_oldest_first_in_bites(shipper: LogShipper) -> None:
    for number in range(5):
        shipper.emit(record(str(number)))
    assert [entry.message for entry in shipper.take(2)] == ["0", "1"]
    assert [entry.message for entry in shipper.take(10)] == ["2", "3", "4"]
    assert shipper.take(10) == []


def test_a_bite_is_bounded_in_bytes_but_never_empty(shipper: LogShipper) -> None:
    for _ in range(10):
        shipper.emit(record("x" * 1000))
    assert len(shipper.take(10, max_bytes=3000)) == 2
    assert len(shipper.take(10, max_bytes=1)) == 1


def test_the_oldest_are_dropped_and_a_marker_says_how_many() -> None:
    shipper = LogShipper(max_entries=3)
    for number in range(10):
        shipper.emit(record(str(number)))
    marker, *rest = shipper.take(10)
    assert marker.message.startswith("7 older log entries were dropped")
    assert (marker.level, marker.category) == ("warn", "log_shipping")
    assert [entry.message for entry in rest] == ["7", "8", "9"]
    shipper.emit(record("next"))
    assert [entry.message for entry in shipper.take(10)] == ["next"]


def test_the_bytes_held_are_bounded_too() -> None:
    shipper = LogShipper(max_bytes=10_000)
    for _ in range(100):
        shipper.emit(record("é" * 1000))
    assert 1 <= len(shipper) <= 5


def test_what_was_not_sent_comes_first_again(shipper: LogShipper) -> None:
    for number in range(4):
        shipper.emit(record(str(number)))
    taken = shipper.take(2)
    shipper.emit(record("4"))
    shipper.put_back(taken)
    assert [entry.message for entry in shipper.take(10)] == ["0", "1", "2", "3", "4"]


def test_what_is_put_back_counts_as_the_oldest() -> None:
    shipper = LogShipper(max_entries=3)
    for number in range(3):
        shipper.emit(record(str(number)))
    taken = shipper.take(2)
    shipper.emit(record("3"))
    shipper.put_back(taken)
    marker, *rest = shipper.take(10)
    assert marker.message.startswith("1 older")
    assert [entry.message for entry in rest] == ["1", "2", "3"]


def test_long_messages_are_cut_and_say_so(shipper: LogShipper) -> None:
    shipper.emit(record("x" * 10_000))
    message = shipper.take(1)[0].message
    assert message.endswith("… (1808 more characters)")
    assert len(message) < 8300


def test_registered_secrets_are_hidden_wherever_they_are(
    shipper: LogShipper, logger: logging.Logger
) -> None:
    shipper.redact(Secret("tok-123456"))
    shipper.redact("tok-123456-longer")
    shipper.redact(None)
    shipper.redact("x")
    logger.info("bearer %s and tok-123456-longer", "tok-123456")
    try:
        raise ValueError("with tok-123456")
    except ValueError:
        logger.exception("failed")
    first, second = shipper.take(2)
    assert first.message == "bearer *** and ***"
    assert "tok-123456" not in second.message
    assert "ValueError: with ***" in second.message


def test_the_redactor_cleans_what_other_handlers_write(capsys: pytest.CaptureFixture[str]) -> None:
    redactor = Redactor()
    redactor.redact(Secret("tok-123456"))
    handler = logging.StreamHandler()
    handler.addFilter(redactor)
    logger = logging.getLogger("studio_worker.redactor_test")
    logger.addHandler(handler)
    try:
        logger.error("bearer %s", "tok-123456")
        try:
            raise ValueError("tok-123456")
        except ValueError:
            logger.exception("again")
    finally:
        logger.removeHandler(handler)
    written = capsys.readouterr().err
    assert "bearer ***" in written
    assert "ValueError: ***" in written
    assert "tok-123456" not in written


def test_lines_about_shipping_itself_are_not_shipped(shipper: LogShipper) -> None:
    shipper.emit(record("x", name="studio_worker.session.log_shipping"))
    shipper.emit(record("x", name="websockets.client"))
    shipper.emit(record("x", name="studio_worker.socket.library"))
    assert len(shipper) == 0


def test_an_argument_that_logs_while_it_is_shown_does_not_recurse(
    shipper: LogShipper, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", False)

    class Chatty:
        def __str__(self) -> str:
            logger.info("I am being shown: %s", "yes")
            return "chatty"

    logger.info("%s", Chatty())
    assert [entry.message for entry in shipper.take(10)] == ["chatty"]


def test_a_record_that_cannot_be_shown_is_no_error_of_the_caller(
    shipper: LogShipper, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    logger.info("%s", Broken())
    logger.info("fine")
    assert [entry.message for entry in shipper.take(10)] == ["fine"]


def test_many_threads_lose_nothing(shipper: LogShipper) -> None:
    def work(name: str) -> None:
        for number in range(200):
            shipper.emit(record(f"{name} {number}"))

    threads = [threading.Thread(target=work, args=(str(each),)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = [entry.message for entry in shipper.take(10_000, max_bytes=10**9)]
    assert len(messages) == len(set(messages)) == 1600


@given(st.lists(st.text(max_size=50), max_size=20))
def test_whatever_is_logged_makes_a_frame_the_studio_can_read(messages: list[str]) -> None:
    shipper = LogShipper()
    for message in messages:
        shipper.emit(record(message.replace("%", "%%") + "\udc80"))
    entries = shipper.take(100)
    read = decode_worker_frame(encode_text(LogBatch(entries)))
    assert isinstance(read, LogBatch)
    assert len(read.entries) == len(messages)


@given(
    st.lists(
        st.one_of(
            st.integers(1, 4).map(lambda count: ("take", count)),
            st.just(("put_back", 0)),
            st.just(("emit", 0)),
        ),
        max_size=80,
    ),
    st.integers(1, 5),
)
def test_every_entry_is_either_shipped_once_or_counted_as_dropped(
    steps: list[tuple[str, int]], bound: int
) -> None:
    shipper = LogShipper(max_entries=bound)
    emitted = dropped = 0
    shipped: list[str] = []
    in_hand: list[LogEntry] = []

    def settle() -> None:
        nonlocal dropped
        for entry in in_hand:
            match = re.match(r"(\d+) older", entry.message)
            if match:
                dropped += int(match[1])
            else:
                shipped.append(entry.message)
        in_hand.clear()

    for step, count in steps:
        if step == "emit":
            shipper.emit(record(f"line {emitted}"))
            emitted += 1
        elif step == "take":
            settle()
            in_hand += shipper.take(count)
        else:
            shipper.put_back(in_hand)
            in_hand.clear()
    settle()
    while taken := shipper.take(10):
        in_hand += taken
        settle()
    assert len(shipped) == len(set(shipped))
    assert len(shipped) + dropped == emitted
