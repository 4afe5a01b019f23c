"""Register access without Unicorn's Python wrappers: preallocated ctypes arrays on its batch calls.

The stock `reg_read_batch` spends most of its time choosing classes and building tuples (ENGINE.md, section 0).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from operator import itemgetter
from struct import Struct
from typing import Any, Final

import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.arch.registers import GENERAL, MASK64
from pffemu.arch.rflags import RF
from pffemu.errors import EngineError, UsageError

_USUAL: Final = (*GENERAL, "rip", "rflags")  # one call reads them all in the time of reading one
_OTHERS: Final = ("fs_base", "gs_base", "cs", "ss", "ds", "es", "fs", "gs", "cr0", "cr2", "cr3", "cr4")
IDS: dict[str, int] = {name: getattr(x86, f"UC_X86_REG_{name.upper()}") for name in (*_USUAL, *_OTHERS)}
_AT: Final = {name: i for i, name in enumerate(_USUAL)}
_RIP: Final = _AT["rip"]
WIDTH_MASK = MASK64


# PyDLL keeps the GIL: these calls last a quarter of a microsecond. They have no types of arguments: those are ctypes
# objects, made once, and checking them would take longer than the calls
_LIBRARY: Final = ctypes.PyDLL(uclib._name)
read_batch: Final[Any] = _LIBRARY.uc_reg_read_batch
write_batch: Final[Any] = _LIBRARY.uc_reg_write_batch


class RegisterBuffer:
    """Register numbers and a buffer for their values, laid out for Unicorn's batch calls."""

    __slots__ = ("_keep", "arguments", "octets")

    def __init__(self, handle: Any, idents: Sequence[int], slot: int, values: Any = None) -> None:
        """`slot`: bytes of each register in `octets`. `values`: the ctypes array to use for them."""
        count = len(idents)
        ids = (ctypes.c_int * count)(*idents)
        if values is None:
            values = (ctypes.c_ubyte * (slot * count))()
        start = ctypes.addressof(values)
        pointers = (ctypes.c_void_p * count)(*(start + slot * i for i in range(count)))
        self._keep = (ids, values, pointers)
        self.octets = memoryview(values).cast("B")
        ids_at, pointers_at = (ctypes.c_void_p(ctypes.addressof(array)) for array in (ids, pointers))
        self.arguments = (ctypes.c_void_p(handle.value), ids_at, pointers_at, ctypes.c_int(count))


class RegisterGroup:
    """A fixed list of 64-bit registers that are read and written together. Values are unsigned."""

    __slots__ = ("_arguments", "_buffer", "_file", "_flags_at", "_pick", "_rip_at", "_words", "names")

    def __init__(self, handle: Any, names: tuple[str, ...], file: RegisterFile) -> None:
        self.names, self._file = names, file
        self._rip_at = names.index("rip") if "rip" in names else -1
        self._flags_at = names.index("rflags") if "rflags" in names else -1
        self._buffer = RegisterBuffer(handle, [IDS[name] for name in names], 8)
        self._words = Struct(f"<{len(names)}Q")
        self._arguments = self._buffer.arguments
        usual = len(names) > 1 and all(name in _AT for name in names)
        self._pick = itemgetter(*(_AT[name] for name in names)) if usual else None

    def read(self) -> list[int]:
        if self._pick is not None:
            file = self._file
            return list(self._pick(file._words if file.known else file.words()))
        return self.read_now()

    def read_now(self) -> list[int]:
        """Read from the engine, also when the values are known."""
        if self._rip_at >= 0 and self._file.rip_moved:
            self._file.write_rip()
        if read_batch(*self._arguments):
            raise EngineError(f"cannot read registers {self.names}")
        return list(self._words.unpack_from(self._buffer.octets))

    def write(self, *values: int) -> None:
        self._words.pack_into(self._buffer.octets, 0, *values)
        if write_batch(*self._arguments):
            raise EngineError(f"cannot write registers {self.names}")
        file = self._file
        file.known = False
        if self._flags_at >= 0:
            file.resumes = values[self._flags_at] & RF != 0
        if self._rip_at >= 0:
            file.known_rip, file.rip_moved = values[self._rip_at], False


class RegisterFile:
    """All registers of one core, by lower-case name: `registers["rax"]`. Reads have no side effect.

    `known`: `words` has the current general registers, RIP and RFLAGS; `known_rip`: the current RIP, None: unknown.
    `rip_moved`: the engine still has an older RIP. `live`: guest code runs (a hook asks), so nothing is cached.
    `resumes`: RFLAGS was written with RF set, which the end of the next instruction clears.
    """

    __slots__ = (
        "_groups", "_handle", "_single", "_usual", "_words", "known", "known_rip", "live", "resumes", "rip_moved"
    )  # fmt: skip

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._single: dict[str, RegisterGroup] = {}
        self._groups: dict[tuple[str, ...], RegisterGroup] = {}
        self._usual = RegisterBuffer(handle, [IDS[name] for name in _USUAL], 8)
        self._words = self._usual.octets.cast("Q")
        self.known = False
        self.known_rip: int | None = None
        self.live = self.rip_moved = self.resumes = False

    def group(self, *names: str) -> RegisterGroup:
        """The group of these registers, made once."""
        if names not in self._groups:
            self._groups[names] = RegisterGroup(self._handle, names, self)
        return self._groups[names]

    def words(self) -> memoryview:
        """General registers, RIP and RFLAGS, in the order of `_USUAL`; good until the next read, write or run."""
        if not self.known:
            if self.rip_moved:
                self.write_rip()
            if read_batch(*self._usual.arguments):
                raise EngineError("cannot read the registers")
            if not self.live:
                self.known, self.known_rip = True, self._words[_RIP]
        return self._words

    def forget(self) -> None:
        """Drop cached values: the engine's registers have changed, or will."""
        self.known, self.known_rip, self.rip_moved = False, None, False

    def rip(self) -> int:
        rip = self.known_rip
        return self.words()[_RIP] if rip is None else rip

    def skip(self, length: int) -> None:
        """An instruction of that many bytes has completed: RIP moves on, RF becomes 0. The engine gets RIP later, as
        the next run usually starts there.
        """
        if self.resumes:
            self["rflags"] &= ~RF
        self.known_rip = self._words[_RIP] = self.rip() + length & WIDTH_MASK
        self.rip_moved = True

    def write_rip(self) -> None:
        """Write RIP to the engine after a `skip`."""
        if self.rip_moved and self.known_rip is not None:
            self["rip"] = self.known_rip

    def __getitem__(self, name: str) -> int:
        at = _AT.get(name)
        if at is None:
            return self._one(name).read_now()[0]
        return (self._words if self.known else self.words())[at]

    def __setitem__(self, name: str, value: int) -> None:
        self._one(name).write(value & WIDTH_MASK)

    def _one(self, name: str) -> RegisterGroup:
        group = self._single.get(name)
        if group is None:
            if name not in IDS:
                raise UsageError(f"no register is called {name!r}", remedy=f"use one of {', '.join(IDS)}")
            group = self._single[name] = RegisterGroup(self._handle, (name,), self)
        return group
