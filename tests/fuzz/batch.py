"""One machine and some hundred random system calls.

It ends early when random arguments kill the guest, leave it without a runnable thread, or use up its instructions. The
test checks that it returns, soon, without an exception, and without a file of the host opened outside its root.
"""

from __future__ import annotations

import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel_model.files.host_tree import Mount
from pffemu import Machine
from pffemu.asm import Program
from pffemu.events.kernel import Syscall, SyscallReturned
from tests.fuzz import guest

_BUDGET: Final = 400_000  # instructions
_RAM: Final = 32 << 20  # bytes


@dataclass(frozen=True)
class Batch:
    """What happened: system calls, how many of them succeeded, seconds, and why it ended."""

    calls: int
    succeeded: int
    seconds: float
    ended: str


def run_batch(program: Program, seed: int) -> Batch:
    """Run the batch. Raises what must not be raised."""
    source = random.Random(seed)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "f").write_bytes(bytes(range(256)) * 40)
        (root / "d").mkdir()
        (root / "link").symlink_to("/etc/passwd")
        machine = Machine(
            ram=_RAM, cpus=2, stdin=b"input" * 100, stdout=Nowhere(), stderr=Nowhere(), roots=(Mount(directory, ()),)
        )
        results: Counter[bool] = Counter()
        machine.events.sinks.append(
            lambda event: results.update([event.result >= 0]) if isinstance(event, SyscallReturned) else None
        )
        machine.load(program)
        machine.memory.write(program.symbols["table"], guest.table(source))
        machine.memory.write(program.symbols["data"], guest.data(source))
        with watched(directory):
            ended = type(machine.run(budget=_BUDGET)).__name__
    return Batch(machine.events.counts[Syscall], results[True], time.perf_counter() - started, ended)


def resident_bytes() -> int:
    """The most memory this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Nowhere:
    def write(self, data: bytes, /) -> object:
        return len(data)


# -- what the host sees ---------------------------------------------------------------------------------------------

_OWN: Final = re.compile(rb"/proc/self/fd/\d+")  # what is open already
_IMPORTER: Final = "<frozen importlib._bootstrap_external>"
_watching: list[bytes] = []  # the one directory whose files may be opened now


@contextmanager
def watched(directory: str) -> Iterator[None]:
    """Fails when a path outside `directory` is used meanwhile: an audit hook sees what Python asks of the host."""
    if _hook not in _installed:
        sys.addaudithook(_hook)
        _installed.append(_hook)
    _watching.append(directory.encode())
    try:
        yield
    finally:
        _watching.clear()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or not (event == "open" or event.startswith("os.")) or event == "os.symlink":
        return
    for path in arguments[:2]:
        text = path.encode(errors="surrogateescape") if isinstance(path, str) else path
        if isinstance(text, bytes) and _OWN.fullmatch(text):
            continue
        if isinstance(text, bytes) and text != _watching[0] and (b"/" in text or text == b"..") and not _is_importing():
            raise AssertionError(f"{event} of {text!r}")


def _is_importing() -> bool:
    """Whether Python itself asks, for a module that the model imports on first use."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != _IMPORTER:
        frame = frame.f_back
    return frame is not None


_installed: list[Any] = []
