"""The slave of a pseudo-terminal: what programs have as their terminal (drivers/tty/n_tty.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi import terminal as abi
from kernel_model.abi.uapi import POLLHUP, POLLIN, POLLRDNORM, Errno, LinuxError, Signal
from kernel_model.files.terminals import jobs
from kernel_model.files.terminals.end import TerminalEnd
from kernel_model.wait.queue import Blocked

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import WaitQueue
    from pffemu.hw.cpu import Cpu

_TENTH: Final = 100_000_000  # ns, the unit of TIME
_TIMED: Final = 1  # cursor of a read whose time runs


class Slave(TerminalEnd):
    @property
    def queue(self) -> WaitQueue:
        return self.terminal.slave_queue

    def room(self) -> int:
        return self.terminal.room_to_write

    def check_writer(self, call: Caller) -> None:
        if self.terminal.modes.local & abi.TOSTOP:
            jobs.check_foreground(call, self.terminal, Signal.SIGTTOU)

    def put(self, call: Caller, text: bytes) -> int:
        return self.terminal.write(call.cpu, text)

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """Linux: n_tty_read. The bytes that a read of MIN bytes has got before it slept are in `progress`."""
        terminal, done = self.terminal, call.pending.progress
        if self.hung_up:
            if call.pending.cursor and not done:
                raise LinuxError(Errno.EIO)  # it waited when the master was closed
            return done
        jobs.check_foreground(call, terminal, Signal.SIGTTIN)
        buffer.skip(done)
        if not buffer.size:
            return done
        modes, line = terminal.modes, terminal.line.input
        got = line.available(modes)
        if got:
            count, dropped = line.next(modes, buffer.size)
            self.take(buffer, bytes(line.data[:count]))
            line.drop(dropped)
            terminal.receive(call.cpu)
            done += count
        least, time = modes.characters[abi.VMIN], modes.characters[abi.VTIME]
        if modes.by_lines:
            least = time = 0
        if (got and done >= max(1, least)) or (got and modes.by_lines) or not buffer.size:
            return done
        return self._wait(call, done, least, time, by_lines=modes.by_lines, more=got)

    def _wait(self, call: Caller, done: int, least: int, time: int, *, by_lines: bool, more: bool) -> int:
        """Sleep until more is typed, or the time is up. `more`: bytes have come, so that TIME begins again."""
        pending = call.pending
        runs = not by_lines and (bool(done and time) if least else True)
        if not self.terminal.master_open:
            if not done:
                raise LinuxError(Errno.EIO)
            return done
        if runs and (not least and not time):
            return done
        if runs and pending.timed_out and pending.cursor == _TIMED and not more:
            return done
        if self.nonblocking:
            if not done:
                raise LinuxError(Errno.EAGAIN)
            return done
        deadline = None
        if runs:
            started = pending.cursor == _TIMED and not more and pending.deadline is not None
            deadline = pending.deadline if started else call.cpu.clock + call.cpu.profile.to_cycles(time * _TENTH)
            pending.timed_out = False
        pending.progress, pending.cursor = done, _TIMED if runs else _TIMED + 1
        raise Blocked(self.queue, deadline=deadline, why="input of a terminal")

    def readiness(self) -> int:
        terminal = self.terminal
        least = 1
        if not terminal.modes.characters[abi.VTIME]:
            least = max(1, terminal.modes.characters[abi.VMIN])
        bits = POLLIN | POLLRDNORM if terminal.line.input.available(terminal.modes, least) else 0
        return bits | (0 if terminal.master_open else POLLHUP)

    def close(self, cpu: Cpu) -> None:
        if not self.hung_up:
            self.terminal.terminals.close_slave(cpu, self.terminal)
        self.terminal.terminals.leave(self.terminal)
