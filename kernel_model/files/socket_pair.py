"""Connected pairs of AF_UNIX sockets (net/unix/af_unix.c): stream, datagram and sequenced packets, with descriptors.

Capacity is counted in the sizes of Linux's socket buffers, headers included, against its default limit.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import FIONREAD, O_ASYNC, O_NONBLOCK, O_RDWR, S_IFSOCK
from kernel_model.abi.socket import MSG_PEEK, SHUT_RD, SHUT_WR, SockType
from kernel_model.abi.uapi import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDBAND,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
    Errno,
    LinuxError,
)
from kernel_model.files.file import File, faulted
from kernel_model.files.status import FileStatus
from kernel_model.files.write_signals import broken_pipe
from kernel_model.wait.queue import Blocked, WaitQueue
from pffemu.arch.paging import pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

_SEND_BUFFER: Final = 212_992  # net.core.wmem_default
_HEADER: Final = 256  # bytes of struct sk_buff
_SHARED_INFO: Final = 320  # bytes behind its data
_LINEAR: Final = 4096 - _SHARED_INFO  # bytes of a stream's piece beside its pages
_LINEAR_PACKET: Final = 4 * 4096 - _SHARED_INFO  # ... and of a packet
_PIECE: Final = _LINEAR + 32_768  # bytes of a stream that travel together at most


@dataclass(slots=True)
class InFlight:
    """Open files that travel in messages, of all sockets together: at most RLIMIT_NOFILE (unix_attach_fds).

    `abandoned` are those in messages of sockets that were closed: a closed socket may hold sockets that hold sockets.
    """

    count: int = 0
    abandoned: list[File] = field(default_factory=list)
    dropping: bool = False

    def drop_abandoned(self, cpu: Cpu) -> None:
        """Drop them one after the other: a chain of sockets must not recurse."""
        if self.dropping:
            return
        self.dropping = True
        while self.abandoned:
            self.abandoned.pop().drop(cpu)
        self.dropping = False


@dataclass(slots=True, eq=False)
class Message:
    """One sent message: its bytes, and the open files sent with it."""

    data: bytearray
    files: list[File] = field(default_factory=list)
    charged: int = 0  # bytes charged to the sender's buffer until it is received


@dataclass(slots=True)
class Received:
    """The result of one receive."""

    count: int
    length: int  # of the whole packet
    files: list[File]


class UnixSocket(File):
    """One end of a pair. `peer` is None once the other end is closed."""

    settable = File.settable | O_ASYNC

    def __init__(self, kind: SockType, flags: int, scheduler: Waker, in_flight: InFlight) -> None:
        self.name, self.flags = "socket", O_RDWR | flags & O_NONBLOCK
        self.kind = kind
        self.peer: UnixSocket | None = None
        self.inbox: list[Message] = []
        self.shutdown_read = self.shutdown_write = False
        self.reset = False  # the peer was closed with data of this end unread
        self.charged = 0  # bytes that this end's unreceived messages take
        self._scheduler, self._in_flight = scheduler, in_flight
        self._changed = WaitQueue("socket")

    # -- sending ------------------------------------------------------------------------------------------------

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        return self.send(call, buffer, [], self.nonblocking, silent=False)

    def send(self, call: Caller, buffer: UserBuffer, files: list[File], nonblocking: bool, silent: bool) -> int:
        """Send. `silent`: no SIGPIPE (MSG_NOSIGNAL). Linux: unix_stream_sendmsg, unix_dgram_sendmsg."""
        if self.kind is SockType.STREAM:
            return self._send_stream(call, buffer, files, nonblocking, silent)
        return self._send_packet(call, buffer, files, nonblocking, silent)

    def _send_stream(self, call: Caller, buffer: UserBuffer, files: list[File], nonblocking: bool, silent: bool) -> int:
        done = call.pending.progress
        buffer.skip(done)
        while buffer.size:
            peer = self._receiver()
            if peer is None:
                return done or self._broken(call, silent)
            if self.charged >= _SEND_BUFFER:
                return self._wait_for_room(call, done, nonblocking)
            wanted = min(buffer.size, _PIECE)
            data = buffer.gather(wanted)
            if len(data) < wanted:
                return faulted(done)
            self._put(call.cpu, peer, Message(bytearray(data), files if not done else [], _true_size(wanted, _LINEAR)))
            buffer.skip(wanted)
            done += wanted
        return done

    def _send_packet(self, call: Caller, buffer: UserBuffer, files: list[File], nonblocking: bool, silent: bool) -> int:
        if buffer.size > _SEND_BUFFER - 32:
            raise LinuxError(Errno.EMSGSIZE)
        data = buffer.gather(buffer.size)
        if len(data) < buffer.size:
            faulted(0)
        peer = self._receiver()
        if peer is None:
            if self.kind is SockType.DGRAM and not self.shutdown_write:
                raise LinuxError(Errno.ECONNREFUSED if self.peer is None else Errno.EPIPE)
            return self._broken(call, silent)
        if self.charged >= _SEND_BUFFER:
            return self._wait_for_room(call, 0, nonblocking)
        self._put(call.cpu, peer, Message(bytearray(data), files, _true_size(len(data), _LINEAR_PACKET)))
        return len(data)

    def _receiver(self) -> UnixSocket | None:
        """The other end, if it can receive."""
        if self.shutdown_write or self.peer is None or self.peer.shutdown_read:
            return None
        return self.peer

    def _broken(self, call: Caller, silent: bool) -> int:
        if silent:
            raise LinuxError(Errno.EPIPE)
        return broken_pipe(call)

    def _wait_for_room(self, call: Caller, done: int, nonblocking: bool) -> int:
        if not nonblocking:
            call.pending.progress = done
            raise Blocked(self._changed, why="room in a socket")
        if not done:
            raise LinuxError(Errno.EAGAIN)
        return done

    def _put(self, cpu: Cpu, peer: UnixSocket, message: Message) -> None:
        for file in message.files:
            file.references += 1
        self.charged += message.charged
        self._in_flight.count += len(message.files)
        peer.inbox.append(message)
        self._scheduler.wake_all(cpu, peer._changed, POLLIN | POLLRDNORM | POLLRDBAND)

    # -- receiving ----------------------------------------------------------------------------------------------

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        received = self.receive(call, buffer, 0, self.nonblocking)
        for file in received.files:
            file.drop(call.cpu)
        return received.count

    def receive(self, call: Caller, buffer: UserBuffer, flags: int, nonblocking: bool) -> Received:
        """Receive. `flags`: MSG_PEEK, MSG_WAITALL. The files received belong to the caller, with a reference each."""
        if self.kind is SockType.STREAM and not buffer.size:
            return Received(0, 0, [])
        if not self.inbox:
            if self.reset:
                self.reset = False
                raise LinuxError(Errno.ECONNRESET)
            if self.shutdown_read or (self.peer is None and self.kind is not SockType.DGRAM) or self._peer_is_done():
                return Received(0, 0, [])
            if nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(self._changed, why="data in a socket")
        if self.kind is SockType.STREAM:
            return self._receive_stream(call.cpu, buffer, flags)
        return self._receive_packet(call.cpu, buffer, flags)

    def _peer_is_done(self) -> bool:
        return self.peer is not None and self.peer.shutdown_write and self.kind is not SockType.DGRAM

    def _receive_stream(self, cpu: Cpu, buffer: UserBuffer, flags: int) -> Received:
        """Receive several messages at once, but none after one with files."""
        available = 0
        for message in self.inbox:
            available += len(message.data)
            if message.files:
                break
        wanted = min(buffer.size, available)
        room = buffer.room(wanted)
        if room < wanted:
            faulted(room)
        data, files = bytearray(), []
        for message in self.inbox:
            piece = message.data[: room - len(data)]
            data += piece
            files = [*message.files]
            if len(data) == room or files:
                break
        buffer.scatter(bytes(data))
        if flags & MSG_PEEK:
            for file in files:
                file.references += 1
            return Received(len(data), len(data), files)
        self._drop_front(len(data))
        self._made_room(cpu)
        return Received(len(data), len(data), files)

    def _drop_front(self, count: int) -> None:
        while count or (self.inbox and not self.inbox[0].data):
            first = self.inbox[0]
            used = min(count, len(first.data))
            del first.data[:used]
            self._in_flight.count -= len(first.files)
            first.files = []
            count -= used
            if first.data:
                return
            self._uncharge(self.inbox.pop(0))

    def _uncharge(self, message: Message) -> None:
        if self.peer is not None:
            self.peer.charged -= message.charged

    def _receive_packet(self, cpu: Cpu, buffer: UserBuffer, flags: int) -> Received:
        message = self.inbox[0]
        wanted = min(buffer.size, len(message.data))
        room = buffer.room(wanted)
        if room < wanted:
            faulted(0)
        buffer.scatter(bytes(message.data[:wanted]))
        if flags & MSG_PEEK:
            for file in message.files:
                file.references += 1
        else:
            self._in_flight.count -= len(message.files)
            self._uncharge(self.inbox.pop(0))
            self._made_room(cpu)
        return Received(wanted, len(message.data), message.files)

    def _made_room(self, cpu: Cpu) -> None:
        if self.peer is not None and self.peer._has_room():
            self._scheduler.wake_all(cpu, self.peer._changed, POLLOUT | POLLWRNORM | POLLWRBAND)

    # -- the rest -----------------------------------------------------------------------------------------------

    def shutdown(self, cpu: Cpu, how: int) -> None:
        """SHUT_RD, SHUT_WR or SHUT_RDWR; wakes the threads at both ends."""
        self.shutdown_read |= how != SHUT_WR
        self.shutdown_write |= how != SHUT_RD
        if self.peer is not None and self.kind is not SockType.DGRAM:
            self.peer.shutdown_write |= how != SHUT_WR
            self.peer.shutdown_read |= how != SHUT_RD
        self._announce(cpu)

    def _announce(self, cpu: Cpu) -> None:
        self._scheduler.wake_all(cpu, self._changed)
        if self.peer is not None:
            self._scheduler.wake_all(cpu, self.peer._changed)

    def poll(self) -> int:
        """Linux: unix_poll, unix_dgram_poll."""
        bits = POLLERR if self.reset else 0
        hung_up = self.peer is None and self.kind is not SockType.DGRAM
        if hung_up or (self.shutdown_read and self.shutdown_write):
            bits |= POLLHUP
        if self.shutdown_read or hung_up:
            bits |= POLLRDHUP | POLLIN | POLLRDNORM
        if self.inbox:
            bits |= POLLIN | POLLRDNORM
        if self._has_room():
            bits |= POLLOUT | POLLWRNORM | POLLWRBAND
        return bits

    def _has_room(self) -> bool:
        """Linux: unix_writable; a quarter of the buffer."""
        return 4 * (self.charged + 1) <= _SEND_BUFFER

    def poll_queue(self) -> WaitQueue:
        return self._changed

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request != FIONREAD:
            raise LinuxError(Errno.ENOTTY)
        whole = self.kind is SockType.STREAM
        count = sum(len(message.data) for message in (self.inbox if whole else self.inbox[:1]))
        call.memory.write_u32(argument, count)
        return 0

    @property
    def inode(self) -> Hashable:
        return self

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(Errno.ESPIPE)

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFSOCK | 0o777)

    def close(self, cpu: Cpu) -> None:
        peer, self.peer = self.peer, None
        for message in self.inbox:
            self._in_flight.count -= len(message.files)
            self._in_flight.abandoned += message.files
        if peer is not None:
            peer.peer = None
            peer.reset |= bool(self.inbox)
            peer.charged = 0
            peer.shutdown_read = peer.shutdown_write = peer.kind is not SockType.DGRAM
            self._scheduler.wake_all(cpu, peer._changed)
        self.inbox.clear()
        self._in_flight.drop_abandoned(cpu)


def _true_size(size: int, linear: int) -> int:
    """Buffer space of a message of `size` bytes: at most `linear` of them in its head, the rest in pages."""
    in_pages = min(size, pages_up(size - linear)) if size > linear else 0
    head = (size - in_pages + 63) // 64 * 64 + _SHARED_INFO
    return _HEADER + max(512, 1 << (head - 1).bit_length()) + pages_up(in_pages)


def make_socket_pair(
    kind: SockType, flags: int, scheduler: Waker, in_flight: InFlight
) -> tuple[UnixSocket, UnixSocket]:
    first, second = (UnixSocket(kind, flags, scheduler, in_flight) for _ in range(2))
    first.peer, second.peer = second, first
    return first, second
