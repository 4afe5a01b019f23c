"""Every error pffemu raises, as one tree. Each says what happened, where, and what to do about it.

    PffemuError                    exit code 125: pffemu cannot go on
    |- UsageError                    2: an option or argument makes no sense
    |- MissingFileError            127: a named file does not exist or cannot be read
    |- NotLoadableError            126: the file is there but cannot be run
    |  |- ElfError                      ... it is not an x86-64 ELF program
    |  `- AssemblyError                 ... its source does not assemble (file:line)
    |- MissingExtraError           125: an optional package is not installed
    |- OutOfGuestMemory            125: guest RAM has no free frame left
    |- UnsupportedError            125: with --strict: the guest asked for what is not modelled
    `- EngineError                 125: Unicorn did something pffemu does not know

What the *guest* does wrong is not an error of pffemu: it ends the run with a `Stop` value (pffemu.machine.stop).
"""

from __future__ import annotations


class PffemuError(Exception):
    """Base of all errors. `what` happened, `where` (file:line, RIP, option; may be empty), `remedy`: what to try."""

    exit_code = 125

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        return f"{located}\n  try: {self.remedy}" if self.remedy else located


class UsageError(PffemuError):
    """An option or argument makes no sense."""

    exit_code = 2


class MissingFileError(PffemuError):
    """A file the user named does not exist or cannot be read."""

    exit_code = 127


class NotLoadableError(PffemuError):
    """A file exists but the machine cannot run it."""

    exit_code = 126


class ElfError(NotLoadableError):
    """Not a little-endian x86-64 ELF64 executable."""


class AssemblyError(NotLoadableError):
    """Source text that does not assemble, or that keystone would assemble wrongly. `where` is file:line."""


class MissingExtraError(PffemuError):
    """A package that only some commands need is not installed; `extra` is the one of pffemu that brings it."""

    def __init__(self, package: str, extra: str, *, where: str, otherwise: str = "") -> None:
        super().__init__(
            f"{package} is not installed",
            where=where,
            remedy=f"pip install 'pffemu[{extra}]'{f', or {otherwise}' if otherwise else ''}",
        )


class OutOfGuestMemory(PffemuError):
    """Guest RAM has no free frame left."""


class UnsupportedError(PffemuError):
    """The guest asked the kernel for something that is not modelled, and strict mode ends the run there."""


class EngineError(PffemuError):
    """Unicorn reported something that no guest should be able to cause."""
