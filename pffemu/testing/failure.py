"""The report of a failed test: the claim's line, expected and actual, changed registers, last events, the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pffemu.arch import pagefault
from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm import decode
from pffemu.events.hw import MmuDecision
from pffemu.events.kernel import ProcessKilled
from pffemu.inspect.expressions import MASK, Verdict
from pffemu.inspect.wide import WIDE_MASK
from pffemu.testing.runner import Failure, Run, describe_stop, register_values, rip_text
from pffemu.testing.verify import event_lines

SHOWN_EVENTS: Final = 12
_BEFORE, _AFTER = 4, 4  # instructions around the arrow
_SMALL: Final = 10  # numbers below need no hexadecimal


def failure_text(run: Run, repeat: str, debug: str) -> str:
    """The whole report; `repeat`: the command that runs this test again, `debug`: the one that debugs it there."""
    parts = [f"{run.case.title}: {run.failures[0].claim}: {run.failures[0].what.partition(chr(10))[0]}", ""]
    for failure in run.failures:
        parts += [*_claim(run, failure), ""]
    parts += [f"the block {describe_stop(run)}", ""]
    if not run.reached_end:
        parts += [f"at {rip_text(run)}, thread {run.tid}, core {run.cpu.index}", ""]
    parts += _section("changed registers", _changed_registers(run))
    parts += _section(f"last events ({len(run.recorder.events)} since the block's start)", _last_events(run))
    parts += _section("code", _disassembly(run))
    parts += ["repeat with all events printed:", f"    {repeat}", "debug it where it fails:", f"    {debug}"]
    return "\n".join(parts)


def events_text(run: Run) -> str:
    """Every event of the run, numbered, for --pffemu-events."""
    rows = [f"{i:5}  {event.time:8}  {line}" for i, (event, line) in enumerate(_numbered(run), start=1)]
    return "\n".join(["event    cycles", *rows])


def _numbered(run: Run) -> list[tuple[Any, str]]:
    return list(zip(run.recorder.events, event_lines(run), strict=True))


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"    {line}" for line in lines), ""] if lines else []


def _claim(run: Run, failure: Failure) -> Iterator[str]:
    """The claim's source line, and what was found instead."""
    _, _, number = failure.where.rpartition(":")
    line = run.case.source.split("\n")[int(number) - 1].strip()
    yield f"{failure.where}: {failure.claim}"
    yield f"  {number:>5} | {line}"
    yield f"  {failure.what}"
    if failure.verdict is not None:
        yield from (f"    {row}" for row in _terms(run, failure.verdict))


def _terms(run: Run, verdict: Verdict) -> Iterator[str]:
    yield f"failed: {verdict.part}"
    if isinstance(verdict.expected, int) and len(verdict.terms) > 0:
        yield f"expected {number_text(run, verdict.expected)}"
    for name, value in verdict.terms:
        meaning = _bits(name, value)
        shown = number_text(run, value) if isinstance(value, int) else value if isinstance(value, str) else repr(value)
        yield f"  {name} is {shown}{meaning}"
    if isinstance(verdict.expected, bytes):
        yield f"expected {verdict.expected!r}"


def _bits(name: str, value: Any) -> str:
    return f" [{pagefault.describe(value)}]" if name.endswith(".error") and isinstance(value, int) else ""


def number_text(run: Run, value: int) -> str:
    """The value as text: `0x10000008 (buf+0x8)`, `0xffffffffffffffea (-22)`, `5`."""
    value &= MASK if -MASK <= value <= MASK else WIDE_MASK
    text = f"{value:#x}" if value >= _SMALL else str(value)
    place = run.places.describe(value)
    if not place.startswith("0x"):
        return f"{text} ({place})"
    return f"{text} ({value - MASK - 1})" if value >> 63 == 1 else text


def _changed_registers(run: Run) -> list[str]:
    rows = []
    for name, after in register_values(run).items():
        before = run.before.get(name, 0)
        if name != "rip" and before != after:
            rows.append(f"{name:<7} {number_text(run, before)} -> {number_text(run, after)}")
    return rows


def _last_events(run: Run) -> list[str]:
    """The last events, or those around the event at which the order differed, with an arrow there."""
    lines = event_lines(run)
    if not lines:
        return ["(none)"]
    marked = next((failure.event for failure in run.failures if failure.event is not None), _decisive(run))
    last = len(lines) if marked is None else min(len(lines), max(marked + SHOWN_EVENTS // 2, SHOWN_EVENTS))
    first = max(0, last - SHOWN_EVENTS)
    return [f"{'>' if i == marked else ' '} {lines[i]}" for i in range(first, last)]


def _decisive(run: Run) -> int | None:
    """The decisive event of a failure without one of its own: the last decision against forwarding, or the death."""
    for index in range(len(run.recorder.events) - 1, -1, -1):
        event = run.recorder.events[index]
        against = isinstance(event, MmuDecision) and event.decision == "kernel" and run.case.setup.forward is not None
        if against or isinstance(event, ProcessKilled):
            return index
    return None


def _disassembly(run: Run) -> list[str]:
    """Instructions around RIP, with their source lines where known."""
    rip = run.cpu.registers["rip"]
    code = [line for line in run.program.lines if decode(_code(run, line.address), line.address) is not None]
    here = next((i for i, line in enumerate(code) if line.address <= rip < line.address + line.size), None)
    if here is None and run.reached_end:
        return []  # behind a function in C
    if here is None:
        found = decode(_code(run, rip), rip)
        return [f"=> {rip:#x}  {found.text if found is not None else '(no code there)'}"]
    rows = []
    last_line = run.case.block.last
    for line in code[max(0, here - _BEFORE) : here + _AFTER + 1]:
        shown = decode(_code(run, line.address), line.address)
        own = line.file == run.case.block.file and line.number <= last_line
        where = f"{line.number:>5}" if own else "     "
        arrow = "=>" if line.address <= rip < line.address + line.size else "  "
        place = run.places.describe(line.address)
        if shown is not None and (own or line.file != run.case.block.file or arrow == "=>"):
            rows.append(f"{arrow} {where}  {line.address:#x}  {place:<22} {shown.text}")
    return rows


def _code(run: Run, address: int) -> bytes:
    return run.cpu.mmu.code_at(address, MAX_INSTRUCTION)
