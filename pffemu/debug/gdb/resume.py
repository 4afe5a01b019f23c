"""vCont: which thread steps, and how far. Threads that no action names run too: there is one virtual time for all."""

from __future__ import annotations

from dataclasses import dataclass

from pffemu.debug.gdb.arguments import BadPacketError, hex_number

SUPPORTED = b"vCont;c;C;s;S;t;r"


@dataclass(frozen=True, slots=True)
class Resume:
    """`step`: the thread that steps (0: any, None: none does); `span`: on until it leaves [start, end)."""

    step: int | None = None
    span: tuple[int, int] | None = None


def parse_vcont(actions: str, default: int) -> Resume | None:
    """`actions` is what follows `vCont;`. None: only stop (`t`). `default`: the thread of an action without one.

    Raises BadPacketError.
    """
    continues = False
    for action in actions.split(";"):
        what, _, thread = action.partition(":")
        tid = _thread(thread, default)
        match what[:1]:
            case "s" | "S":
                return Resume(tid)
            case "r":
                start, _, end = what[1:].partition(",")
                return Resume(tid, (hex_number(start), hex_number(end)))
            case "c" | "C":
                continues = True
            case "t":
                pass
            case _:
                raise BadPacketError
    return Resume() if continues else None


def _thread(text: str, default: int) -> int:
    return default if text in ("", "-1", "0") else hex_number(text)
