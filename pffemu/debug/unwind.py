"""Who called whom: a thread's frames from its registers and stack, innermost first.

A function's call frame information tells its caller exactly. Where there is none (assembly), the caller is exact at the
target of a CALL, and else guessed: the frame pointer's return address, or the nearest word on the stack
that points behind a CALL. Two frames are of another kind: one that delivery of a user interrupt pushed, and Linux's
signal frame; what was interrupted is their caller, with all its registers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kernel_model.signal.frame import UCONTEXT_SIZE, interrupted
from pffemu.arch.registers import GENERAL, MASK64
from pffemu.asm import decode
from pffemu.machine.elf_frames import CallFrames
from pffemu.machine.symbols import SymbolTable

WORD: Final = 8  # bytes
_LONGEST_CALL: Final = 8  # bytes
_SIGRETURN: Final = (b"\x48\xc7\xc0\x0f\0\0\0\x0f\x05", b"\xb8\x0f\0\0\0\x0f\x05")  # mov rax, 15; syscall
_SEARCHED: Final = 512  # words of the stack
_DEEPEST: Final = 256  # frames


class Entered(Enum):
    """How a frame was left for the one further in."""

    RUNNING = "running"  # it was not: this is where the thread is
    CALL = "call"
    USER_INTERRUPT = "user interrupt"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class PushedFrame:
    """What delivery pushed at `start`; `words` are its names, lowest address first."""

    start: int
    words: tuple[str, ...]
    vector: int

    @property
    def end(self) -> int:
        return self.start + WORD * len(self.words)

    def address_of(self, word: str) -> int:
        return self.start + WORD * self.words.index(word)


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a function, the registers as they were there (those that can be known), and how it was left."""

    registers: Mapping[str, int]
    entered: Entered = Entered.RUNNING
    exact: bool = True
    pushed: PushedFrame | None = None  # for USER_INTERRUPT
    passed: int = 0  # of the pushed frames

    @property
    def rip(self) -> int:
        return self.registers["rip"]

    @property
    def rsp(self) -> int:
        return self.registers["rsp"]

    @property
    def code(self) -> int:
        """An address inside the instruction it stands at: a return address may be the next function's."""
        return self.rip - 1 if self.entered is Entered.CALL else self.rip


@dataclass(frozen=True, slots=True)
class Unwinder:
    """Of one thread. `read`: its memory, up to so many bytes; `pushed`: frames delivery pushed, innermost first."""

    read: Callable[[int, int], bytes]
    symbols: SymbolTable
    call_frames: CallFrames | None
    pushed: list[PushedFrame]

    def frames(self, innermost: Frame) -> Iterator[Frame]:
        """From `innermost` on, as far as one can tell."""
        frame: Frame | None = innermost
        for _ in range(_DEEPEST):
            if frame is None:
                return
            yield frame
            frame = self.caller(frame)

    def caller(self, frame: Frame) -> Frame | None:
        """The next frame; None for the outermost, and where nobody can tell."""
        if self.returns_from_signal(frame.rip):
            ucontext = self.read(frame.rsp, UCONTEXT_SIZE)
            if len(ucontext) < UCONTEXT_SIZE:
                return None
            return Frame(interrupted(ucontext), Entered.SIGNAL, passed=frame.passed)
        rule = self.call_frames.rule_at(frame.code) if self.call_frames is not None else None
        if rule is None or rule.base not in frame.registers:
            return self._guessed(frame)
        if rule.outermost:
            return None
        cfa = frame.registers[rule.base] + rule.offset
        saved = {name: self._word(cfa + offset) for name, offset in rule.saved.items()}
        known = {**frame.registers, **{name: value for name, value in saved.items() if value is not None}}
        pushed = self._next_pushed(frame)
        if pushed is not None and pushed.start < cfa:
            return self._interrupted(pushed, known)
        if saved["rip"] is None or cfa <= frame.rsp:
            return None
        return Frame({**known, "rsp": cfa}, Entered.CALL, frame.exact, passed=frame.passed)

    def returns_from_signal(self, address: int) -> bool:
        """Whether a signal handler returns there: the C library's call of rt_sigreturn."""
        return self.read(address, len(_SIGRETURN[0])).startswith(_SIGRETURN)

    def _guessed(self, frame: Frame) -> Frame | None:
        """Without call frame information."""
        pushed = self._next_pushed(frame)
        end = pushed.start if pushed is not None else frame.rsp + _SEARCHED * WORD
        at_entry = frame.entered is Entered.RUNNING and "+" not in self.symbols.describe(frame.rip)
        slots = range(frame.rsp, end, WORD)
        base = frame.registers.get("rbp", 0)
        if not at_entry and base in slots and self._return_address(base + WORD) is not None:
            slots = range(base + WORD, base + 2 * WORD, WORD)
        for slot in slots:
            address = self._return_address(slot)
            if address is None:
                continue
            known = {**frame.registers, "rip": address, "rsp": slot + WORD}
            outer = self._word(base) if slot == base + WORD else None
            known |= {"rbp": outer} if outer is not None else {}
            exact = at_entry and slot == frame.rsp and self._calls(address, frame.rip)
            return Frame(known, Entered.CALL, frame.exact and exact, passed=frame.passed)
        return self._interrupted(pushed, frame.registers) if pushed is not None else None

    def _interrupted(self, pushed: PushedFrame, registers: Mapping[str, int]) -> Frame | None:
        rip, rsp = self._word(pushed.address_of("RIP")), self._word(pushed.address_of("RSP"))
        if rip is None or rsp is None:
            return None
        passed = 1 + self.pushed.index(pushed)
        return Frame({**registers, "rip": rip, "rsp": rsp}, Entered.USER_INTERRUPT, pushed=pushed, passed=passed)

    def _next_pushed(self, frame: Frame) -> PushedFrame | None:
        """The innermost frame of a delivery at `frame` or further out."""
        return next((each for each in self.pushed[frame.passed :] if each.end > frame.rsp), None)

    def _return_address(self, slot: int) -> int | None:
        """The word at `slot`, if it points right behind a CALL, or to what returns from a signal handler."""
        address = self._word(slot)
        if address is None or not address:
            return None
        behind_call = call_before(self.read, address) is not None
        return address if behind_call or self.returns_from_signal(address) else None

    def _calls(self, address: int, target: int) -> bool:
        """Whether the CALL in front of `address` goes to `target` and nowhere else."""
        start = call_before(self.read, address)
        found = decode(self.read(start, _LONGEST_CALL), start) if start is not None else None
        return found is not None and found.operands == f"{target:#x}"

    def _word(self, address: int) -> int | None:
        octets = self.read(address & MASK64, WORD)
        return int.from_bytes(octets, "little") if len(octets) == WORD else None


def call_before(read: Callable[[int, int], bytes], address: int) -> int | None:
    """Where the CALL begins that returns to `address`; None when there is none. Of several the shortest."""
    octets = read(address - _LONGEST_CALL, _LONGEST_CALL) if address > _LONGEST_CALL else b""
    for size in range(2, 1 + len(octets) if len(octets) == _LONGEST_CALL else 0):
        found = decode(octets[_LONGEST_CALL - size :], address - size)
        if found is not None and found.mnemonic == "call" and found.size == size:
            return address - size
    return None


def registers_of(word: Callable[[str], int]) -> dict[str, int]:
    """What unwinding begins with."""
    return {name: word(name) for name in (*GENERAL, "rip")}
