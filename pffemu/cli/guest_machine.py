"""A machine that runs the user's program, wired to this process's standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from kernel_model.files import ByteSink
from pffemu.cli.standard_streams import closed_descriptors
from pffemu.cli.terminal import GuestOutput
from pffemu.machine.image import open_image
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.report.progress import ProgressLine


@dataclass(frozen=True, slots=True)
class GuestCommand:
    """The program's file, its arguments, and its environment as NAME=VALUE."""

    file: str
    arguments: Sequence[str] = ()
    environment: Sequence[str] = ()


def load_guest(
    chosen: MachineOptions,
    guest: GuestCommand,
    progress: ProgressLine,
    keep_stdout: bool,
    output: ByteSink | None = None,
) -> Machine:
    """`output`: where the guest's output goes instead of to this process's streams."""
    image = open_image(guest.file)
    stderr = output or GuestOutput(sys.stderr.buffer, progress.clear)
    stdout = stderr if keep_stdout or output else GuestOutput(sys.stdout.buffer, progress.clear)
    machine = Machine(chosen, stdin=StandardInput(), stdout=stdout, stderr=stderr)
    for fd in closed_descriptors() if output is None else ():
        machine.close_descriptor(fd)
    machine.load(image, guest.arguments, environment=guest.environment)
    return machine


class StandardInput:
    """Standard input, read when the guest reads. A read is filled completely, except that a terminal gives a line."""

    def read(self, size: int, /) -> bytes:
        if sys.stdin is None or sys.stdin.closed:
            return b""
        return os.read(sys.stdin.fileno(), size) if sys.stdin.isatty() else sys.stdin.buffer.read(size)
