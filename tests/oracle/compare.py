"""What differs between two results, with everything left out that the manual leaves undefined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pffemu.arch.rflags import RF, ZF
from tests.oracle import layout
from tests.oracle.aim import operand_address
from tests.oracle.cases import Case
from tests.oracle.results import Left, read
from tests.oracle.undefined import (
    has_undefined_result,
    own_bytes,
    scanned_register,
    undefined_flags,
    undefined_status,
)

PF_VECTOR: Final = 14
_NULL_SELECTORS: Final = 3
_PRESENT: Final = 1  # of a page fault's error code
_FLAG_NAMES: Final = {
    0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF", 14: "NT", 16: "RF", 18: "AC",
    21: "ID",
}  # fmt: skip
_SIGNALS: Final = {
    0: "none", 4: "SIGILL", 5: "SIGTRAP", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 26: "SIGVTALRM", 31: "SIGSYS"
}  # fmt: skip
# Of the FXSAVE area: what is compared. FOP, FIP and FDP are kept by some processors only.
_FX: Final = {
    "fcw": (0, 2), "fsw": (2, 4), "ftw": (4, 5), "mxcsr": (24, 28),
    **{f"st{i}": (32 + 16 * i, 42 + 16 * i) for i in range(8)},
    **{f"xmm{i}": (160 + 16 * i, 176 + 16 * i) for i in range(16)},
}  # fmt: skip
_SEGV, _BUS, _VTALRM, _SYS = 11, 7, 26, 31
_FORWARDED: Final = (layout.Window.CONTINUED, layout.Window.COPIED)


class Difference(NamedTuple):
    """`kind`: what differs, without its number (register, flag, xmm, st, memory, signal, ...)."""

    kind: str
    what: str
    right: str
    ours: str

    def __str__(self) -> str:
        return f"{self.what}: {self.right} / {self.ours}"


def differences(case: Case, instructions: tuple[Any, ...], host: bytes, ours: bytes) -> list[Difference]:
    """Empty when there is none."""
    left = read(ours)
    frames = list(_frames(case, left))
    if host[: layout.RESULT_LOG_AT] == ours[: layout.RESULT_LOG_AT]:
        return frames
    right = read(host)
    start = dict(zip(layout.GENERAL, case.registers, strict=True))
    if _VTALRM in (right.signal, left.signal) and right.signal == left.signal:
        return []
    if any(has_undefined_result(instruction, start) for instruction in instructions):
        return []
    undefined = undefined_flags(instructions)
    scanned = scanned_register(instructions) if right.gregs["rflags"] & ZF else ""
    found = [*_ends(right, left, case.window.is_refilled), *_registers(right, left, undefined, scanned)]
    found += _fx(right, left, undefined_status(instructions))
    found += _memory(case, instructions, right, left)
    return found + frames


def refusal(case: Case, ours: bytes) -> list[Difference]:
    """#UD, with nothing changed."""
    left = read(ours)
    if left.signal != 4 or left.gregs["trapno"] != 6 or left.gregs["rip"] != case.address:
        return [Difference("signal", "signal", "SIGILL.2.6", _signal(left))]
    found = []
    for name, value in zip(layout.GENERAL, case.registers, strict=True):
        if left.gregs[name] != value:
            found.append(Difference("register", name, f"{value:#x}", f"{left.gregs[name]:#x}"))
    if left.memory != case.memory:
        found.append(Difference("memory", "memory", "as before", "changed"))
    return found


def _ends(right: Left, left: Left, is_refilled: bool) -> Iterator[Difference]:
    """`is_refilled`: Linux may have mapped the page's neighbours, so whether it was there is not compared.

    Neither is that of the slots' pages, which are here from the start."""
    if (right.signal, right.si_code) != (left.signal, left.si_code):
        yield Difference("signal", "signal", _signal(right), _signal(left))
        return
    if not right.signal:
        return
    if right.si_addr != left.si_addr:
        yield Difference("cr2", "si_addr", f"{right.si_addr:#x}", f"{left.si_addr:#x}")
    names = ["rip", *(("trapno", "err") if right.signal != _SYS else ())]
    if right.signal in (_SEGV, _BUS) and right.gregs["trapno"] == PF_VECTOR:
        names.append("cr2")
    for name in names:
        ignored = _PRESENT if name == "err" and (is_refilled or _is_in_slots(right.gregs["cr2"])) else 0
        if (right.gregs[name] ^ left.gregs[name]) & ~ignored:
            yield Difference(name, name, f"{right.gregs[name]:#x}", f"{left.gregs[name]:#x}")


