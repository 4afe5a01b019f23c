"""What the files of both ends of a pseudo-terminal share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_ASYNC
from kernel_model.abi.terminal import TIOCSPGRP
from kernel_model.abi.uapi import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, Errno, LinuxError
from kernel_model.files.file import faulted
from kernel_model.files.tree.devices import DeviceFile
from kernel_model.wait.queue import Blocked

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.terminals.terminal import Terminal
    from kernel_model.files.tree.devices import DeviceNode
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import WaitQueue

_PIECE: Final = 2048  # bytes that a write hands on together
_HUNG_UP: Final = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM


class TerminalEnd(DeviceFile):
    """An open file of one end. `node`: what it was opened at."""

    settable = DeviceFile.settable | O_ASYNC
    splices_from = splices_to = True
    is_master = False

    def __init__(self, terminal: Terminal, node: DeviceNode, place: Place, flags: int) -> None:
        self.terminal, self.node, self.place, self.flags = terminal, node, place, flags
        self.name = place.path.decode(errors="surrogateescape")
        self.turn = terminal.turn
        terminal.users += 1

    @property
    def hung_up(self) -> bool:
        """Whether the terminal has hung up since it was opened."""
        return self.turn != self.terminal.turn

    @property
    def queue(self) -> WaitQueue:
        raise NotImplementedError

    def room(self) -> int:
        """Bytes that a write could hand on now."""
        raise NotImplementedError

    def put(self, call: Caller, text: bytes) -> int:
        """Hand on `text`; returns how much of it is taken."""
        raise NotImplementedError

    def check_writer(self, call: Caller) -> None:
        """Raises LinuxError, or Blocked, if the caller may not write."""

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        """Linux: file_tty_write, n_tty_write. What a blocked write has written is in `progress`."""
        done = call.pending.progress
        if self.hung_up:
            return done or self.refuse()
        self.check_writer(call)
        buffer.skip(done)
        while buffer.size:
            wanted = min(buffer.size, _PIECE)
            text = buffer.gather(wanted)
            if len(text) < wanted:
                return faulted(done)
            taken = self.put(call, text)
            buffer.skip(taken)
            done += taken
            if taken < wanted:
                return self._wait_for_room(call, done)
        return done

    def _wait_for_room(self, call: Caller, done: int) -> int:
        if not self.nonblocking:
            call.pending.progress = done
            raise Blocked(self.queue, why="room in a terminal")
        if not done:
            raise LinuxError(Errno.EAGAIN)
        return done

    def refuse(self) -> int:
        """Raises LinuxError EIO: nothing can be written any more."""
        raise LinuxError(Errno.EIO)

    def take(self, buffer: UserBuffer, data: bytes) -> None:
        """Give `data` to the reader. Raises LinuxError EFAULT."""
        if buffer.room(len(data)) < len(data):
            faulted(0)
        buffer.scatter(data)
        buffer.skip(len(data))

    def readiness(self) -> int:
        """POLL* bits while it has not hung up."""
        raise NotImplementedError

    def poll(self) -> int:
        if self.hung_up:
            return _HUNG_UP
        return self.readiness() | (POLLOUT | POLLWRNORM if self.room() > 0 else 0)

    def poll_queue(self) -> WaitQueue:
        return self.queue

    def ioctl(self, call: Caller, request: int, argument: int) -> int | None:
        if self.hung_up:
            raise LinuxError(Errno.ENOTTY if request == TIOCSPGRP else Errno.EIO)
        return call.kernel.terminals.ioctl(self, call, request, argument)

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(Errno.ESPIPE)
