"""TCP connections over lo (net/ipv4/tcp.c, tcp_input.c, tcp_ipv4.c): every segment arrives at once, none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.inet import IPPROTO_TCP, TcpState
from kernel_model.abi.socket import AF_UNSPEC, SHUT_RD, SHUT_WR, SO_SNDBUF, SOL_SOCKET, SOMAXCONN
from kernel_model.abi.uapi import POLLIN, POLLRDNORM, Errno, LinuxError
from kernel_model.files.sockets.addresses import (
    Endpoint,
    destination,
    family_of,
    is_broadcast,
    is_multicast,
    source_for,
)
from kernel_model.files.sockets.tcp_stream import TcpStream
from kernel_model.time.timers import Timer

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.sockets.ports import Ports
    from pffemu.hw.cpu import Cpu

_SEND_BUFFER: Final = 2_626_560  # bytes, to which Linux grows that of a connection over lo
_SYN_TIMEOUT: Final = 131 * 10**9  # ns: net.ipv4.tcp_syn_retries is 6
_TIME_WAIT: Final = 60 * 10**9  # ns
_OVER: Final = (TcpState.CLOSE, TcpState.SYN_SENT)


class TcpSocket(TcpStream):
    """A TCP socket. `connecting`, `connected`: connect has begun, has ended well (SS_CONNECTING, SS_CONNECTED).

    A listening socket has `waiting` connections, and `knocking` sockets for which its backlog has no room.
    """

    protocol = IPPROTO_TCP
    peer: TcpSocket | None

    def __init__(self, network: Network, family: int, flags: int) -> None:
        super().__init__(network, family, flags)
        self.connecting = self.connected = False
        self.backlog = 0
        self.waiting: list[TcpSocket] = []
        self.knocking: list[TcpSocket] = []
        self._knocks_at: TcpSocket | None = None
        self._timer = _SynTimer(self)

    @property
    def ports(self) -> Ports:
        return self.network.tcp

    @property
    def listening(self) -> bool:
        return self.state is TcpState.LISTEN

    @property
    def may_bind(self) -> bool:
        return self.state is TcpState.CLOSE

    def poll(self) -> int:
        if self.listening:
            return POLLIN | POLLRDNORM if self.waiting else 0
        return super().poll()

    # -- listening ----------------------------------------------------------------------------------------------

    def listen(self, call: Caller, backlog: int) -> None:
        """Raises LinuxError EINVAL, EADDRINUSE."""
        if self.connecting or self.connected or self.state not in (TcpState.CLOSE, TcpState.LISTEN):
            raise LinuxError(Errno.EINVAL)
        self.backlog = min(backlog, SOMAXCONN) if backlog >= 0 else SOMAXCONN
        if self.listening:
            return
        if not self.held_port:
            self.bind_to(call, Endpoint(self.local.ip, 0))
        elif self.ports.in_conflict(self, self.local, call.cpu.clock):
            raise LinuxError(Errno.EADDRINUSE)
        self.state = TcpState.LISTEN
        self.shutdown_read = self.shutdown_write = False
        self.ports.hear(self)

    def accept(self, call: Caller) -> TcpSocket:
        if not self.listening:
            raise LinuxError(Errno.EINVAL)
        if not self.waiting:
            self.wait(call, 0, self.receive_timeout, "a connection")
        child = self.waiting.pop(0)
        if self.knocking:
            self._admit(call.cpu, self.knocking.pop(0))
        return child

    def _admit(self, cpu: Cpu, client: TcpSocket) -> None:
        """Complete the handshake with `client`, which connects to this listening socket."""
        assert client.remote is not None
        try:
            child = TcpSocket(self.network, self.family, 0)
        except LinuxError:  # ENFILE: the SYN is dropped, and sent again later
            client.knock(cpu, self)
            return
        child.inherit(self)
        child.local, child.remote = client.remote, client.local
        child.bound_port = True
        child.hold_port(child.local.port)
        self.ports.connections[child.local, child.remote] = child
        child.establish(client)
        client.establish(child)
        client.stop_knocking()
        self.waiting.append(child)
        self.announce(cpu, POLLIN | POLLRDNORM)
        client.announce(cpu)

    def inherit(self, listener: TcpSocket) -> None:
        """Options of a new connection (sk_clone)."""
        self.options = dict(listener.options)
        self.send_buffer, self.receive_buffer = listener.send_buffer, listener.receive_buffer
        self.send_timeout, self.receive_timeout, self.linger = (
            listener.send_timeout, listener.receive_timeout, listener.linger,
        )  # fmt: skip
        self.connected = True

    def establish(self, peer: TcpSocket) -> None:
        self.peer, self.state = peer, TcpState.ESTABLISHED
        if (SOL_SOCKET, SO_SNDBUF) not in self.options:
            self.send_buffer = _SEND_BUFFER

    def _stop_listening(self, cpu: Cpu) -> None:
        """Connections that wait are reset, those that knock refused."""
        self.state = TcpState.CLOSE
        self.ports.unhear(self)
        while self.waiting:
            child = self.waiting.pop(0)
            child.linger = 0
            child.close(cpu)
        while self.knocking:
            client = self.knocking[0]
            client.stop_knocking()
            client.was_reset(cpu)

    # -- connecting ---------------------------------------------------------------------------------------------

    def connect(self, call: Caller, address: bytes) -> None:
        """Linux: __inet_stream_connect. A socket that does not block is always told EINPROGRESS first."""
        if family_of(address) == AF_UNSPEC:
            self._disconnect(call.cpu)
            return
        if self.connected:
            raise LinuxError(Errno.EISCONN)
        late = Errno.EALREADY
        if not self.connecting:
            if self.state is not TcpState.CLOSE:
                raise LinuxError(Errno.EISCONN)
            self._start(call, self.target(address))
            self.connecting, late = True, Errno.EINPROGRESS
            if self.nonblocking:
                raise LinuxError(late)
        if self.state is TcpState.SYN_SENT:
            self.wait(call, 0, self.send_timeout, "a connection", late)
        self.connecting = False
        if self.state is TcpState.CLOSE:
            error = self.take_error() or Errno.ECONNABORTED
            self._disconnect(call.cpu)
            raise LinuxError(error)
        self.connected = True

    def _start(self, call: Caller, endpoint: Endpoint) -> None:
        """Send SYN. Raises LinuxError ENETUNREACH, EADDRNOTAVAIL."""
        if is_multicast(endpoint.ip) or is_broadcast(endpoint.ip):
            raise LinuxError(Errno.ENETUNREACH)
        remote = Endpoint(destination(endpoint.ip), endpoint.port)
        own = source_for(remote.ip) if self.local.is_any else self.local.ip
        if len(own) != len(remote.ip):
            raise LinuxError(Errno.EINVAL if len(remote.ip) < len(own) else Errno.ENETUNREACH)
        if (Endpoint(own, self.held_port), remote) in self.ports.connections:
            raise LinuxError(Errno.EADDRNOTAVAIL)
        self.bind_automatically(call)
        self.local, self.remote = Endpoint(own, self.held_port), remote
        self.shutdown_read = self.shutdown_write = self.finished = False
        self.error = None
        listener = self.ports.listener(remote, self.local.port)
        self.ports.connections[self.local, remote] = self
        if isinstance(listener, TcpSocket):
            if len(listener.waiting) > listener.backlog:
                self.knock(call.cpu, listener)
            else:
                self.state = TcpState.SYN_SENT
                listener._admit(call.cpu, self)
        elif remote == self.local:
            self.establish(self)
        else:
            self.state = TcpState.SYN_SENT
            self.was_reset(call.cpu)

    def knock(self, cpu: Cpu, listener: TcpSocket) -> None:
        """The listening socket has no room: its SYN is sent again until it has."""
        self.state = TcpState.SYN_SENT
        listener.knocking.append(self)
        if self._knocks_at is None:
            self._knocks_at = listener
            self.network.scheduler.timers.arm(cpu, self._timer, cpu.clock + cpu.profile.to_cycles(_SYN_TIMEOUT))

    def stop_knocking(self) -> None:
        if self._knocks_at is not None:
            if self in self._knocks_at.knocking:
                self._knocks_at.knocking.remove(self)
            self._knocks_at = None
            self.network.scheduler.timers.disarm(self._timer)

    def time_out(self, cpu: Cpu) -> None:
        """No SYN was answered."""
        self.stop_knocking()
        self.error = Errno.ETIMEDOUT
        self._over()
        self.announce(cpu)

    def peer_address(self) -> bytes:
        if self.state in _OVER:
            raise LinuxError(Errno.ENOTCONN)
        return super().peer_address()

    def accepted_from(self) -> bytes:
        return super().peer_address()

    # -- ending -------------------------------------------------------------------------------------------------

    def shutdown(self, call: Caller, how: int) -> None:
        """Linux: inet_shutdown."""
        if self.state is TcpState.LISTEN:
            if how != SHUT_WR:
                self._stop_listening(call.cpu)
                self._release_if_automatic()
        elif self.state is TcpState.SYN_SENT:
            self._disconnect(call.cpu)
        else:
            was_closed = self.state is TcpState.CLOSE
            self._mark_shutdown(how)
            if how != SHUT_RD:
                self._finish(call.cpu)
            self.announce(call.cpu)
            if was_closed:
                raise LinuxError(Errno.ENOTCONN)
        self.announce(call.cpu)

    def _finish(self, cpu: Cpu) -> None:
        """Send FIN."""
        peer = self.peer
        if peer is None or self.state not in (TcpState.ESTABLISHED, TcpState.CLOSE_WAIT):
            return
        was_waited_for = self.state is TcpState.CLOSE_WAIT
        self.state = TcpState.FIN_WAIT2
        peer.finished = peer.shutdown_read = True
        if was_waited_for or peer is self:
            self._over()
            if peer is not self:
                peer.wait_out(cpu)
                peer._over()
        else:
            peer.state = TcpState.CLOSE_WAIT
        peer.announce(cpu)

    def _over(self) -> None:
        """The connection has ended (tcp_done)."""
        self.state = TcpState.CLOSE
        self.shutdown_read = self.shutdown_write = True
        if self.remote is not None:
            self.ports.connections.pop((self.local, self.remote), None)
        self._release_if_automatic()

    def _release_if_automatic(self) -> None:
        if not self.bound_port:
            self.release_port()

    def wait_out(self, cpu: Cpu) -> None:
        """Its port stays taken for a minute (TIME_WAIT)."""
        if not self.orphan:
            until = cpu.clock + cpu.profile.to_cycles(_TIME_WAIT)
            self.ports.wait_out(self.local.port, self.claim_of(self.local.ip), until)

    def was_reset(self, cpu: Cpu) -> None:
        refused, waited = self.state is TcpState.SYN_SENT, self.state is TcpState.CLOSE_WAIT
        if self.state is TcpState.CLOSE:
            return
        self.error = Errno.ECONNREFUSED if refused else Errno.EPIPE if waited else Errno.ECONNRESET
        self._over()
        self.peer = None
        self.announce(cpu)

    def _reset_peer(self, cpu: Cpu) -> None:
        """Send RST."""
        peer = self.peer
        self._over()
        self.peer = None
        if peer is not None and peer is not self:
            peer.was_reset(cpu)

    def _disconnect(self, cpu: Cpu) -> None:
        """Linux: tcp_disconnect; the socket is as new, but keeps an address that bind gave it."""
        if self.listening:
            self._stop_listening(cpu)
        self.stop_knocking()
        self.error = Errno.ECONNRESET if self.peer is not None or self.state is TcpState.SYN_SENT else None
        if self.peer is not None:
            self._reset_peer(cpu)
        self._over()
        self.forget_inbox()
        self.local = Endpoint(self.bound_ip, self.held_port)
        self.remote = None
        self.connecting = self.connected = self.finished = self.shutdown_read = self.shutdown_write = False

    def close(self, cpu: Cpu) -> None:
        """Linux: __tcp_close. Unread bytes, or SO_LINGER with no time, reset the connection."""
        if self.listening:
            self._stop_listening(cpu)
        self.stop_knocking()
        if self.peer is not None and self.state is not TcpState.CLOSE:
            if self.inbox or self.linger == 0:
                self._reset_peer(cpu)
            else:
                self._finish(cpu)
        if self.state is TcpState.FIN_WAIT2:
            self.wait_out(cpu)
        self.orphan = True
        self.forget_inbox()
        if self.remote is not None:
            self.ports.connections.pop((self.local, self.remote), None)
        super().close(cpu)


class _SynTimer(Timer):
    """Ends a connect that nothing answers."""

    def __init__(self, sock: TcpSocket) -> None:
        self._sock = sock

    def fire(self, cpu: Cpu) -> None:
        self._sock.time_out(cpu)
