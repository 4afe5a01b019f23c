"""AF_UNIX sockets (net/unix/af_unix.c): names, and what streams, sequenced packets and datagrams share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.files import FIONREAD
from kernel_model.abi.socket import AF_UNIX, MSG_OOB, MSG_PEEK, MSG_TRUNC, SIOCOUTQ, SO_PASSCRED, SOL_SOCKET, SockType
from kernel_model.abi.uapi import POLLIN, POLLOUT, POLLRDBAND, POLLRDNORM, POLLWRBAND, POLLWRNORM, Errno, LinuxError
from kernel_model.files.sockets import interfaces
from kernel_model.files.sockets.in_flight import Holder
from kernel_model.files.sockets.message import UNKNOWN, Credentials, Message, Outgoing, Received
from kernel_model.files.sockets.unix_names import FAMILY, address_of, parse_name

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.tree.socket_node import SocketNode
    from kernel_model.files.user_buffer import UserBuffer
    from pffemu.hw.cpu import Cpu

_READABLE = POLLIN | POLLRDNORM | POLLRDBAND
_WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND


class UnixSocket(Holder):
    """`peer`: the socket that messages go to. `charged`: buffer space of this socket's messages until received.

    `bound`: its name (a path, or b"\\0" and an abstract name; b"": none), which an accepted socket shares with the
    listening one.
    """

    def __init__(self, network: Network, kind: SockType, flags: int) -> None:
        super().__init__(network, AF_UNIX, kind, flags)
        self.peer: UnixSocket | None = None
        self.inbox: list[Message] = []
        self.charged = 0
        self.bound = b""
        self._owns_name = False
        self.node: SocketNode | None = None  # its name in the file tree

    # -- names --------------------------------------------------------------------------------------------------

    def bind(self, call: Caller, address: bytes) -> None:
        name = b"" if address == FAMILY else parse_name(address)
        if self.bound and not name:
            return
        if self.bound:
            raise LinuxError(Errno.EINVAL)
        if not name:
            self._bind_automatically()
            return
        if name.startswith(b"\0"):
            self.network.names.bind(name, self)
            self._owns_name = True
        else:
            call.bind_socket(name, self)
        self.bound = name

    def _bind_automatically(self) -> None:
        self.bound, self._owns_name = self.network.names.bind_automatically(self), True

    def _name_for_credentials(self) -> None:
        """A socket with SO_PASSCRED gets a name before it sends or connects (unix_autobind)."""
        if self.passes_credentials and not self.bound:
            self._bind_automatically()

    def find(self, call: Caller, address: bytes) -> UnixSocket:
        """The socket at `address`. Raises LinuxError ECONNREFUSED, EPROTOTYPE, EINVAL, and those of a path."""
        name = parse_name(address)
        found = call.socket_at(name) if not name.startswith(b"\0") else self.network.names.find(self.kind, name)
        if not isinstance(found, UnixSocket):
            raise LinuxError(Errno.ECONNREFUSED)
        if found.kind is not self.kind:
            raise LinuxError(Errno.EPROTOTYPE)
        return found

    def fdinfo(self, cpu: Cpu) -> str:
        """How many descriptors wait in its messages."""
        return f"scm_fds: {sum(len(message.files) for message in self.inbox)}\n"

    def own_address(self) -> bytes:
        return address_of(self.bound)

    def peer_address(self) -> bytes:
        if self.peer is None:
            raise LinuxError(Errno.ENOTCONN)
        return self.peer.own_address()

    @property
    def passes_credentials(self) -> bool:
        return bool(self.options.get((SOL_SOCKET, SO_PASSCRED)))

    # -- messages -----------------------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Whether it polls as writable: a quarter of the buffer is in use at most (unix_writable)."""
        return 4 * (self.charged + 1) <= self.send_buffer

    def _put(self, call: Caller, peer: UnixSocket, data: bytes, size: int, outgoing: Outgoing) -> None:
        """Queue a message that takes `size` bytes of buffer. Raises LinuxError ENOBUFS."""
        self.network.memory.take(size)
        credentials = outgoing.credentials
        if credentials is None and (self.passes_credentials or peer.passes_credentials):
            credentials = Credentials(call.process.pid, 0, 0)
        sender = self.own_address() if self.bound else b""
        message = Message(bytearray(data), outgoing.files, size, self, sender, credentials=credentials)
        self.network.in_flight.attach(message.files)
        self.charged += size
        peer.inbox.append(message)
        peer.announce(call.cpu, _READABLE)

    def _uncharge(self, cpu: Cpu, message: Message) -> None:
        """The message is received: its sender has room again."""
        self.network.memory.give_back(message.charged)
        source = message.source
        if isinstance(source, UnixSocket):
            source.charged -= message.charged
            if source.has_room:
                source.announce(cpu, _WRITABLE)

    def _receive_packet(self, call: Caller, buffer: UserBuffer, flags: int) -> Received:
        """The first message, as a whole."""
        message = self.inbox[0]
        length, wanted = len(message.data), message.store(buffer)
        files = self._files_for(message, flags)
        if not flags & MSG_PEEK:
            self._drop_first(call.cpu)
        truncated = MSG_TRUNC if wanted < length else 0
        return Received(wanted, length, files, message.sender, truncated, self._credentials_of(message))

    def _drop_first(self, cpu: Cpu) -> None:
        self._uncharge(cpu, self.inbox.pop(0))

    def _files_for(self, message: Message, flags: int) -> list[File]:
        """The message's files for a receiver, copies of them with MSG_PEEK."""
        files = message.files
        if flags & MSG_PEEK:
            for file in files:
                file.references += 1
            return [*files]
        self.network.in_flight.detach(files)
        message.files = []
        return files

    def _credentials_of(self, message: Message) -> Credentials | None:
        return (message.credentials or UNKNOWN) if self.passes_credentials else None

    @staticmethod
    def refuse_urgent(flags: int) -> None:
        """Raises LinuxError EOPNOTSUPP for MSG_OOB."""
        if flags & MSG_OOB:
            raise LinuxError(Errno.EOPNOTSUPP)

    # -- the rest -----------------------------------------------------------------------------------------------

    def poll(self) -> int:
        return (_READABLE & ~POLLRDBAND if self.inbox else 0) | (_WRITABLE if self.has_room else 0)

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request == FIONREAD:
            if self.listening:
                raise LinuxError(Errno.EINVAL)
            whole = self.kind is not SockType.DGRAM
            count = sum(len(message.data) for message in (self.inbox if whole else self.inbox[:1]))
        elif request == SIOCOUTQ:
            count = self.charged
        else:
            return interfaces.ioctl(call, request, argument)
        call.memory.write_u32(argument, count)
        return 0

    def close(self, cpu: Cpu) -> None:
        super().close(cpu)
        if self._owns_name:
            self.network.names.free(self.kind, self.bound)
        if self.node is not None:
            self.node.socket = None
            self.node = None
        files = self.take_files()
        while self.inbox:
            self._drop_first(cpu)
        self.network.in_flight.abandon(cpu, files)
        self.network.in_flight.collect(cpu)