def _is_in_slots(address: int) -> bool:
    return layout.SLOTS <= address < layout.WINDOWS


def _signal(left: Left) -> str:
    trap = f".{left.gregs['trapno']}" if left.signal else ""
    return f"{_SIGNALS.get(left.signal, left.signal)}.{left.si_code}{trap}"


def _registers(right: Left, left: Left, undefined: int, scanned: str) -> Iterator[Difference]:
    for name in layout.GENERAL:
        if right.gregs[name] != left.gregs[name] and name != scanned:
            yield Difference("register", name, f"{right.gregs[name]:#x}", f"{left.gregs[name]:#x}")
    given, own = right.gregs["rflags"], left.gregs["rflags"]
    wrong = (given ^ own) & ~undefined & ~RF
    for bit in range(22):
        if wrong >> bit & 1:
            yield Difference("flag", _FLAG_NAMES.get(bit, f"flag {bit}"), str(given >> bit & 1), str(own >> bit & 1))
    for name, selector in right.segments.items():
        own = left.segments[name]
        if selector != own and max(selector, own) > _NULL_SELECTORS:  # IRET of an interrupt makes 1 to 3 zero
            yield Difference("segment", name, f"{selector:#x}", f"{own:#x}")


def _fx(right: Left, left: Left, undefined: int) -> Iterator[Difference]:
    if right.fx == left.fx:
        return
    for name, (start, end) in _FX.items():
        given, own = (int.from_bytes(fx[start:end], "little") for fx in (right.fx, left.fx))
        if name == "fsw":
            given, own = given & ~undefined, own & ~undefined
        if given != own:
            yield Difference(name.rstrip("0123456789"), name, f"{given:#x}", f"{own:#x}")


def _memory(case: Case, instructions: tuple[Any, ...], right: Left, left: Left) -> Iterator[Difference]:
    if right.memory == left.memory:
        return
    start = case.window.boundary - layout.MEMORY_BELOW
    skipped = set()
    for instruction in instructions:
        place = operand_address(case.registers, instruction)
        if place is not None:
            for first, last in own_bytes(instruction):
                skipped |= set(range(place - start + first, place - start + last))
    wrong = [i for i in range(layout.MEMORY_SIZE) if right.memory[i] != left.memory[i] and i not in skipped]
    if wrong:
        part = slice(wrong[0], min(wrong[-1] + 1, wrong[0] + 32))
        what = f"memory at {start + wrong[0]:#x}"
        yield Difference("memory", what, right.memory[part].hex(), left.memory[part].hex())


def _frames(case: Case, left: Left) -> Iterator[Difference]:
    """The frame of a forwarded fault of the first instruction has what the case started with, and an address in reach.

    A REP instruction is interrupted between two iterations: its frames have the registers of then. A bit offset may
    lead from the case's window to a forwarded one.
    """
    for vector, rip, rflags, rsp, address, _error in left.frames[:1]:
        start = case.registers[layout.GENERAL.index("rsp")]
        if rip == case.address and (rsp != start or (rflags ^ case.rflags) & ~RF):
            yield Difference("frame", "frame", f"{start:#x} {case.rflags:#x}", f"{rsp:#x} {rflags:#x}")
        reach = (window.boundary for window in (case.window, *_FORWARDED))
        if vector != PF_VECTOR or all(abs(address - boundary) > layout.PAGE for boundary in reach):
            yield Difference("frame", "frame", "vector 14", f"vector {vector}, address {address:#x}")
