"""q and Q packets: what is supported, threads, objects to read (qXfer), monitor commands, system calls to catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from pffemu.arch.paging import USER_END
from pffemu.debug.gdb.arguments import BadPacketError, hex_number, hex_pair, hex_text
from pffemu.debug.gdb.description import target_xml
from pffemu.debug.gdb.packets import PACKET_SIZE
from pffemu.debug.gdb.stop_reply import linux_signal
from pffemu.debug.gdb.target import Target
from pffemu.debug.gdb.thread_id import parse, shown

if TYPE_CHECKING:
    from pffemu.debug.gdb.stub import Stub

_OK: Final = b"OK"
_BAD: Final = b"E01"
_SUPPORTED: Final = (
    "QStartNoAckMode+", "swbreak+", "hwbreak+", "vContSupported+", "ReverseStep+", "ReverseContinue+",
    "QCatchSyscalls+", "qXfer:features:read+", "qXfer:threads:read+", "qXfer:auxv:read+", "qXfer:exec-file:read+",
    "qXfer:memory-map:read+", "qXfer:libraries-svr4:read+", "qXfer:siginfo:read+", "qXfer:siginfo:write+",
    "QPassSignals+",
)  # fmt: skip


def query(stub: Stub, text: str) -> bytes:
    """The reply to `q` + text."""
    name, _, rest = text.partition(":")
    match name:
        case "Supported":
            agreed = stub.processes.agree(rest.split(";"))
            return ";".join((f"PacketSize={PACKET_SIZE:x}", *_SUPPORTED, *agreed)).encode()
        case "C":
            return b"QC" + shown(stub.target.pid_of(stub.last.tid), stub.last.tid, stub.processes.several).encode()
        case "fThreadInfo":
            return b"m" + ",".join(map(stub.shown, stub.threads())).encode()
        case "sThreadInfo":
            return b"l"
        case "Attached":
            return b"0"  # started for this gdb: leaving it ends the guest
        case "Symbol":
            return _OK
        case "Xfer":
            return _transfer(stub, rest)
        case "GetTLSAddr":
            return _thread_local(stub, rest)
        case "MemoryRegionInfo":
            return _memory_region(stub, hex_number(rest))
    if text.startswith("ThreadExtraInfo,"):
        return _extra_info(stub.target, parse(text.partition(",")[2]).tid)
    if text.startswith("Rcmd,"):
        return stub.target.monitor(hex_text(text[5:])).encode().hex().encode() or _OK
    return b""


def set_query(stub: Stub, text: str) -> bytes:
    """The reply to `Q` + text."""
    name, _, rest = text.partition(":")
    match name:
        case "StartNoAckMode":
            stub.no_ack = True
            return _OK
        case "NonStop":
            return _OK if rest == "0" else _BAD  # no non-stop mode: all threads share one virtual time
        case "CatchSyscalls":
            stub.target.catch_syscalls(_syscalls(rest))
            return _OK
        case "PassSignals":
            stub.target.pass_signals([linux_signal(hex_number(number)) for number in rest.split(";") if number])
            return _OK
    return b""


def _syscalls(text: str) -> list[int] | None:
    on, _, numbers = text.partition(";")
    if on not in ("0", "1"):
        raise BadPacketError
    return [hex_number(number) for number in numbers.split(";") if number] if on == "1" else None


def _extra_info(target: Target, tid: int | None) -> bytes:
    for thread in target.threads():
        if thread.tid == tid:
            return f"{thread.name}, core {thread.core}: {thread.doing}".encode().hex().encode()
    return _BAD


def _thread_local(stub: Stub, text: str) -> bytes:
    """`thread,offset,link map`."""
    parts = text.split(",")
    tid = parse(parts[0]).tid
    if len(parts) != 3 or tid is None:
        raise BadPacketError
    address = stub.target.thread_local(tid, hex_number(parts[2]), hex_number(parts[1]))
    return b"%x" % address if address is not None else b"E.the C library has made no thread-local storage here yet"


def _memory_region(stub: Stub, address: int) -> bytes:
    """lldb's question for one area."""
    area = stub.target.area(stub.selected, address)
    fields = [f"start:{area.start:x}", f"size:{area.end - area.start:x}"]
    if area.rights is not None:
        fields += [f"permissions:{area.rights}", *([f"name:{area.name.encode().hex()}"] if area.name else [])]
    return "".join(f"{field};" for field in fields).encode()


# -- qXfer ------------------------------------------------------------------------------------------------------------


def _transfer(stub: Stub, text: str) -> bytes:
    """`object:read:annex:offset,length`: part of an object, behind `l` when it is the last part, else behind `m`."""
    if text.startswith("siginfo:write::"):
        return _write_siginfo(stub.target, text.removeprefix("siginfo:write::"))
    parts = text.split(":")
    if len(parts) != 4 or parts[1] != "read" or parts[0] not in _OBJECTS:
        return b""
    data = _OBJECTS[parts[0]](stub, parts[2])
    if data is None:
        return b"E00"
    offset, length = hex_pair(parts[3])
    part = data[offset : offset + min(length, PACKET_SIZE - 1)]
    return (b"l" if offset + len(part) >= len(data) else b"m") + part


def _write_siginfo(target: Target, text: str) -> bytes:
    """`offset:data`."""
    offset, colon, data = text.partition(":")
    octets = data.encode("latin-1")
    if not colon or not target.write_siginfo(hex_number(offset), octets):
        return _BAD
    return b"%x" % len(octets)


def _features(_stub: Stub, annex: str) -> bytes | None:
    return target_xml() if annex == "target.xml" else None


def _threads(stub: Stub, _annex: str) -> bytes:
    root = Element("threads")
    for thread in stub.threads():
        element = SubElement(root, "thread", id=stub.shown(thread), core=str(thread.core), name=thread.name)
        element.text = thread.doing
    return tostring(root)


def _memory_map(_stub: Stub, _annex: str) -> bytes:
    """All of user space as RAM: any of it may be mapped while the guest runs, and gdb asks once."""
    root = Element("memory-map")
    SubElement(root, "memory", type="ram", start="0x0", length=f"{USER_END:#x}")
    return tostring(root)


def _exec_file(stub: Stub, annex: str) -> bytes:
    """`annex`: the process; empty: that of the thread of Hg."""
    pid = hex_number(annex) if annex else stub.target.pid_of(stub.selected)
    return stub.target.exec_file(pid).encode()


_OBJECTS: Final[dict[str, Callable[[Stub, str], bytes | None]]] = {
    "features": _features,
    "threads": _threads,
    "memory-map": _memory_map,
    "auxv": lambda stub, _: stub.target.auxv(stub.selected),
    "siginfo": lambda stub, _: stub.target.siginfo(),
    "exec-file": _exec_file,
    "libraries-svr4": lambda stub, _: stub.target.libraries(stub.selected),
}
