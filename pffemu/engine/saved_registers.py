"""All registers of a thread as one value, for context switches and for the workaround of U1 (docs/quirks.md).

Unicorn's contexts cannot be used: they belong to one instance and carry its pending exception along.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, NamedTuple

import unicorn.x86_const as x86

from pffemu.arch.registers import GENERAL
from pffemu.arch.rflags import RF
from pffemu.engine import fxsave
from pffemu.engine.float_registers import FloatRegisters
from pffemu.engine.float_status import FloatStatus
from pffemu.engine.registers import IDS, RegisterBuffer, RegisterFile, read_batch, write_batch
from pffemu.errors import EngineError

_WORD_REGISTERS: Final = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")
_FLOATING: Final = tuple(
    getattr(x86, f"UC_X86_REG_{name}")
    for name in (*(f"XMM{n}" for n in range(16)), *(f"FP{n}" for n in range(8)), "FPSW", "FPCW", "FPTAG", "MXCSR")
)
_CONTROL: Final = Struct("<H14xH30xI")
_SLOT: Final = 16  # bytes of each register in the buffer
_AT: Final = {name: i for i, name in enumerate(_WORD_REGISTERS)}


class SavedRegisters(NamedTuple):
    """General registers, RIP, RFLAGS, FS and GS base in `words` (order: `names`); SSE and x87 in `floating`."""

    words: tuple[int, ...]
    floating: bytes

    def replace(self, **values: int) -> SavedRegisters:
        """A copy with some registers changed, by name."""
        words = list(self.words)
        for name, value in values.items():
            words[_AT[name]] = value
        return SavedRegisters(tuple(words), self.floating)

    def word(self, name: str) -> int:
        """The value of one general register, RIP, RFLAGS, FS or GS base."""
        return self.words[_AT[name]]

    def words_of(self, names: tuple[str, ...]) -> list[int]:
        """The values of several, in this order."""
        words = self.words
        return [words[_AT[name]] for name in names]

    def xmm(self, number: int) -> int:
        """An SSE register, 128 bits."""
        return int.from_bytes(self.floating[_SLOT * number : _SLOT * (number + 1)], "little")

    def with_xmm(self, number: int, value: int) -> SavedRegisters:
        """A copy with one SSE register changed."""
        below, above = self.floating[: _SLOT * number], self.floating[_SLOT * (number + 1) :]
        return SavedRegisters(self.words, below + value.to_bytes(_SLOT, "little") + above)

    def float_control(self) -> tuple[int, int, int]:
        """FSW, FCW and MXCSR."""
        fsw, fcw, mxcsr = _CONTROL.unpack_from(self.floating, fxsave.WORDS_AT)
        return fsw, fcw, mxcsr

    def floats(self) -> FloatRegisters:
        """A mutable copy of SSE and x87, for `with_floats`."""
        return FloatRegisters(self.floating)

    def with_floats(self, floats: FloatRegisters) -> SavedRegisters:
        """A copy with those SSE and x87 registers."""
        return SavedRegisters(self.words, bytes(floats.octets))

    def fxsave(self) -> bytes:
        """SSE and x87 as the 512 bytes of FXSAVE."""
        return fxsave.to_fxsave(self.floating)

    def with_fxsave(self, area: bytes | None) -> SavedRegisters:
        """A copy with SSE and x87 from FXSAVE's 512 bytes; None: as after a reset."""
        return SavedRegisters(self.words, fxsave.RESET if area is None else fxsave.from_fxsave(area))


class SavedRegisterSet:
    """Reads and writes a core's `SavedRegisters` with one call each way."""

    def __init__(self, handle: Any, file: RegisterFile, floats: FloatStatus) -> None:
        self._file, self._floats = file, floats
        idents = [*(IDS[name] for name in _WORD_REGISTERS), *_FLOATING]
        self._buffer = RegisterBuffer(handle, idents, _SLOT)
        self._words = self._buffer.octets.cast("Q")

    def read(self) -> SavedRegisters:
        self._file.write_rip()
        self._floats.settle()
        if read_batch(*self._buffer.arguments):
            raise EngineError("cannot read the registers")
        split = len(_WORD_REGISTERS)
        return SavedRegisters(tuple(self._words[0 : 2 * split : 2]), bytes(self._buffer.octets[_SLOT * split :]))

    def write(self, saved: SavedRegisters) -> None:
        split = len(_WORD_REGISTERS)
        for i, value in enumerate(saved.words):
            self._words[2 * i] = value
        self._buffer.octets[_SLOT * split :] = saved.floating
        if write_batch(*self._buffer.arguments):
            raise EngineError("cannot write the registers")
        fsw, _, mxcsr = saved.float_control()
        self._floats.arrange(mxcsr, fsw)
        self._file.forget()
        self._file.resumes = saved.word("rflags") & RF != 0
