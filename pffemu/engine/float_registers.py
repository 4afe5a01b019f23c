"""A mutable copy of `SavedRegisters.floating`: SSE, x87 and MMX registers and their control words."""

from __future__ import annotations

from typing import Final

from pffemu.engine.fxsave import SLOT, WORDS_AT, X87_AT

_WORDS: Final = {"fsw": (0, 2), "fcw": (1, 2), "ftw": (2, 2), "mxcsr": (3, 4)}  # slot, bytes
_TOP_AT: Final = 11  # in FSW
_X87_BYTES: Final = 10
_EMPTY: Final = 3  # a tag


class FloatRegisters:
    """SSE, x87 and MMX registers. `octets`: in the layout of `SavedRegisters.floating`."""

    def __init__(self, floating: bytes) -> None:
        self.octets = bytearray(floating)

    def __getitem__(self, name: str) -> int:
        """The word `name`: mxcsr, fsw, fcw or ftw."""
        slot, size = _WORDS[name]
        return self._read(WORDS_AT + SLOT * slot, size)

    def __setitem__(self, name: str, value: int) -> None:
        slot, size = _WORDS[name]
        self._write(WORDS_AT + SLOT * slot, size, value)

    def xmm(self, number: int) -> int:
        return self._read(SLOT * number, SLOT)

    def set_xmm(self, number: int, value: int) -> None:
        self._write(SLOT * number, SLOT, value)

    def mm(self, number: int) -> int:
        return self._read(X87_AT + SLOT * number, 8)

    def set_mm(self, number: int, value: int) -> None:
        """Write as an MMX instruction does: the exponent becomes all ones (SDM vol. 1, 9.6.2)."""
        self._write(X87_AT + SLOT * number, _X87_BYTES, value | 0xFFFF << 64)

    def enter_mmx(self) -> None:
        """Set TOP to 0 and all registers valid, as an MMX instruction does."""
        self["fsw"] &= ~(7 << _TOP_AT)
        self["ftw"] = 0

    @property
    def in_mmx(self) -> bool:
        return not self["fsw"] >> _TOP_AT & 7 and not any(self["ftw"] >> 2 * n & 3 == _EMPTY for n in range(8))

    @property
    def top(self) -> int:
        return self["fsw"] >> _TOP_AT & 7

    @top.setter
    def top(self, value: int) -> None:
        self["fsw"] = self["fsw"] & ~(7 << _TOP_AT) | (value & 7) << _TOP_AT

    def st(self, number: int) -> int:
        """The 80 bits of ST(`number`)."""
        return self._read(X87_AT + SLOT * (self.top + number & 7), _X87_BYTES)

    def set_st(self, number: int, bits: int) -> None:
        """Write the 80 bits of ST(`number`) and make it valid."""
        register = self.top + number & 7
        self._write(X87_AT + SLOT * register, _X87_BYTES, bits)
        self["ftw"] &= ~(_EMPTY << 2 * register)

    def is_empty(self, number: int) -> bool:
        return self["ftw"] >> 2 * (self.top + number & 7) & 3 == _EMPTY

    def empty(self, number: int) -> None:
        self["ftw"] |= _EMPTY << 2 * (self.top + number & 7)

    def _read(self, at: int, size: int) -> int:
        return int.from_bytes(self.octets[at : at + size], "little")

    def _write(self, at: int, size: int, value: int) -> None:
        self.octets[at : at + size] = value.to_bytes(size, "little")
