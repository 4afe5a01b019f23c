"""The master of a pseudo-terminal: it types, and reads what programs write (drivers/tty/pty.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.terminal import TIOCPKT_DATA
from kernel_model.abi.uapi import POLLHUP, POLLIN, POLLPRI, POLLRDNORM, Errno, LinuxError
from kernel_model.files.terminals.end import TerminalEnd
from kernel_model.files.terminals.terminal import AT_ONCE
from kernel_model.wait.queue import Blocked

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import WaitQueue
    from pffemu.hw.cpu import Cpu


class Master(TerminalEnd):
    is_master = True

    @property
    def queue(self) -> WaitQueue:
        return self.terminal.master_queue

    @property
    def hung_up(self) -> bool:
        return not self.terminal.master_open

    def room(self) -> int:
        return self.terminal.room_to_type

    def put(self, call: Caller, text: bytes) -> int:
        return self.terminal.type(call.cpu, text)

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """What programs have written; in packet mode a byte before it says what it is."""
        terminal = self.terminal
        if self.hung_up or not buffer.size:
            return 0
        if terminal.packets and terminal.status:
            self.take(buffer, bytes((terminal.status,)))
            terminal.status = 0
            return 1
        if terminal.written:
            head = bytes((TIOCPKT_DATA,)) if terminal.packets else b""
            count = min(buffer.size - len(head), len(terminal.written), AT_ONCE)
            self.take(buffer, head + bytes(terminal.written[:count]))
            terminal.read_by_master(call.cpu, count)
            return len(head) + count
        if terminal.slave_closed:
            raise LinuxError(Errno.EIO)
        if self.nonblocking:
            raise LinuxError(Errno.EAGAIN)
        raise Blocked(self.queue, why="output of a terminal")

    def readiness(self) -> int:
        terminal = self.terminal
        told = POLLPRI | POLLIN | POLLRDNORM if terminal.packets and terminal.status else 0
        bits = POLLIN | POLLRDNORM if terminal.written else 0
        return bits | told | (POLLHUP if terminal.slave_closed else 0)

    def close(self, cpu: Cpu) -> None:
        self.terminal.terminals.close_master(cpu, self.terminal)
        self.terminal.terminals.leave(self.terminal)
