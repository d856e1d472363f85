from __future__ import annotations

import threading

from studio_worker_core.gate import Gate


def test_one_job_at_a_time() -> None:
    gate = Gate()
    assert gate.try_enter("a")
    assert not gate.try_enter("b")
    assert not gate.try_enter("a")
    assert gate.holder == "a"
    gate.leave("b")
    assert not gate.try_enter("b")
    gate.leave("a")
    assert gate.try_enter("b")


def test_many_at_the_door_one_gets_in() -> None:
    gate = Gate()
    start = threading.Barrier(8)
    inside: list[int] = []

    def push(number: int) -> None:
        start.wait(10)
        if gate.try_enter(str(number)):
            inside.append(number)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(inside) == 1


def test_waiting_ends_when_the_gate_is_free() -> None:
    gate = Gate()
    assert gate.wait_free(0)
    gate.try_enter("a")
    assert not gate.wait_free(0.01)
    leaver = threading.Thread(target=gate.leave, args=("a",))
    leaver.start()
    assert gate.wait_free(10)
    leaver.join(10)
