"""The debugger's commands by name: arguments, one line of help, and the session's method for a movement."""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.errors import UsageError
from pffemu.inspect.nearest import nearest


class Entry(NamedTuple):
    """A command. `names`: the full one first. `movement`: the session's method, for commands that move."""

    names: tuple[str, ...]
    usage: str
    help: str
    movement: str = ""


def _row(names: str, usage: str, text: str, movement: str = "") -> Entry:
    return Entry(tuple(names.split()), usage, text, movement)


TABLE: Final = (
    _row("step s stepi si", "[N]", "one instruction; into the handler when its fault is forwarded", "step"),
    _row("next n nexti", "[N]", "one instruction, calls run to their return", "step_over"),
    _row("step-line sl", "[N]", "to the next source line, into functions that have lines"),
    _row("next-line nl", "[N]", "to the next source line, calls run to their return"),
    _row("reverse-step-line rsl", "[N]", "back to the start of the source line, or of the one before"),
    _row("reverse-next-line rnl", "[N]", "the same, back over calls"),
    _row("phase ph", "[N]", "to the next phase of a fault, below the instruction", "phase"),
    _row("finish fin", "", "out of the function, or through UIRET out of the handler", "finish"),
    _row("continue c", "[N]", "to the next breakpoint", "resume"),
    _row("reverse-step rs", "[N]", "back to where step came from", "reverse_step"),
    _row("reverse-next rn", "[N]", "back to where next came from", "reverse_step_over"),
    _row("reverse-phase rp", "[N]", "to the phase before", "reverse_phase"),
    _row("reverse-finish rf", "", "to the call, or to the access whose fault is handled", "reverse_finish"),
    _row("reverse-continue rc", "[N]", "to the breakpoint before", "reverse_resume"),
    _row("goto", "INSTRUCTIONS", "to the moment when that many instructions have run, earlier or later"),
    _row("break b", "PLACE [if CONDITION]", "stop before a symbol, an address or FILE:LINE"),
    _row("tbreak", "PLACE [if CONDITION]", "stop there once"),
    _row("event e", "WORDS [if CONDITION]", "stop at events: forward, frame, uiret, syscall ioctl, message queued"),
    _row("watch", "ADDRESS [BYTES]", "stop when the value changes, by any thread, the kernel or a device"),
    _row("rwatch", "ADDRESS [BYTES]", "stop when it is read"),
    _row("awatch", "ADDRESS [BYTES]", "stop when it is read or written"),
    _row("delete d", "NUMBER", "remove a breakpoint"),
    _row("disable", "NUMBER", "keep it, but do not stop there"),
    _row("enable", "NUMBER", "stop there again"),
    _row("breakpoints", "", "all of them, with their hits"),
    _row("thread t", "NUMBER", "look at another thread"),
    _row("threads", "", "all threads, and what each waits for"),
    _row("where w", "", "why and where the guest stopped"),
    _row("backtrace bt", "[N]", "the calls that led here, through handlers' frames and signals"),
    _row("registers regs r", "", "general registers"),
    _row("uintr", "", "user-interrupt and forwarding state"),
    _row("code l", "", "instructions around RIP"),
    _row("list", "[PLACE]", "source around RIP, or around a place"),
    _row("locals", "", "parameters and local variables of the function at RIP (-g)"),
    _row("stack", "", "the stack around RSP, with handlers' frames named"),
    _row("frame", "", "the frame that delivery pushed for the handler"),
    _row("walk", "ADDRESS", "the page walk of an address, level by level"),
    _row("regions", "", "mappings, and the MMU's userfaultfd regions"),
    _row("directives", "", "directed resolution: directives, rings, fills under way"),
    _row("queues", "", "cores, run queues, sleepers"),
    _row("timeline", "", "the last fault in two lanes"),
    _row("events", "[N]", "what happened last"),
    _row("x", "ADDRESS [BYTES]", "memory"),
    _row(
        "print p",
        "EXPRESSION",
        "an expression as in tests' claims: rax, mem64[rsp], uif, flags has ZF; in C also variables",
    ),
    _row("set", "NAME = EXPRESSION", "a register, a number in C, memory as in mem64[rsp+8]; forgets what came after"),
    _row("save", "FILE", "the whole machine, for `pffemu debug FILE`"),
    _row("help h", "[COMMAND]", "this list, or one command"),
    _row("quit q", "", "leave"),
)


def help_text(name: str = "") -> str:
    """What `help` prints: one line a command, or what one command takes. Raises UsageError for an unknown one."""
    if name:
        entry = next((entry for entry in TABLE if name in entry.names), None)
        if entry is None:
            raise UsageError(f"no command {name!r}", remedy=nearest(name, [n for entry in TABLE for n in entry.names]))
        return f"{', '.join(entry.names)} {entry.usage}".rstrip() + f"\n  {entry.help}"
    rows = [(f"{', '.join(entry.names)} {entry.usage}".rstrip(), entry.help) for entry in TABLE]
    width = max(len(usage) for usage, _ in rows)
    return "\n".join(f"{usage:<{width}}  {text}" for usage, text in rows)
