"""Types that several threads decode at once for the first time."""

from __future__ import annotations

import subprocess
import sys

import msgspec

from studio_worker_core.struct_types import make_all_ready

RACE = """
from __future__ import annotations
import sys, threading, types
import msgspec
from studio_worker_core.struct_types import make_all_ready

TYPES = '''
from __future__ import annotations
import msgspec
class A(msgspec.Struct, frozen=True):
    x: int
    y: str | None = None
class B(msgspec.Struct, frozen=True):
    a: list[A]
    d: dict[str, A]
    o: A | None = None
class C(msgspec.Struct, frozen=True):
    b: list[B]
    a: A | None = None
'''
DATA = b'{"b":[{"a":[{"x":1}],"d":{"k":{"x":2}},"o":{"x":3}}],"a":{"x":5}}'

sys.setswitchinterval(1e-6)
faults = []
for number in range(100):
    module = sys.modules[f"m{number}"] = types.ModuleType(f"m{number}")
    exec(TYPES, module.__dict__)
    make_all_ready()
    start = threading.Barrier(4)
    def decode():
        start.wait()
        try:
            msgspec.json.decode(DATA, type=module.C)
        except Exception as error:
            faults.append(error)
    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
assert not faults, faults
"""


def test_types_that_are_ready_are_read_by_many_threads_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, timeout=90)
    assert done.returncode == 0, done.stderr.decode()


def test_what_is_never_decoded_is_passed_by() -> None:
    class Odd(msgspec.Struct):
        one: Thing | Other

    class Thing(msgspec.Struct):
        pass

    class Other(msgspec.Struct):
        pass

    make_all_ready()
    assert msgspec.json.decode(b"{}", type=Thing) == Thing()
