"""Backtraces: a thread's frames from its registers and stack, innermost first.

A function's call frame information gives its caller exactly. Where there is none (assembly), the caller is exact at the
target of a CALL, and else guessed: the frame pointer's return address, or the nearest word on the stack
that points behind a CALL. The frames that user-interrupt delivery and Linux's signal delivery push are exact: their
caller is the interrupted code, with all its registers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kernel_model.signal.frame import UCONTEXT_SIZE, interrupted
from pffemu.arch.registers import GENERAL, MASK64
from pffemu.asm import decode
from pffemu.machine.elf_frames import FrameRule
from pffemu.machine.symbols import SymbolTable

WORD: Final = 8  # bytes
_LONGEST_CALL: Final = 8  # bytes
_SIGRETURN: Final = (b"\x48\xc7\xc0\x0f\0\0\0\x0f\x05", b"\xb8\x0f\0\0\0\x0f\x05")  # mov rax, 15; syscall
_SEARCHED: Final = 512  # words of the stack
_DEEPEST: Final = 256  # frames


class Entered(Enum):
    """How control left a frame for the next inner one."""

    RUNNING = "running"  # the innermost frame: the thread is here
    CALL = "call"
    USER_INTERRUPT = "user interrupt"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class PushedFrame:
    """The frame that delivery pushed at `start`; `words`: the names of its words, lowest address first."""

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
    """A place in a function, the registers known there, and how control left it for the next inner frame."""

    registers: Mapping[str, int]
    entered: Entered = Entered.RUNNING
    exact: bool = True
    pushed: PushedFrame | None = None  # for USER_INTERRUPT
    passed: int = 0  # pushed frames further in

    @property
    def rip(self) -> int:
        return self.registers["rip"]

    @property
    def rsp(self) -> int:
        return self.registers["rsp"]

    @property
    def code(self) -> int:
        """An address inside the current instruction or CALL: a return address may belong to the next function."""
        return self.rip - 1 if self.entered is Entered.CALL else self.rip


@dataclass(frozen=True, slots=True)
class Unwinder:
    """Unwinds one thread.

    `read`: its memory, up to that many bytes; `rule_at`: call frame information; `pushed`: delivery's frames, innermost
    first.
    """

    read: Callable[[int, int], bytes]
    symbols: SymbolTable
    rule_at: Callable[[int], FrameRule | None]
    pushed: list[PushedFrame]

    def frames(self, innermost: Frame) -> Iterator[Frame]:
        """The frames from `innermost` outwards, as far as callers can be found."""
        frame: Frame | None = innermost
        for _ in range(_DEEPEST):
            if frame is None:
                return
            yield frame
            frame = self.caller(frame)

    def caller(self, frame: Frame) -> Frame | None:
        """The next outer frame; None for the outermost, and where the caller cannot be found."""
        if self.returns_from_signal(frame.rip):
            ucontext = self.read(frame.rsp, UCONTEXT_SIZE)
            if len(ucontext) < UCONTEXT_SIZE:
                return None
            return Frame(interrupted(ucontext), Entered.SIGNAL, passed=frame.passed)
        rule = self.rule_at(frame.code)
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
        """Whether `address` holds the C library's rt_sigreturn, to which signal handlers return."""
        return self.read(address, len(_SIGRETURN[0])).startswith(_SIGRETURN)

    def _guessed(self, frame: Frame) -> Frame | None:
        """The caller without call frame information."""
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
        """The word at `slot`, if it points right behind a CALL, or to the C library's rt_sigreturn."""
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
    """The address of the shortest CALL that returns to `address`; None when there is none."""
    octets = read(address - _LONGEST_CALL, _LONGEST_CALL) if address > _LONGEST_CALL else b""
    for size in range(2, 1 + len(octets) if len(octets) == _LONGEST_CALL else 0):
        found = decode(octets[_LONGEST_CALL - size :], address - size)
        if found is not None and found.mnemonic == "call" and found.size == size:
            return address - size
    return None


def registers_of(word: Callable[[str], int]) -> dict[str, int]:
    """The registers of the innermost frame."""
    return {name: word(name) for name in (*GENERAL, "rip")}
