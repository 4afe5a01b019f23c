"""The program behind a path: an ELF with its interpreter, or a script with its own (fs/exec.c, fs/binfmt_*.c).

The machine's loader knows the formats of executables; the kernel has it as a `ProgramLoader`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.tree.content import read_whole

if TYPE_CHECKING:
    from kernel_model.files.tree.place import Place
    from kernel_model.mm.mm import Mm
    from kernel_model.random import RandomSource
    from kernel_model.task.task import Process

_FILE_MAX: Final = 1 << 30  # bytes of an executable
_ELF_HEADER: Final = 64  # bytes
_SCRIPT: Final = b"#!"
_SCRIPT_HEAD: Final = 256  # bytes that the kernel reads of a script: BINPRM_BUF_SIZE
_SCRIPTS_MAX: Final = 5  # nested interpreters


class ProgramImage(Protocol):
    """What the machine's loader reads an executable into."""

    @property
    def interpreter(self) -> bytes:
        """Path of the program that loads it (PT_INTERP); empty: it is static."""


class ProgramLoader(Protocol):
    """The machine's part of execve."""

    def read(self, data: bytes, name: str) -> ProgramImage:
        """The program in an executable file. Raises LinuxError ENOEXEC."""

    def fill(
        self, mm: Mm, program: Executable, path: bytes, environment: Sequence[bytes], random: RandomSource
    ) -> tuple[int, int]:
        """Map the program, started as `path`, into the empty `mm`; returns its first RIP and RSP.

        Raises LinuxError E2BIG, ENOMEM, OutOfGuestMemory.
        """


class Executable(NamedTuple):
    """A program to start. `path`: its file in the guest; `interpreter`: ld.so, which gets control first."""

    image: ProgramImage
    interpreter: ProgramImage | None
    path: bytes
    arguments: Sequence[bytes]
    ids: tuple[int, int, int, int] = (0, 0, 0, 0)  # of the user and the group that start it: real, effective
    inode: Hashable = None  # of its file in the tree


@dataclass(frozen=True, slots=True)
class ProgramFiles:
    """Where programs are looked for. `running`: the process whose own program is found by its name, even unlisted."""

    walk: Callable[[bytes], Place]
    loader: ProgramLoader
    running: Process | None = None

    def find(self, name: bytes, arguments: Sequence[bytes], scripts: int = _SCRIPTS_MAX) -> Executable:
        """The program to run for `name`; for a script, its interpreter.

        Raises LinuxError: ENOENT, EACCES, ENOEXEC, ELOOP, ELIBBAD, EIO, and those of paths.
        """
        return self.at(self.walk(name), name, arguments, scripts)

    def at(
        self, place: Place, name: bytes, arguments: Sequence[bytes], scripts: int = _SCRIPTS_MAX, closes: bool = False
    ) -> Executable:
        """The same for what lies at `place`. Raises LinuxError as `find` does.

        `closes`: it was found by a descriptor that closes, by which a script's interpreter would look for it (ENOENT).
        """
        shown = place.exists and (place.mount is None or place.mount.listed)
        if self.running is not None and not shown and os.fsdecode(place.path) == self.running.exe:
            return self.with_interpreter(self.running.image, place.path, arguments, self.running.program)
        path = b"/" + place.path.lstrip(b"/")  # a file without a place has its whole name as one component
        data = content_to_run(place)
        if closes and data.startswith(_SCRIPT):
            raise LinuxError(Errno.ENOENT)
        if data.startswith(_SCRIPT):
            return self.of_script(data, name, arguments, scripts)
        return self.with_interpreter(self.loader.read(data, os.fsdecode(path)), path, arguments, place.identity)

    def of_script(
        self, head: bytes, name: bytes, arguments: Sequence[bytes], scripts: int = _SCRIPTS_MAX
    ) -> Executable:
        """The interpreter that the script `name` begins with, and its arguments. Raises LinuxError as `find` does."""
        if not scripts:
            raise LinuxError(Errno.ELOOP)
        interpreter, option = interpreter_of_script(head)
        if not interpreter:
            raise LinuxError(Errno.ENOEXEC)
        options = [option] if option else []
        return self.find(interpreter, [interpreter, *options, name, *arguments[1:]], scripts - 1)

    def with_interpreter(
        self, image: ProgramImage, path: bytes, arguments: Sequence[bytes], inode: Hashable = None
    ) -> Executable:
        """`image` and the interpreter that it names. Raises LinuxError: ELIBBAD, EIO, and those of paths."""
        interpreter = None
        if image.interpreter:
            place = self.walk(image.interpreter)
            data = content_to_run(place)
            if len(data) < _ELF_HEADER:
                raise LinuxError(Errno.EIO)
            try:
                interpreter = self.loader.read(data, os.fsdecode(place.path))
            except LinuxError as error:
                raise LinuxError(Errno.ELIBBAD) if error.errno == Errno.ENOEXEC else error from None
        return Executable(image, interpreter, path, arguments, inode=inode)


def content_to_run(place: Place) -> bytes:
    """The file at `place`, if it may be executed. Raises LinuxError ENOENT, EACCES."""
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if not stat.S_ISREG(place.mode) or not place.mode & 0o111:
        raise LinuxError(Errno.EACCES)
    return read_whole(place, _FILE_MAX)


def is_script(data: bytes) -> bool:
    """Whether a file with these contents is run by the interpreter in its first line."""
    return data.startswith(_SCRIPT)


def interpreter_of_script(head: bytes) -> tuple[bytes, bytes]:
    """The interpreter in a script's first line, and the option behind it; both may be empty."""
    line = head[len(_SCRIPT) : _SCRIPT_HEAD].split(b"\n")[0].strip(b" \t").replace(b"\t", b" ")
    interpreter, _, option = line.partition(b" ")
    return interpreter, option.strip(b" ")
