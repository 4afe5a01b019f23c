"""Shrinks a failing case to what its failure needs, as a block for pffemu's test runner."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.oracle import campaign, layout
from tests.oracle.campaign import Verdict
from tests.oracle.cases import Case
from tests.oracle.emulator import Emulator
from tests.oracle.generate import Made
from tests.oracle.layout import GENERAL, Window

_PLAIN_FLAGS: Final = 0x202
_PLAIN_FX: Final = struct.pack("<H22xI", 0x37F, 0x1F80).ljust(layout.FX_SIZE, b"\0")
_FX_PARTS: Final = ((0, 5), (24, 28), *((32 + 16 * i, 48 + 16 * i) for i in range(24)))
_USED: Final = ("rsi", "rdi", "rcx", "rsp")  # not zero when the code begins
_PROTECTION: Final = {Window.READ_ONLY: "r", Window.NONE: "none"}


def shrunk(emulator: Emulator, verdict: Verdict) -> Verdict:
    """The same difference from a state that is plain wherever it may be."""
    best = verdict
    for simpler in _simpler(verdict.made.case):
        case = simpler(best.made.case)
        if case == best.made.case:
            continue
        tried = next(campaign.judge(emulator, [(best.name, replace(best.made, case=case))]))
        if _shape(tried) == _shape(verdict):
            best = tried
    return best


def _shape(verdict: Verdict) -> list[str]:
    return sorted({difference.kind for difference in verdict.found})


def _simpler(case: Case) -> Iterator:  # type: ignore[type-arg]
    """Functions that make one part of a case plain."""
    yield lambda case: replace(case, rflags=_PLAIN_FLAGS)
    yield lambda case: replace(case, fx=_PLAIN_FX)
    yield lambda case: replace(case, memory=bytes(layout.MEMORY_SIZE))
    yield lambda case: replace(case, window=Window.PRESENT) if case.window.is_refilled else case
    for i in range(len(GENERAL)):
        yield lambda case, i=i: _with_register(case, i, 0)
    for start, end in _FX_PARTS:
        yield lambda case, start=start, end=end: replace(
            case, fx=case.fx[:start] + _PLAIN_FX[start:end] + case.fx[end:]
        )
    for at in range(0, layout.MEMORY_SIZE, 64):
        yield lambda case, at=at: replace(case, memory=case.memory[:at] + bytes(64) + case.memory[at + 64 :])


def _with_register(case: Case, i: int, value: int) -> Case:
    return replace(case, registers=(*case.registers[:i], value, *case.registers[i + 1 :]))


def snippet(verdict: Verdict) -> str:
    """Its state and code as a block of a test file: `pffemu test FILE` runs it."""
    return "\n".join(_lines(verdict))


def _lines(verdict: Verdict) -> Iterator[str]:
    made, case = verdict.made, verdict.made.case
    window, low = case.window, case.window.boundary - layout.PAGE
    yield f"# test: {verdict.name}"
    for difference in verdict.found:
        yield f"# {difference.what}: {difference.right} on the host, {difference.ours} in pffemu"
    yield f"# map: low 4K {'r' if window is Window.WRITABLE_LOW else 'rw'} at {low:#x}"
    if window not in (Window.UNMAPPED, Window.BEYOND_END):
        yield f"# map: high 4K {_PROTECTION.get(window, 'rw')} at {window.boundary:#x}"
    yield f"# (page above the boundary: {window.name})"
    memory = case.memory.rstrip(b"\0")
    skipped = len(memory) - len(memory.lstrip(b"\0"))
    memory = memory[skipped:]
    if memory:
        yield f"    lea rsi, [rip + memory]\n    mov edi, {window.boundary - layout.MEMORY_BELOW + skipped:#x}"
        yield f"    mov ecx, {len(memory)}\n    rep movsb"
    if case.fx != _PLAIN_FX:
        yield "    fxrstor [rip + state]"
    yield f"    push {case.rflags:#x}\n    popfq"
    for name, value in zip(GENERAL, case.registers, strict=True):
        if value or name in _USED:
            yield f"    mov {name}, {value:#x}"
    yield from _code(made)
    if memory or case.fx != _PLAIN_FX:
        yield ".data\n.balign 16"
    if case.fx != _PLAIN_FX:
        yield f"state: .byte {', '.join(map(str, case.fx))}"
    if memory:
        yield f"memory: .byte {', '.join(map(str, memory))}"


def _code(made: Made) -> Iterator[str]:
    at = 0
    for instruction in made.instructions:
        size = len(made.case.code) - at if instruction.is_invalid else instruction.len
        octets = ", ".join(f"{octet:#04x}" for octet in made.case.code[at : at + size])
        yield f"    .byte {octets}    # {'undefined' if instruction.is_invalid else instruction}"
        at += size
