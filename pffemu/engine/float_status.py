"""MXCSR and the x87 status and control words, with the flags that Unicorn does not put there.

Unicorn's arithmetic collects exception flags in two records of its own, one for SSE and one for x87, and never shows
them; it flushes x87 results to zero when MXCSR has FZ, which is for SSE alone. `uc_context_save` copies both records;
their place in the copy is found by writing registers (tests/quirks pins it).
"""

from __future__ import annotations

import ctypes
import struct
from operator import itemgetter
from typing import Any, ClassVar, Final, NamedTuple

import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.arch.floats import FZ, IE, MASKS_AT, OE, PE, UE, ZE
from pffemu.engine.registers import RegisterBuffer, read_batch, write_batch
from pffemu.errors import EngineError

# offsets in a record, from its rounding mode
_FLAGS, _PRECISION, _FLUSH_TO_ZERO, _FLUSH_INPUTS = 1, 2, 3, 4
_TO_ZERO: Final = 3  # the record's word for rounding to zero
_RECORDED: Final = IE | ZE | OE | UE | PE  # flags that the records have, with the same values
_FLUSHED: Final = 128  # in the record's flags: a result was flushed to zero
_IDS: Final = {"mxcsr": x86.UC_X86_REG_MXCSR, "fcw": x86.UC_X86_REG_FPCW, "fsw": x86.UC_X86_REG_FPSW}
_CONTEXT: Final = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_save: Final = _CONTEXT(ctypes.cast(uclib.uc_context_save, ctypes.c_void_p).value or 0)
_restore: Final = _CONTEXT(ctypes.cast(uclib.uc_context_restore, ctypes.c_void_p).value or 0)


class Places(NamedTuple):
    """Offsets in a saved context: the rounding mode of each record, and the registers."""

    sse: int
    x87: int
    mxcsr: int
    fsw: int


