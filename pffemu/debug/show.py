"""The text of the debugger's commands: why and where the guest stopped, registers, stack and so on, drawn by panes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.frames import FrameLayout
from pffemu.asm import decode
from pffemu.debug.halt import Halt, Why
from pffemu.debug.panes.code import SourceLine, code
from pffemu.debug.panes.directives import directives
from pffemu.debug.panes.queues import queues
from pffemu.debug.panes.regions import regions
from pffemu.debug.panes.registers import registers
from pffemu.debug.panes.stack import fields, stack
from pffemu.debug.panes.uintr import uintr
from pffemu.debug.panes.walk import walk
from pffemu.debug.session import Session
from pffemu.debug.unwind import Entered
from pffemu.debug.view import last_fault, open_frames
from pffemu.errors import UsageError
from pffemu.events.phases import PHASES
from pffemu.inspect.lines import line_of
from pffemu.report.timeline import timeline

_CODE: Final = 12  # lines
_BELOW, _ABOVE = 4, 10  # words of the stack
_EVENTS: Final = 16
_FRAMES: Final = 32

SourceOf = Callable[[int], SourceLine | None]


def no_source(_: int) -> SourceLine | None:
    """The `source_of` of a program without line information."""
    return None


def halt_text(session: Session, halt: Halt, source_of: SourceOf = no_source) -> str:
    """Why the guest stopped, where, and the next instruction."""
    if halt.why is Why.ENDED:
        return f"the guest ended: {halt.outcome}"
    place = f"thread {halt.tid} at {session.symbols.describe(halt.rip)} ({halt.rip:#x})"
    lines = [f"{_reason(session, halt)}{place}, {halt.moment}"]
    source = source_of(halt.rip)
    if source is not None:
        lines.append(f"  {source.file}:{source.number}: {source.text.strip()}")
    if not halt.moment.held:
        instruction = decode(session.read_memory(halt.rip, MAX_INSTRUCTION), halt.rip)
        lines.append(f"  => {instruction.text}" if instruction is not None else "  => no instruction")
    return "\n".join(lines)


def _reason(session: Session, halt: Halt) -> str:
    match halt.why:
        case Why.BREAKPOINT:
            return f"breakpoint {halt.breakpoint}: "
        case Why.WATCHPOINT:
            return f"watchpoint {halt.breakpoint}: {halt.address:#x}: {_value(halt.old)} -> {_value(halt.new)}; "
        case Why.EVENT | Why.PHASE:
            name = PHASES.get(type(halt.event), "event")
            return f"{name}: {line_of(halt.event, session.symbols.describe)}\n  "
        case Why.INTERRUPTED | Why.HISTORY:
            return f"{halt.why.value}: "
    return f"{PHASES.get(type(halt.event), 'event')}: " if halt.event is not None else ""


def _value(data: bytes | None) -> str:
    return "no page" if data is None else f"{int.from_bytes(data, 'little'):#x}"


def shown_registers(session: Session) -> str:
    return registers(session.seen, session.symbols, {}).plain


def shown_uintr(session: Session) -> str:
    return uintr(session.seen, session.symbols).plain


def shown_code(session: Session, source_of: SourceOf = no_source) -> str:
    return code(session.seen, session.symbols, source_of, _CODE, session.code_at).plain


def shown_stack(session: Session) -> str:
    return stack(session.seen, session.symbols, open_frames(session.journal, session.tid), {}, _BELOW, _ABOVE).plain


def shown_queues(session: Session) -> str:
    return queues(session.machine, session.tasks, session.cpu.index).plain


def shown_regions(session: Session) -> str:
    task = session.task(session.tid)
    return regions(session.seen, task.process.mm if task is not None else session.machine.process.mm).plain


def shown_directives(session: Session) -> str:
    return directives(session.cpu, session.machine.cpus).plain


def shown_walk(session: Session, address: int) -> str:
    return walk(session.seen, address).plain


def shown_frame(session: Session) -> str:
    """The frame of the handler the thread is in, word by word. Raises UsageError."""
    frames = open_frames(session.journal, session.tid)
    if not frames:
        raise UsageError("the thread is not in a user-interrupt handler", remedy="stop in one: `event handler`")
    frame = frames[0]
    layout = session.seen.options.frame_layout
    kind = "vector first" if layout is FrameLayout.VECTOR_FIRST else "RIP first"
    lines = [f"frame of {frame.size} bytes at {frame.rsp:#x} ({kind})"]
    for address, name in fields(frame, layout).items():
        word = session.read_memory(address, 8)
        if len(word) < 8:
            lines.append(f"  {address:#x}  {'?':>18}  {name}")
            continue
        value = int.from_bytes(word, "little")
        place = session.symbols.describe(value)
        lines.append(f"  {address:#x}  {value:#18x}  {name}{'' if place.startswith('0x') else f' ({place})'}")
    return "\n".join(lines)


def shown_frames(session: Session, source_of: SourceOf = no_source, most: int = _FRAMES) -> str:
    """The backtrace, innermost frame first."""
    lines = []
    for number, frame in enumerate(islice(session.frames(session.tid), most + 1)):
        if number == most:
            lines.append("(more: bt N)")
            break
        if frame.pushed is not None:
            lines.append(f"    -- user interrupt, vector {frame.pushed.vector}, frame at {frame.pushed.start:#x} --")
        elif frame.entered is Entered.SIGNAL:
            lines.append("    -- signal --")
        source = source_of(frame.code)
        place = f"  {source.file}:{source.number}" if source is not None else ""
        guess = "" if frame.exact else "  (guessed from the stack)"
        lines.append(f"#{number:<2} {frame.rip:#x} {session.symbols.describe(frame.rip)}{place}{guess}")
    return "\n".join(lines)


def shown_events(session: Session, count: int = _EVENTS) -> str:
    """The latest events, oldest first."""
    lines = []
    for number, mark in session.journal.backwards(session.journal.count + 1):
        lines.append(f"{number:>6}  {line_of(mark, session.symbols.describe)}")
        if len(lines) == count:
            break
    return "\n".join(reversed(lines)) or "nothing has happened yet"


def shown_timeline(session: Session) -> str:
    """The fault in which the guest stopped, up to here, or else the last one."""
    return timeline(last_fault(session.journal), "the last fault, to here", session.symbols.describe)


def shown_threads(session: Session) -> str:
    rows = []
    for task in session.tasks:
        arrow = "*" if task.tid == session.tid else " "
        state = f"waits for {task.why}" if task.why else "runnable"
        rip, names = session.register(task.tid, "rip"), session.machine.symbols_of(task.process)
        rows.append(f"{arrow} thread {task.tid}  core {task.cpu_index}  {names.describe(rip)}  {state}")
    return "\n".join(rows) or "no thread lives"
