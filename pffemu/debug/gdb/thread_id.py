"""Thread ids of the protocol: `TID`, or `pPID.TID` where gdb knows of several processes. -1 is all, 0 is any."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.debug.gdb.arguments import hex_number


class ThreadId(NamedTuple):
    """A thread, or with `tid` None any or all of a process; with `pid` None: of a process that is not named."""

    pid: int | None = None
    tid: int | None = None

    def includes(self, pid: int, tid: int) -> bool:
        return self.pid in (None, pid) and self.tid in (None, tid)


def parse(text: str) -> ThreadId:
    """Raises BadPacketError."""
    if not text.startswith("p"):
        return ThreadId(None, _number(text))
    pid, _, tid = text[1:].partition(".")
    return ThreadId(_number(pid), _number(tid))


def shown(pid: int, tid: int, multiprocess: bool) -> str:
    return f"p{pid:x}.{tid:x}" if multiprocess else f"{tid:x}"


def _number(text: str) -> int | None:
    return None if text in ("", "0", "-1") else hex_number(text)
