"""Register access without Unicorn's Python wrappers: preallocated ctypes arrays on its batch calls.

The stock `reg_read_batch` spends most of its time choosing classes and building tuples (ENGINE.md, section 0).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.errors import EngineError, UsageError

_NAMES = (
    *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip", "rflags"),
    *(f"r{n}" for n in range(8, 16)),
    *("fs_base", "gs_base", "cs", "ss", "ds", "es", "fs", "gs", "cr0", "cr2", "cr3", "cr4"),
)
IDS: dict[str, int] = {name: getattr(x86, f"UC_X86_REG_{name.upper()}") for name in _NAMES}
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

    __slots__ = ("_arguments", "_buffer", "_file", "_rip_at", "_words", "names")

    def __init__(self, handle: Any, names: tuple[str, ...], file: RegisterFile) -> None:
        self.names, self._file = names, file
        self._rip_at = names.index("rip") if "rip" in names else -1
        self._buffer = RegisterBuffer(handle, [IDS[name] for name in names], 8)
        self._words = self._buffer.octets.cast("Q")
        self._arguments = self._buffer.arguments

    def read(self) -> list[int]:
        if read_batch(*self._arguments):
            raise EngineError(f"cannot read registers {self.names}")
        return self._words.tolist()

    def write(self, *values: int) -> None:
        for i, value in enumerate(values):
            self._words[i] = value
        if write_batch(*self._arguments):
            raise EngineError(f"cannot write registers {self.names}")
        if self._rip_at >= 0:
            self._file.known_rip = values[self._rip_at]


class RegisterFile:
    """All registers of one core, by lower-case name: `registers["rax"]`. Reads have no side effect.

    `known_rip`: RIP while no code runs, where it was read or written last; None: to be read.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._single: dict[str, RegisterGroup] = {}
        self._groups: dict[tuple[str, ...], RegisterGroup] = {}
        self.known_rip: int | None = None

    def group(self, *names: str) -> RegisterGroup:
        """The group of these registers, made once."""
        if names not in self._groups:
            self._groups[names] = RegisterGroup(self._handle, names, self)
        return self._groups[names]

    def rip(self) -> int:
        """RIP while no guest code runs."""
        if self.known_rip is None:
            self.known_rip = self["rip"]
        return self.known_rip

    def __getitem__(self, name: str) -> int:
        if name == "rip" and self.known_rip is not None:
            return self.known_rip
        return self._one(name).read()[0]

    def __setitem__(self, name: str, value: int) -> None:
        self._one(name).write(value & WIDTH_MASK)

    def _one(self, name: str) -> RegisterGroup:
        group = self._single.get(name)
        if group is None:
            if name not in IDS:
                raise UsageError(f"no register is called {name!r}", remedy=f"use one of {', '.join(IDS)}")
            group = self._single[name] = RegisterGroup(self._handle, (name,), self)
        return group