class FloatStatus:
    """One core's words. The records have the current flags, except DE; MXCSR and FSW may be out of date.

    `settled`: MXCSR and FSW have the flags of the records; `flushes`: SSE results are flushed to zero.
    """

    _known: ClassVar[Places | None] = None  # the same in every core

    def __init__(self, uc: Any) -> None:
        self._context = uc.context_save()  # keeps the memory
        self._handle = uc._uch
        address = ctypes.c_void_p(self._context.context.value)
        self._arguments = ctypes.c_void_p(self._handle.value), address
        size = uclib.uc_context_size(self._handle)
        self._octets = memoryview((ctypes.c_ubyte * size).from_address(address.value or 0)).cast("B")
        self._buffers = {name: RegisterBuffer(self._handle, [ident], 4) for name, ident in _IDS.items()}
        x87 = [x86.UC_X86_REG_FPSW, x86.UC_X86_REG_FPTAG, *(getattr(x86, f"UC_X86_REG_FP{n}") for n in range(8))]
        self._x87 = RegisterBuffer(self._handle, x87, 16)
        if FloatStatus._known is None:
            FloatStatus._known = self._find()
        self.places = FloatStatus._known
        self._words, self._pick = _one_look(self.places)
        self._recorded = 0, 0  # the records' flags at the last `settle`
        self.settled = self.flushes = False

    def settle(self) -> None:
        """Bring the flags collected so far into MXCSR and FSW, after a run."""
        if not self.settled:
            self._recorded = self.settle_now()
            self.settled = True

    def settle_now(self) -> tuple[int, int]:
        """As `settle`, also from a hook; the flags of SSE and x87."""
        if _save(*self._arguments):
            raise EngineError("cannot save Unicorn's context")
        sse, x87, mxcsr, fsw = self._pick(self._words.unpack_from(self._octets))
        sse = sse & _RECORDED | (UE | PE if sse & _FLUSHED else 0)
        x87 &= _RECORDED
        if sse & ~mxcsr or (fsw ^ x87) & _RECORDED:
            self._octets[self.places.mxcsr], self._octets[self.places.fsw] = mxcsr | sse, fsw & ~_RECORDED | x87
            self._store()
        return sse, x87

    def flags(self) -> tuple[int, int]:
        """The flags of SSE and x87 in the records."""
        self._load()
        octets, places = self._octets, self.places
        sse = octets[places.sse + _FLAGS]
        return sse & _RECORDED | (UE | PE if sse & _FLUSHED else 0), octets[places.x87 + _FLAGS] & _RECORDED

    def begin(self, *, sse: int | None = None, x87: int | None = None) -> None:
        """Set the records' flags, also from a hook."""
        self._load()
        octets, places = self._octets, self.places
        if sse is not None:
            octets[places.sse + _FLAGS] = sse & _RECORDED
        if x87 is not None:
            octets[places.x87 + _FLAGS] = x87 & _RECORDED
        self._store()
        self.settled = False

    def arrange(self, mxcsr: int, fsw: int) -> None:
        """MXCSR and FSW were written: bring the records into line with them."""
        flushes = bool(mxcsr & FZ and mxcsr & UE << MASKS_AT)
        recorded = mxcsr & _RECORDED, fsw & _RECORDED
        if self.settled and recorded == self._recorded and not (flushes or self.flushes or mxcsr & FZ):
            return
        self._load()
        octets, places = self._octets, self.places
        octets[places.sse + _FLAGS], octets[places.x87 + _FLAGS] = self._recorded = recorded
        octets[places.sse + _FLUSH_TO_ZERO], octets[places.x87 + _FLUSH_TO_ZERO] = flushes, 0
        self._store()
        self.flushes, self.settled = flushes, True

    def read(self, name: str) -> int:
        """`name`: mxcsr, fcw or fsw; see `settle`."""
        buffer = self._buffers[name]
        if read_batch(*buffer.arguments):
            raise EngineError(f"cannot read {name}")
        (value,) = struct.unpack_from("<I" if name == "mxcsr" else "<H", buffer.octets)
        return int(value)

    def write(self, name: str, value: int) -> None:
        """`name`: mxcsr, fcw or fsw."""
        buffer = self._buffers[name]
        struct.pack_into("<I", buffer.octets, 0, value)
        if write_batch(*buffer.arguments):
            raise EngineError(f"cannot write {name}")

    def mmx_exponents(self) -> tuple[int, ...] | None:
        """The exponents of MM0 to MM7, also in a hook; None unless TOP is 0 and all registers are valid."""
        buffer = self._x87
        if read_batch(*buffer.arguments):
            raise EngineError("cannot read x87 registers")
        words = buffer.octets.cast("H")
        empty = any(words[8] >> at & 3 == 3 for at in range(0, 16, 2))
        if words[0] & 7 << 11 or empty:
            return None
        return tuple(words[8 * slot + 4] for slot in range(2, 10))

    def _load(self) -> None:
        if _save(*self._arguments):
            raise EngineError("cannot save Unicorn's context")

    def _store(self) -> None:
        if _restore(*self._arguments):
            raise EngineError("cannot restore Unicorn's context")

    def _find(self) -> Places:
        """Find the records; registers are unchanged afterwards. Raises EngineError for an unexpected layout."""
        self._load()
        before = bytes(self._octets)
        snapshots = []
        for mxcsr, fcw, fsw in ((0x1F80, 0x37F, 0), (0x7FC0, 0x37F, 0), (0x1F80, 0xC7F, 0), (0x1F80, 0x37F, 0x4500)):
            for name, value in (("mxcsr", mxcsr), ("fcw", fcw), ("fsw", fsw)):
                self.write(name, value)
            self._load()
            snapshots.append(bytes(self._octets))
        self._octets[:] = before
        self._store()
        plain, sse, x87, status = snapshots
        return Places(
            _only(plain, sse, {0: (0, _TO_ZERO), _FLUSH_INPUTS: (0, 1)}),
            _only(plain, x87, {0: (0, _TO_ZERO), _PRECISION: (80, 32)}),
            _only(plain, sse, {0: (0x80, 0xC0), 1: (0x1F, 0x7F)}),
            _only(plain, status, {1: (0, 0x45)}),
        )


def _one_look(places: Places) -> tuple[struct.Struct, itemgetter[tuple[int, ...]]]:
    """A struct and a getter that read the flags of SSE and x87, and the low bytes of MXCSR and FSW, in one call."""
    offsets = (places.sse + _FLAGS, places.x87 + _FLAGS, places.mxcsr, places.fsw)
    ordered, at, layout = sorted(offsets), 0, "<"
    for offset in ordered:
        layout += f"{offset - at}xB"
        at = offset + 1
    return struct.Struct(layout), itemgetter(*(ordered.index(offset) for offset in offsets))


def _only(before: bytes, after: bytes, changes: dict[int, tuple[int, int]]) -> int:
    """The one offset at which bytes have changed as in `changes`: distance from it -> (before, after)."""
    last = max(changes)
    changed = (at - last for at, pair in enumerate(zip(before, after, strict=True)) if pair == changes[last])
    found = [
        at for at in changed if all((before[at + ahead], after[at + ahead]) == pair for ahead, pair in changes.items())
    ]
    if len(found) != 1:
        raise EngineError("Unicorn keeps floating-point state elsewhere", remedy="install unicorn 2.1.4")
    return found[0]
