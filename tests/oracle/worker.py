"""python -m tests.oracle.worker: runs drivers in pffemu.

Its input is a kind of machine, a length and an ELF file; its output, pieces of the driver's output and an end.
Each driver runs in a child process: on some byte strings Unicorn kills its process, which must not end the campaign.
"""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

from pffemu import CpuOptions, Machine, Mode
from pffemu.machine.stop import Exited

LENGTH: Final = struct.Struct("<cI")  # R: results follow; W: why the driver ended early; E: the end of the process
USUAL: Final = b"U"  # the two kinds of machine that run a driver
EXACT: Final = b"X"  # with --exact-float
_OPTIONS: Final = {
    kind: CpuOptions(check_alignment=True, compiled=False, exact_float=kind == EXACT)  # too short to compile for
    for kind in (USUAL, EXACT)
}
_RAM: Final = 64 << 20
_BUDGET: Final = 2_000_000_000
_SECONDS: Final = 20  # of processor time for one driver; SIGPROF ends it


class _Pieces(io.RawIOBase):
    """What the driver writes goes straight to the other side."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        _send(b"R", bytes(data))
        return len(data)


def _send(kind: bytes, data: bytes) -> None:
    octets = LENGTH.pack(kind, len(data)) + data
    while octets:
        octets = octets[os.write(1, octets) :]


def main() -> None:
    source = sys.stdin.buffer
    Machine(mode=Mode.PFF, cpus=1, ram=_RAM, cpu=_OPTIONS[USUAL])  # loads everything, once for all children
    with tempfile.TemporaryDirectory(prefix="pffemu-oracle-") as folder:
        path = Path(folder) / "driver"
        while head := source.read(LENGTH.size):
            kind, size = LENGTH.unpack(head)
            path.write_bytes(source.read(size))
            _send(b"E", _in_a_child(path, _OPTIONS[kind]).encode())


def _in_a_child(path: Path, options: CpuOptions) -> str:
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, _SECONDS)
        _send(b"W", _run(path, options).encode())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return f"pffemu dies of {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else ""


def _run(path: Path, options: CpuOptions) -> str:
    """Why it ended before its end; '' when it did not."""
    try:
        machine = Machine(mode=Mode.PFF, cpus=1, ram=_RAM, cpu=options, stdout=_Pieces())
        machine.load(path)
        stop = machine.run(_BUDGET)
    except Exception:
        return traceback.format_exc(limit=-4)
    return "" if isinstance(stop, Exited) and stop.status == 0 else f"{stop}"


if __name__ == "__main__":
    main()
