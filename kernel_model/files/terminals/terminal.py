"""A pseudo-terminal: what its two ends share (drivers/tty/pty.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi import terminal as abi
from kernel_model.abi.uapi import POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM, Signal
from kernel_model.files.terminals.input_buffer import SIZE
from kernel_model.files.terminals.jobs import send_to_group
from kernel_model.files.terminals.line_discipline import LineDiscipline
from kernel_model.files.terminals.modes import Modes, WindowSize
from kernel_model.task.controlling_terminal import ControllingTerminal
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.terminals.terminals import Terminals
    from pffemu.hw.cpu import Cpu

AT_ONCE: Final = SIZE - 1  # bytes that a master's read can get
_ON_THE_WAY: Final = 16_384  # bytes on the way to one end, before its buffer (tty_buffer_set_limit)
_GROWTH: Final = 8  # most bytes that one character is written as: a tabulator


class Terminal(ControllingTerminal):
    """The pair. `typed`: what the master has written and the line discipline had no room for; `written`: what the
    master will read. `opens`: slave files; `users`: files of both ends, hung up ones, too. `turn`: hang-ups so far.
    """

    def __init__(self, terminals: Terminals, number: int) -> None:
        super().__init__()
        self.terminals, self.number = terminals, number
        self.modes, self.size, self.line = Modes(), WindowSize(), LineDiscipline()
        self.locked_modes = bytes(36)  # TIOCSLCKTRMIOS
        self.typed, self.written = bytearray(), bytearray()
        self.stopped = self.stopped_by_call = False  # output, by ^S; by tcflow
        self.locked, self.exclusive, self.packets = True, False, False
        self.status = 0  # TIOCPKT_*
        self.master_open, self.slave_closed = True, False
        self.opens = self.users = self.turn = 0
        self.master_queue, self.slave_queue = WaitQueue("a terminal's master"), WaitQueue("a terminal")

    @property
    def device(self) -> int:
        return abi.UNIX98_PTY_SLAVE_MAJOR << 8 | self.number & 0xFF | (self.number & ~0xFF) << 12

    def wake(self, cpu: Cpu, queue: WaitQueue, events: int = 0) -> None:
        self.terminals.kernel.scheduler.wake_all(cpu, queue, events)

    # -- from the master to the slave -----------------------------------------------------------------------------

    @property
    def room_to_type(self) -> int:
        return _ON_THE_WAY - len(self.typed)

    def type(self, cpu: Cpu, text: bytes) -> int:
        """The master writes `text`; returns how much of it is taken."""
        taken = text[: self.room_to_type]
        self.typed += taken
        self.receive(cpu)
        return len(taken)

    def receive(self, cpu: Cpu) -> None:
        """Give the line discipline what it has room for."""
        if not self.typed:
            return
        was_full = not self.room_to_type
        count = self.line.receive(cpu, self, bytes(self.typed))
        del self.typed[:count]
        self.echo(cpu)
        if self.line.input.available(self.modes):
            self.wake(cpu, self.slave_queue, POLLIN | POLLRDNORM)
        if was_full and count:
            self.wake(cpu, self.master_queue, POLLOUT | POLLWRNORM)

    def interrupt(self, cpu: Cpu, signo: Signal, *, flush: bool) -> None:
        if flush:
            self.flushed(cpu, abi.TIOCPKT_FLUSHREAD | abi.TIOCPKT_FLUSHWRITE)
        if self.group:
            send_to_group(self.terminals.kernel, cpu, self.group, signo)

    # -- from the slave to the master -----------------------------------------------------------------------------

    @property
    def room_to_write(self) -> int:
        return 0 if self.stopped else max(0, _ON_THE_WAY + AT_ONCE - len(self.written))

    def write(self, cpu: Cpu, text: bytes) -> int:
        """A program writes `text`; returns how much of it is taken."""
        self.echo(cpu)
        done = 0
        while done < len(text):
            room = self.room_to_write
            if self.modes.output & abi.OPOST:
                room //= _GROWTH
            piece = text[done : done + room]
            if not piece:
                break
            self.written += self.line.output.processed(piece, self.modes)
            done += len(piece)
        if done:
            self.wake(cpu, self.master_queue, POLLIN | POLLRDNORM)
        return done

    def echo(self, cpu: Cpu) -> None:
        """Let the master have what is echoed, if output is not stopped and there is room."""
        if self.line.echoes.queue and self.room_to_write >= _GROWTH * len(self.line.echoes.queue):
            self.written += self.line.echoes.take(self.line.output, self.modes)
            self.wake(cpu, self.master_queue, POLLIN | POLLRDNORM)

    def read_by_master(self, cpu: Cpu, count: int) -> None:
        """The master has read `count` bytes."""
        del self.written[:count]
        self.echo(cpu)
        self.wake(cpu, self.slave_queue, POLLOUT | POLLWRNORM)

    # -- flow -----------------------------------------------------------------------------------------------------

    def stop(self, cpu: Cpu) -> None:
        if not self.stopped:
            self.stopped = True
            self.tell(cpu, abi.TIOCPKT_STOP, abi.TIOCPKT_START)

    def start(self, cpu: Cpu) -> None:
        if self.stopped and not self.stopped_by_call:
            self.stopped = False
            self.tell(cpu, abi.TIOCPKT_START, abi.TIOCPKT_STOP)
            self.echo(cpu)
            self.wake(cpu, self.slave_queue, POLLOUT | POLLWRNORM)

    def tell(self, cpu: Cpu, status: int, instead: int = 0) -> None:
        """Packet mode: a status for the master, in place of those of `instead`."""
        if self.packets:
            self.status = self.status & ~instead | status
            self.wake(cpu, self.master_queue, POLLIN | POLLRDNORM | POLLPRI)

    def flushed(self, cpu: Cpu, status: int) -> None:
        """Input or output was dropped."""
        if status & abi.TIOCPKT_FLUSHWRITE:
            del self.written[AT_ONCE:]
            self.wake(cpu, self.slave_queue, POLLOUT | POLLWRNORM)
        self.tell(cpu, status)

    def flush_input(self, cpu: Cpu) -> None:
        """Drop what was typed and not read."""
        was_full = not self.room_to_type
        self.line.flush()
        self.typed.clear()
        self.flushed(cpu, abi.TIOCPKT_FLUSHREAD)
        if was_full:
            self.wake(cpu, self.master_queue, POLLOUT | POLLWRNORM)

    # -- modes ----------------------------------------------------------------------------------------------------

    def change(self, cpu: Cpu, modes: Modes) -> None:
        """Set the modes (n_tty_set_termios, pty_set_termios)."""
        old, self.modes = self.modes, modes
        if (old.local ^ modes.local) & (abi.ICANON | abi.EXTPROC):
            self.line.input.change(modes)
            self.line.is_erasing = self.line.is_literal = False
        if old.input & ~modes.input & abi.IXON:
            self.start(cpu)
        before, after = _stops(old), _stops(modes)
        if before != after:
            self.tell(cpu, abi.TIOCPKT_DOSTOP if after else abi.TIOCPKT_NOSTOP, abi.TIOCPKT_DOSTOP | abi.TIOCPKT_NOSTOP)
        if (old.local ^ modes.local | modes.local) & abi.EXTPROC:
            self.tell(cpu, abi.TIOCPKT_IOCTL)
        self.receive(cpu)
        self.wake(cpu, self.slave_queue)

    def resize(self, cpu: Cpu, size: WindowSize) -> None:
        """TIOCSWINSZ: SIGWINCH for the foreground group, if the size changes."""
        if size != self.size:
            self.size = size
            if self.group:
                send_to_group(self.terminals.kernel, cpu, self.group, Signal.SIGWINCH)


def _stops(modes: Modes) -> bool:
    """Whether ^S and ^Q stop and start output."""
    characters = modes.characters
    return bool(modes.input & abi.IXON) and (characters[abi.VSTOP], characters[abi.VSTART]) == (0x13, 0x11)
