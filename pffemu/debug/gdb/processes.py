"""The processes that gdb debugs, where it knows of several: those it was told of, without those it has left."""

from __future__ import annotations

from collections import deque

from pffemu.debug.gdb.resume import Resume
from pffemu.debug.gdb.stop_reply import Stopped, Why
from pffemu.debug.gdb.target import Target

_ENDED = (Why.EXITED, Why.KILLED)


class Processes:
    """`several`: gdb and lldb ask for it (multiprocess, with fork-events); without it they see one process."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.several = self._execs = False
        self._known = {thread.pid for thread in target.threads()}
        self._news: deque[Stopped] = deque()  # ends that gdb has still to be told of

    def agree(self, features: list[str]) -> list[str]:
        """What gdb offers in qSupported, and what is answered."""
        self.several = {"multiprocess+", "fork-events+"} <= set(features)
        self._execs = self.several and "exec-events+" in features
        agreed = ["multiprocess+", "fork-events+"] if self.several else []
        return [*agreed, "exec-events+"] if self._execs else agreed

    def knows(self, pid: int) -> bool:
        return pid in self._known or not self.several

    @property
    def left(self) -> bool:
        """Whether gdb debugs any."""
        return bool(self._known)

    def forget(self, pid: int) -> None:
        """gdb has left the process."""
        self._known.discard(pid)

    def follow(self, how: Resume) -> None:
        """Stop at the forks, ends and programs of those that gdb lets run, and of their system calls and signals."""
        pids = {pid for pid in self._known if how.runs(pid)} if self.several else None
        self._target.follow(pids, execs=self._execs)

    def next_end(self) -> Stopped | None:
        """An end that gdb has still to be told of."""
        return self._news.popleft() if self._news else None

    def told(self, found: Stopped) -> Stopped:
        """What gdb is told of a stop. Ends that it does not know of come before the guest's own, after other stops."""
        if not self.several:
            return found
        if found.why is Why.FORKED:
            self._known.add(found.value)
        self._news += self._ends(found)
        if found.why in _ENDED:
            self._news.append(found)
            found = self._news.popleft()
        if found.why is Why.PROCESS_ENDED:
            self._known.discard(found.pid)
        return found

    def _ends(self, found: Stopped) -> list[Stopped]:
        """Of the processes that gdb knows and that are gone, or will be with the guest's end."""
        living = {thread.pid for thread in self._target.threads()} if found.why not in _ENDED else set()
        gone = sorted(self._known - living - {found.pid} - {each.pid for each in self._news})
        return [Stopped(Why.PROCESS_ENDED, found.tid, self._target.end_of(pid) or 0, pid=pid) for pid in gone]
