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

from pffemu.arch.registers import GENERAL
from pffemu.errors import EngineError, UsageError

_USUAL: Final = (*GENERAL, "rip", "rflags")  # one call reads them all in the time of reading one
_OTHERS: Final = ("fs_base", "gs_base", "cs", "ss", "ds", "es", "fs", "gs", "cr0", "cr2", "cr3", "cr4")
IDS: dict[str, int] = {name: getattr(x86, f"UC_X86_REG_{name.upper()}") for name in (*_USUAL, *_OTHERS)}
_AT: Final = {name: i for i, name in enumerate(_USUAL)}
_RIP: Final = _AT["rip"]
WIDTH_MASK = (1 << 64) - 1


# PYFUNCTYPE keeps the GIL: these calls last half a microsecond
_BATCH: Final = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
read_batch: Final = _BATCH(ctypes.cast(uclib.uc_reg_read_batch, ctypes.c_void_p).value or 0)
write_batch: Final = _BATCH(ctypes.cast(uclib.uc_reg_write_batch, ctypes.c_void_p).value or 0)


class RegisterBuffer:
    """Numbers of registers and a buffer for their values, laid out for Unicorn's batch calls."""

    __slots__ = ("_keep", "arguments", "octets")

    def __init__(self, handle: Any, idents: Sequence[int], slot: int) -> None:
        """`slot`: bytes each register has in `octets`."""
        count = len(idents)
        ids = (ctypes.c_int * count)(*idents)
        values = (ctypes.c_ubyte * (slot * count))()
        start = ctypes.addressof(values)
        pointers = (ctypes.c_void_p * count)(*(start + slot * i for i in range(count)))
        self._keep = (ids, values, pointers)
        self.octets = memoryview(values).cast("B")
        addresses = (ctypes.c_void_p(ctypes.addressof(array)) for array in (ids, pointers))
        self.arguments = (ctypes.c_void_p(handle.value), *addresses, ctypes.c_int(count))


class RegisterGroup:
    """A fixed list of 64-bit registers that are read and written together. Values are unsigned."""

    __slots__ = ("_arguments", "_buffer", "_file", "_pick", "_rip_at", "_words", "names")

    def __init__(self, handle: Any, names: tuple[str, ...], file: RegisterFile) -> None:
        self.names, self._file = names, file
        self._rip_at = names.index("rip") if "rip" in names else -1
        self._buffer = RegisterBuffer(handle, [IDS[name] for name in names], 8)
        self._words = Struct(f"<{len(names)}Q")
        self._arguments = self._buffer.arguments
        usual = len(names) > 1 and all(name in _AT for name in names)
        self._pick = itemgetter(*(_AT[name] for name in names)) if usual else None

    def read(self) -> list[int]:
        if self._pick is not None:
            return list(self._pick(self._file.known or self._file.fetch()))
        return self.read_now()

    def read_now(self) -> list[int]:
        """From the engine, whatever is known."""
        if read_batch(*self._arguments):
            raise EngineError(f"cannot read registers {self.names}")
        return list(self._words.unpack_from(self._buffer.octets))

    def write(self, *values: int) -> None:
        self._words.pack_into(self._buffer.octets, 0, *values)
        if write_batch(*self._arguments):
            raise EngineError(f"cannot write registers {self.names}")
        file = self._file
        file.known = None
        if self._rip_at >= 0:
            file.known_rip = values[self._rip_at]


class RegisterFile:
    """All registers of one core, by lower-case name: `registers["rax"]`. Reads have no side effect.

    `known`: general registers, RIP and RFLAGS as read last, `known_rip`: RIP as read or written last; None: to be read.
    `live`: guest code runs (a hook asks), so nothing is remembered.
    """

    __slots__ = ("_groups", "_handle", "_single", "_usual", "known", "known_rip", "live")

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._single: dict[str, RegisterGroup] = {}
        self._groups: dict[tuple[str, ...], RegisterGroup] = {}
        self._usual = RegisterGroup(handle, _USUAL, self)
        self.known: list[int] | None = None
        self.known_rip: int | None = None
        self.live = False

    def group(self, *names: str) -> RegisterGroup:
        """The group of these registers, made once."""
        if names not in self._groups:
            self._groups[names] = RegisterGroup(self._handle, names, self)
        return self._groups[names]

    def fetch(self) -> list[int]:
        """General registers, RIP and RFLAGS from the engine."""
        words = self._usual.read_now()
        if not self.live:
            self.known, self.known_rip = words, words[_RIP]
        return words

    def forget(self) -> None:
        """The engine's registers have changed, or will."""
        self.known = self.known_rip = None

    def rip(self) -> int:
        rip = self.known_rip
        return self.fetch()[_RIP] if rip is None else rip

    def __getitem__(self, name: str) -> int:
        at = _AT.get(name)
        if at is None:
            return self._one(name).read_now()[0]
        return (self.known or self.fetch())[at]

    def __setitem__(self, name: str, value: int) -> None:
        self._one(name).write(value & WIDTH_MASK)

    def _one(self, name: str) -> RegisterGroup:
        group = self._single.get(name)
        if group is None:
            if name not in IDS:
                raise UsageError(f"no register is called {name!r}", remedy=f"use one of {', '.join(IDS)}")
            group = self._single[name] = RegisterGroup(self._handle, (name,), self)
        return group
