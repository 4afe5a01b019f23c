"""/proc/net (net/core/net-procfs.c, net/ipv4/tcp_ipv4.c, udp.c; net/unix/af_unix.c): lo, and the machine's sockets.

Addresses of the kernel are 0, as to a reader without CAP_SYSLOG; so are the counters of lo, which has no packets.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.inet import TcpState
from kernel_model.abi.socket import AF_INET, AF_INET6
from kernel_model.files.proc.text import Folder, Text
from kernel_model.files.sockets.addresses import ANY4, ANY6, Endpoint
from kernel_model.files.sockets.inet import InetSocket
from kernel_model.files.sockets.tcp import TcpSocket
from kernel_model.files.sockets.udp import UdpSocket
from kernel_model.files.sockets.unix import UnixSocket

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.ports import Ports

_WIDTH: Final = {AF_INET: 149, AF_INET6: 0}  # columns that a line is padded to (TMPSZ - 1)
_UDP_WIDTH: Final = {AF_INET: 127, AF_INET6: 0}
_HEADING4: Final = "local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
_HEADING6: Final = (
    "local_address                         remote_address                        st tx_queue rx_queue tr tm->when"
    " retrnsmt   uid  timeout inode"
)
_HEADINGS: Final = {AF_INET: _HEADING4, AF_INET6: _HEADING6}
_DEV: Final = (
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier"
    " compressed\n"
    "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0"
    "          0\n"
)
_ROUTE: Final = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT".ljust(127) + "\n"
_UNCONNECTED, _LISTEN_FLAG, _SS_UNCONNECTED, _SS_CONNECTED = 7, 0x10000, 1, 3


def _tcp(family: int) -> Text:
    return Text(lambda call: _tcp_text(call, family))


def _tcp_text(call: Caller, family: int) -> str:
    heading = f"  sl  {_HEADINGS[family]}".ljust(_WIDTH[family]) + "\n"
    lines: list[str] = []
    for sock in _of(call.kernel.network.tcp, family):
        if isinstance(sock, TcpSocket) and sock.state is not TcpState.CLOSE:
            queued = len(sock.waiting) if sock.listening else len(sock.inbox)
            tail = "1 0000000000000000 100 0 0 10 0" if sock.listening else "1 0000000000000000 20 0 0 10 -1"
            line = _line(len(lines), sock, int(sock.state), queued, tail)
            lines.append(line.ljust(_WIDTH[family]) + "\n")
    return heading + "".join(lines)


def _udp(family: int) -> Text:
    return Text(lambda call: _udp_text(call.kernel.network.udp, family))


def _udp_lite(family: int) -> Text:
    return Text(lambda call: _udp_text(call.kernel.network.udp_lite, family))


def _udp_text(ports: Ports, family: int) -> str:
    heading = f"  {' sl ' if family == AF_INET else 'sl '} {_HEADINGS[family]} ref pointer drops"
    lines = []
    for sock in _of(ports, family):
        if isinstance(sock, UdpSocket):
            state = _UNCONNECTED if sock.remote is None else int(TcpState.ESTABLISHED)
            line = _line(sock.held_port, sock, state, sock.held, "2 0000000000000000 0", number_width=5)
            lines.append(line.ljust(_UDP_WIDTH[family]) + "\n")
    return heading.ljust(_UDP_WIDTH[family]) + "\n" + "".join(lines)


def _of(ports: Ports, family: int) -> list[InetSocket]:
    return [sock for sock in ports.all() if sock.family == family]


def _line(number: int, sock: InetSocket, state: int, received: int, tail: str, number_width: int = 4) -> str:
    remote = sock.remote or Endpoint(sock.any, 0)
    return (
        f"{number:{number_width}}: {_endpoint(sock, sock.local)} {_endpoint(sock, remote)} {state:02X}"
        f" {0:08X}:{received:08X} 00:{0:08X} {0:08X} {0:5} {0:8} {sock.cookie} {tail}"
    )


def _endpoint(sock: InetSocket, endpoint: Endpoint) -> str:
    """An address as words of the host's byte order, and the port."""
    ip = endpoint.ip
    if sock.family == AF_INET6 and len(ip) == len(ANY4):
        ip = ANY6 if ip == ANY4 else bytes(10) + b"\xff\xff" + ip
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("<I", ip)) + f":{endpoint.port:04X}"


def _unix(call: Caller) -> str:
    lines = ["Num       RefCount Protocol Flags    Type St Inode Path\n"]
    for sock in _unix_sockets(call):
        state = _SS_CONNECTED if sock.peer is not None else _SS_UNCONNECTED
        flags = _LISTEN_FLAG if sock.listening else 0
        references = 3 if sock.peer is not None else 2
        name = sock.bound.replace(b"\0", b"@").decode(errors="surrogateescape")
        path = f" {name}" if name else ""
        lines.append(
            f"{0:016}: {references:08X} {0:08X} {flags:08X} {int(sock.kind):04X} {state:02X} {sock.cookie:5}{path}\n"
        )
    return "".join(lines)


def _unix_sockets(call: Caller) -> list[UnixSocket]:
    """Those that processes have open, in the order they were made."""
    found = {file for process in call.kernel.processes.values() for file in process.files.files()}
    return sorted((file for file in found if isinstance(file, UnixSocket)), key=lambda sock: sock.cookie)


def _sockstat(call: Caller) -> str:
    network = call.kernel.network
    tcp = [sock for sock in network.tcp.all() if isinstance(sock, TcpSocket) and sock.state is not TcpState.CLOSE]
    return (
        f"sockets: used {network.memory.sockets}\n"
        f"TCP: inuse {sum(sock.family == AF_INET for sock in tcp)} orphan 0 tw 0 alloc {len(tcp)} mem 0\n"
        f"UDP: inuse {len(_of(network.udp, AF_INET))} mem 0\n"
        f"UDPLITE: inuse {len(_of(network.udp_lite, AF_INET))}\n"
        "RAW: inuse 0\nFRAG: inuse 0 memory 0\n"
    )


NET: Final[Folder] = {
    b"arp": Text(lambda _call: "IP address       HW type     Flags       HW address            Mask     Device\n"),
    b"dev": Text(lambda _call: _DEV),
    b"if_inet6": Text(lambda _call: "00000000000000000000000000000001 01 80 10 80       lo\n"),
    b"route": Text(lambda _call: _ROUTE),
    b"sockstat": Text(_sockstat),
    b"tcp": _tcp(AF_INET),
    b"tcp6": _tcp(AF_INET6),
    b"udp": _udp(AF_INET),
    b"udp6": _udp(AF_INET6),
    b"udplite": _udp_lite(AF_INET),
    b"udplite6": _udp_lite(AF_INET6),
    b"unix": Text(_unix),
}
