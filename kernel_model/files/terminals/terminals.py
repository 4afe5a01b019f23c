"""All pseudo-terminals of the machine: their numbers, and how their ends are opened and closed."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi import terminal as abi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.terminals import jobs, requests
from kernel_model.files.terminals.devpts import Devpts
from kernel_model.files.terminals.master import Master
from kernel_model.files.terminals.modes import Modes
from kernel_model.files.terminals.slave import Slave
from kernel_model.files.terminals.terminal import Terminal
from kernel_model.files.tree.place import Place
from kernel_model.task.credentials import CAP_SYS_ADMIN
from kernel_model.time.realtime import realtime

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.terminals.end import TerminalEnd
    from kernel_model.files.tree.devices import DeviceNode
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.task.kernel import Kernel
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu

_BYTES_A_TERMINAL: Final = 1 << 16  # of RAM
_PATH: Final = (b"dev", b"pts")


class Terminals:
    """`by_number`: those of which an end is open."""

    def __init__(self, kernel: Kernel, fs: FileSystem, ram: int) -> None:
        self.kernel = kernel
        self.directory = Devpts(fs)
        self.most: int = min(abi.NR_UNIX98_PTY_MAX, ram // _BYTES_A_TERMINAL)
        self.by_number: dict[int, Terminal] = {}
        self._lost: deque[Terminal | Process] = deque()  # hung up, or a session's leader that ends: signals to be sent

    # -- opening ----------------------------------------------------------------------------------------------------

    def open(self, call: Caller, node: DeviceNode, place: Place, flags: int) -> File:
        """Open /dev/ptmx, /dev/tty, or a slave. Raises LinuxError ENOSPC, ENXIO, EIO, EBUSY."""
        if node.device == abi.PTMX:
            return self._open_master(call, node, place, flags)
        if node.device == abi.TTY:
            own = call.process.terminal
            if not isinstance(own, Terminal):
                raise LinuxError(Errno.ENXIO)
            return self._open_slave(call, own, node, place, flags)
        terminal = self.by_number.get(node.device[1])
        if terminal is None or self.directory.nodes.get(b"%d" % terminal.number) is not node:
            raise LinuxError(Errno.EIO)
        return self._open_slave(call, terminal, node, place, flags)

    def open_peer(self, call: Caller, terminal: Terminal, flags: int) -> File:
        """TIOCGPTPEER. Raises LinuxError EIO, EBUSY."""
        name = b"%d" % terminal.number
        node = self.directory.nodes[name]
        return self._open_slave(call, terminal, node, Place((*_PATH, name), node.mode, node=node), flags)

    def _open_master(self, call: Caller, node: DeviceNode, place: Place, flags: int) -> Master:
        if len(self.by_number) >= self.most:
            raise LinuxError(Errno.ENOSPC)
        number = next(each for each in range(self.most) if each not in self.by_number)
        terminal = self.by_number[number] = Terminal(self, number)
        who = call.task.credentials
        self.directory.add(number, who.user.fs, who.group.fs, realtime(call.cpu))
        return Master(terminal, node, place, flags)

    def _open_slave(self, call: Caller, terminal: Terminal, node: DeviceNode, place: Place, flags: int) -> Slave:
        if terminal.locked or not terminal.master_open:
            raise LinuxError(Errno.EIO)
        if terminal.exclusive and not call.task.credentials.has(CAP_SYS_ADMIN):
            raise LinuxError(Errno.EBUSY)
        file = Slave(terminal, node, replace(place, node=node), flags)
        terminal.opens += 1
        terminal.slave_closed = False
        if not call.without_terminal:
            jobs.take_if_free(call, terminal, file)
        return file

    # -- closing ----------------------------------------------------------------------------------------------------

    def close_slave(self, cpu: Cpu, terminal: Terminal) -> None:
        """A slave's file is closed; the last one is the end of what the master can read, until it is opened again."""
        terminal.opens -= 1
        if not terminal.opens:
            terminal.slave_closed = True
            terminal.wake(cpu, terminal.master_queue)

    def close_master(self, cpu: Cpu, terminal: Terminal) -> None:
        """The master is closed, or hangs up itself: the slave is hung up."""
        if terminal.master_open:
            terminal.master_open = False
            self.directory.remove(terminal.number)
            self.hang_up(cpu, terminal)

    def hang_up(self, cpu: Cpu, terminal: Terminal) -> None:
        """All open files of the slave are of no use any more."""
        terminal.turn += 1
        terminal.opens, terminal.slave_closed, terminal.modes = 0, True, Modes()
        terminal.line.flush()
        terminal.wake(cpu, terminal.slave_queue)
        terminal.wake(cpu, terminal.master_queue)
        self._tell(cpu, terminal)

    def session_ends(self, cpu: Cpu, leader: Process) -> None:
        """The leader of a session has ended."""
        if leader.terminal is not None or leader.lost_group:
            self._tell(cpu, leader)

    def _tell(self, cpu: Cpu, lost: Terminal | Process) -> None:
        """Send the signals of a hang-up. Those may end a process that closes a master: its signals are sent after."""
        innermost = not self._lost
        self._lost.append(lost)
        while innermost and self._lost:
            first = self._lost[0]
            if isinstance(first, Terminal):
                jobs.hang_up(self.kernel, cpu, first)
            else:
                jobs.leave_session(self.kernel, cpu, first, exits=True)
            self._lost.popleft()

    def leave(self, terminal: Terminal) -> None:
        """A file of either end is closed; with the last one the number is free."""
        terminal.users -= 1
        if not terminal.users and not terminal.master_open:
            del self.by_number[terminal.number]

    def ioctl(self, end: TerminalEnd, call: Caller, request: int, argument: int) -> int:
        return requests.ioctl(end, call, request, argument)
