"""The mechanisms of the cache library: which machine offers each, and where its code is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guest.paths import ASM
from kernel_model.mechanisms import NAMED, Mode
from pffemu.errors import UsageError


@dataclass(frozen=True, slots=True)
class CacheMechanism:
    """A row. `name`: of kernel_model.mechanisms.NAMED; `shared`: files of guest/asm/cache beside its own."""

    name: str
    shared: tuple[str, ...] = ()
    helpers: bool = False  # handler threads
    faults: bool = True  # an access to a missing page faults; otherwise the program asks before each access
    by_kernel: bool = False  # the kernel evicts
    on_disk: bool = True  # the file need not be in memory

    @property
    def mode(self) -> Mode:
        """The machine that offers it."""
        return NAMED[self.name].mode

    @property
    def guest(self) -> str:
        """Its name in guest/asm/cache.s, and of its file."""
        return NAMED[self.name].guest

    @property
    def lines(self) -> int:
        """Lines of guest code: without empty lines and comments."""
        return sum(_lines(ASM / "cache" / f"{name}.s") for name in (self.guest, *self.shared))


_FRAMES: Final = ("frames",)
_PAGES: Final = ("uffd_pages",)
MECHANISMS: Final = (
    CacheMechanism("kernel", by_kernel=True),
    CacheMechanism("pin", _FRAMES, faults=False),
    CacheMechanism("swizzle", _FRAMES, faults=False),
    CacheMechanism("sigsegv"),
    CacheMechanism("uffd", _PAGES, helpers=True),
    CacheMechanism("uffd-sigbus", _PAGES),
    CacheMechanism("upcall", _PAGES),
    CacheMechanism("daemon", ("frames", *_PAGES), helpers=True),
    CacheMechanism("policy", _PAGES, by_kernel=True, on_disk=False),
    CacheMechanism("exmap", faults=False),
    CacheMechanism("userfault", _PAGES),
    CacheMechanism("pff", _PAGES),
    CacheMechanism("pff-pte", _PAGES),
    CacheMechanism("hw", ("pff", *_PAGES), on_disk=False, helpers=True),
)
ALL: Final = "all"


def chosen_mechanisms(text: str, *, on_disk: bool = False) -> tuple[CacheMechanism, ...]:
    """The mechanisms named in `text`, separated by commas, in the order of the table. Raises UsageError.

    `on_disk`: all are those that can have their file there.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = {one.name: one for one in MECHANISMS}
    unknown = [name for name in names if name not in known and name != ALL]
    if unknown or not names:
        what = f"no mechanism {unknown[0]!r}" if unknown else "no mechanism is named"
        raise UsageError(what, where="--mechanism", remedy=f"{ALL}, or some of {', '.join(known)}")
    for name in names:
        if on_disk and name != ALL and not known[name].on_disk:
            raise UsageError(f"{name} needs its file in memory", where="--store disk", remedy="leave it out")
    return tuple(one for one in MECHANISMS if one.name in names or (ALL in names and (one.on_disk or not on_disk)))


def _lines(path: Path) -> int:
    text = path.read_text(encoding="utf-8").splitlines()
    return sum(1 for line in text if line.strip() and not line.lstrip().startswith("#"))
