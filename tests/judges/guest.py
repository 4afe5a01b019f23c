"""One program in a machine of its own: `python -m tests.judges.guest LAUNCHER TREE PROGRAM [ARGUMENT...]`."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from kernel_model.files.host_tree import Mount
from pffemu import Machine
from pffemu.errors import PffemuError
from pffemu.events.kernel import Warned
from pffemu.machine.image import open_image
from tests.judges.run import guest_environment

_AT: Final = b"judge"
_RAM: Final = 16 << 30  # bytes: some programs look for much before they begin
_READ: Final = ("/bin", "/usr/bin", "/etc/passwd", "/etc/group")


def main(launcher: Path, tree: Path, program: Path, arguments: list[str]) -> int:
    """The guest's exit status; its output, and pffemu's warnings, are this process's."""
    shown = f"/judge/{program.relative_to(tree)}"
    folder = shown.rpartition("/")[0]
    environment = [f"{name}={value}" for name, value in guest_environment(folder).items()]
    machine = Machine(stdin=b"", stdout=_Unbuffered(1), stderr=_Unbuffered(2), ram=_RAM, roots=_roots(tree), libs=True)
    machine.events.listeners[Warned] = lambda event: print(event.what, file=sys.stderr, flush=True)
    try:
        machine.load(replace(open_image(launcher), name="launch"), [shown, *arguments], environment=environment)
        process = machine.kernel.first_process
        assert process is not None
        process.cwd = machine.kernel.tree.place_at(tuple(folder.encode().split(b"/")[1:]))
        stop = machine.run()
    except PffemuError as error:
        print(f"pffemu: {error}", file=sys.stderr)
        return 126
    if stop.exit_code in (124, 125):
        print(f"pffemu: {stop}", file=sys.stderr)
    return stop.exit_code


def _roots(tree: Path) -> tuple[Mount, ...]:
    """The program's folder, where it may write as natively; the host's commands; its users and groups."""
    read = [Mount(os.path.realpath(path), tuple(path.encode().split(b"/")[1:]), read_only=True) for path in _READ]
    return (Mount(str(tree), (_AT,)), *read)


class _Unbuffered(io.RawIOBase):
    """A descriptor of this process that is written to at once: what a killed guest has said must not be lost."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        return os.write(self._fd, data)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4]), sys.argv[4:]))
