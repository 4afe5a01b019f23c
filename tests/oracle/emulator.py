"""The driver in pffemu, in a worker that may die."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.oracle.cases import Case, executable
from tests.oracle.results import split
from tests.oracle.worker import EXACT, LENGTH, USUAL

_SECONDS: Final = 90  # without any result: it hangs
_ROOT: Final = Path(__file__).parents[2]


class Emulator:
    """Starts the worker when there is none; use it in a `with` statement."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._end()

    def run(self, cases: Sequence[Case], chunk: int) -> tuple[list[bytes], str]:
        """As many results as there are, and why it ended early ('' when it did not). All are of one mode."""
        octets = executable(cases, chunk)
        worker = self._started()
        assert worker.stdin is not None
        worker.stdin.write(LENGTH.pack(EXACT if cases[0].exact_float else USUAL, len(octets)) + octets)
        worker.stdin.flush()
        output: list[bytes] = []
        why = ""
        while True:
            head = self._read(worker, LENGTH.size)
            if len(head) < LENGTH.size:
                return split(b"".join(output)), self._end()
            kind, size = LENGTH.unpack(head)
            data = self._read(worker, size)
            if kind == b"E":
                return split(b"".join(output)), data.decode() or why
            if kind == b"W":
                why = data.decode()
            else:
                output.append(data)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._worker is None:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "tests.oracle.worker"], cwd=_ROOT, bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._worker

    @staticmethod
    def _read(worker: subprocess.Popen[bytes], size: int) -> bytes:
        """Fewer bytes when the worker died or hangs."""
        assert worker.stdout is not None
        octets, until = b"", time.monotonic() + _SECONDS
        while len(octets) < size:
            if not select.select([worker.stdout], [], [], max(0, until - time.monotonic()))[0]:
                break
            piece = worker.stdout.read(size - len(octets))
            if not piece:
                break
            octets += piece
        return octets

    def _end(self) -> str:
        """End the worker, and say what became of it."""
        worker, self._worker = self._worker, None
        if worker is None:
            return ""
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.close()
        try:
            status = worker.wait(1)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            return "pffemu hangs"
        finally:
            worker.stdout.close()
        return (
            f"pffemu dies of {signal.Signals(-status).name}" if status < 0 else f"pffemu's process ends with {status}"
        )
