"""Handles gdb's packets, one at a time, on a Target. An empty reply means "not supported", by the protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from pffemu.debug.gdb import queries, resume, vfile
from pffemu.debug.gdb.arguments import BadPacketError, hex_bytes, hex_number, hex_pair
from pffemu.debug.gdb.description import NUMBER_OF, REGISTERS
from pffemu.debug.gdb.packets import PACKET_SIZE
from pffemu.debug.gdb.processes import Processes
from pffemu.debug.gdb.stop_reply import SIGKILL, Stopped, Why, end_reply, gdb_signal, linux_signal, stop_reply
from pffemu.debug.gdb.target import Point, PointKind, Target, Thread
from pffemu.debug.gdb.thread_id import ThreadId, parse, shown
from pffemu.errors import PffemuError
from pffemu.hw.fill import WATCHED_MAX

OK: Final = b"OK"
BAD: Final = b"E01"  # malformed, or not possible here
HELD: Final = b"E.the thread is gone, or in the middle of a step: nothing can be changed here (stepi first)"
NO_MEMORY: Final = b"E0e"  # EFAULT
NO_THREAD: Final = b"E03"  # ESRCH
NO_SPACE: Final = b"E.too many breakpoints, or more than %d pages to watch" % WATCHED_MAX
_EXPEDITED: Final = tuple(NUMBER_OF[name] for name in ("rbp", "rsp", "rip"))
_ENDED: Final = (Why.EXITED, Why.KILLED)


class Stub:
    """The state of one gdb connection. `handle` never raises for what gdb sends."""

    def __init__(self, target: Target) -> None:
        self.target: Target = target
        self.no_ack = False
        self.done = False  # gdb has killed the guest or detached: the server ends
        self.detached = False
        self.last: Stopped = target.current()
        self.processes = Processes(target)
        self.selected: int = self.last.tid  # thread of Hg, for registers and memory
        self.stepping = self.last.tid  # thread of Hc, for the packets that are older than vCont
        self.points: set[Point] = set()
        self.files = vfile.OpenFiles()
        self.said: list[str] = []  # lines for the user, to be shown before the next stop
        self._handlers: dict[str, Callable[[str], bytes | None]] = {
            "?": lambda _: self._stop_reply(),
            "g": self._read_registers, "G": self._write_registers, "p": self._read_register, "P": self._write_register,
            "m": self._read_memory, "M": self._write_memory,
            "H": self._select, "T": self._alive, "Z": self._insert, "z": self._remove,
            **{kind: partial(self._resume_old, kind) for kind in "cCsS"},
            "b": self._reverse, "v": self._v, "k": self._kill_all, "D": self._detach,
            "q": lambda text: queries.query(self, text), "Q": lambda text: queries.set_query(self, text),
        }  # fmt: skip

    def handle(self, packet: bytes) -> bytes | None:
        """The reply to a packet's data; None when no reply is due."""
        if packet[:1] == b"X":
            return self._guarded(self._write_binary, packet[1:])
        text = packet.decode("latin-1")
        handler = self._handlers.get(text[:1])
        return b"" if handler is None else self._guarded(handler, text[1:])

    def _guarded(self, handler: Callable[..., bytes | None], argument: str | bytes) -> bytes | None:
        try:
            return handler(argument)
        except BadPacketError:
            return BAD
        except PffemuError as error:
            return b"E." + str(error).encode("ascii", "replace")

    # -- registers ----------------------------------------------------------------------------------------------

    def _read_registers(self, _text: str) -> bytes:
        return self.target.read_registers(self.selected).hex().encode()

    def _write_registers(self, text: str) -> bytes:
        values = hex_bytes(text)
        if len(values) != sum(register.size for register in REGISTERS):
            return BAD
        at, done = 0, True
        for number, register in enumerate(REGISTERS):
            done &= self.target.write_register(self.selected, number, values[at : at + register.size])
            at += register.size
        return OK if done else HELD

    def _read_register(self, text: str) -> bytes:
        number = hex_number(text)
        if number >= len(REGISTERS):
            return BAD
        return self.target.read_register(self.selected, number).hex().encode()

    def _write_register(self, text: str) -> bytes:
        number, _, value = text.partition("=")
        if hex_number(number) >= len(REGISTERS) or len(value) != 2 * REGISTERS[hex_number(number)].size:
            return BAD
        return OK if self.target.write_register(self.selected, hex_number(number), hex_bytes(value)) else HELD

    # -- memory -------------------------------------------------------------------------------------------------

    def _read_memory(self, text: str) -> bytes:
        address, size = hex_pair(text)
        size = min(size, PACKET_SIZE // 2)
        data = self.target.read_memory(self.selected, address, size)
        return data.hex().encode() if data or not size else NO_MEMORY

    def _write_memory(self, text: str) -> bytes:
        where, colon, data = text.partition(":")
        if not colon:
            raise BadPacketError
        return self._write_bytes(*hex_pair(where), hex_bytes(data))

    def _write_binary(self, data: bytes) -> bytes:
        where, colon, octets = data.partition(b":")
        if not colon:
            raise BadPacketError
        return self._write_bytes(*hex_pair(where.decode("latin-1")), octets)

    def _write_bytes(self, address: int, size: int, data: bytes) -> bytes:
        if size != len(data):
            return BAD
        return OK if not data or self.target.write_memory(self.selected, address, data) else NO_MEMORY

    # -- threads ------------------------------------------------------------------------------------------------

    def _select(self, text: str) -> bytes:
        what, thread = text[:1], parse(text[1:])
        if what not in ("g", "c") or len(text) < 2:
            return BAD
        tid = self._thread(thread)
        if tid is None:
            return NO_THREAD
        if what == "g":
            self.selected = tid
        else:
            self.stepping = tid
        return OK

    def _alive(self, text: str) -> bytes:
        return OK if self._exists(parse(text).tid) else NO_THREAD

    def _exists(self, tid: int | None) -> bool:
        return any(thread.tid == tid for thread in self.target.threads())

    def _thread(self, named: ThreadId) -> int | None:
        """The thread that is meant, of those that live; None: there is none."""
        found = [each.tid for each in self.target.threads() if named.includes(each.pid, each.tid)]
        return self.last.tid if self.last.tid in found else next(iter(found), None)

    def threads(self) -> list[Thread]:
        """Those that gdb knows of."""
        return [each for each in self.target.threads() if self.processes.knows(each.pid)]

    def shown(self, thread: Thread) -> str:
        """Its id in packets."""
        return shown(thread.pid, thread.tid, self.processes.several)

    # -- stopping places ----------------------------------------------------------------------------------------

    def _insert(self, text: str) -> bytes:
        point = self._point(text)
        if not self.target.set_points(self.points | {point}):
            self.target.set_points(self.points)
            return NO_SPACE
        self.points.add(point)
        return OK

    def _remove(self, text: str) -> bytes:
        self.points.discard(self._point(text))
        self.target.set_points(self.points)
        return OK

    def _point(self, text: str) -> Point:
        """In the process of the thread of Hg."""
        point = _point(text)
        return replace(point, pid=self.target.pid_of(self.selected)) if self.processes.several else point

    # -- running ------------------------------------------------------------------------------------------------

    def _v(self, text: str) -> bytes | None:
        if text == "Cont?":
            return resume.SUPPORTED
        if text.startswith("Cont;"):
            action = resume.parse_vcont(text[5:], self.last.tid)
            return OK if action is None else self._resume(action)
        if text.startswith("Kill"):
            return self._kill(text[5:])
        return vfile.handle(self.files, self.target, text[5:]) if text.startswith("File:") else b""

    def _reverse(self, text: str) -> bytes | None:
        self.target.follow(None)
        match text:
            case "s":
                return self._stopped(self.target.reverse_step(self.stepping))
            case "c":
                return self._stopped(self.target.reverse_continue())
        return b""

    def _resume_old(self, kind: str, text: str) -> bytes:
        return self._resume(resume.parse_old(kind + text, self.stepping))

    def _resume(self, how: resume.Resume) -> bytes:
        if self.last.why in _ENDED:
            return self._stop_reply()
        if (news := self.processes.next_end()) is not None:
            return self._stopped(news)
        if (refusal := self._signal(how)) is not None:
            return refusal
        self.target.set_points({each for each in self.points if not each.pid or how.runs(each.pid)})
        self.processes.follow(how)
        if how.step is None:
            return self._stopped(self.target.cont())
        if not self._exists(how.step):
            return NO_THREAD
        if how.span is None:
            return self._stopped(self.target.step(how.step))
        return self._stopped(self.target.step_range(how.step, *how.span))

    def _signal(self, how: resume.Resume) -> bytes | None:
        """Send the signal that the resumption names, and drop those it leaves out; an error reply if impossible."""
        stands = self.last.why is Why.SIGNAL and how.names(self.target.pid_of(self.last.tid), self.last.tid)
        standing = gdb_signal(self.last.value) if stands else 0
        if standing and (how.signal, how.signalled) == (standing, self.last.tid) and not self.target.siginfo_written:
            return None
        if how.signal and not (linux_signal(how.signal) and self._exists(how.signalled)):
            return b"E.Linux has no such signal, or the thread is gone"
        if standing:
            self.target.drop_signal()
        if how.signal and not self.target.send_signal(how.signalled, linux_signal(how.signal)):
            return b"E.no signal can be sent in the middle of a step: stepi first"
        return None

    def _stopped(self, found: Stopped) -> bytes:
        self.last = stopped = self.processes.told(found)
        if stopped.message:
            self.said.append(stopped.message)
        self.selected = self.stepping = stopped.tid
        self.done = stopped.why in _ENDED
        if stopped.why is Why.PROCESS_ENDED and not self.processes.left:
            self._leave()
        return self._stop_reply()

    def _stop_reply(self) -> bytes:
        if self.last.why in (*_ENDED, Why.PROCESS_ENDED):
            return end_reply(self.last, self.processes.several)
        thread = next((each for each in self.target.threads() if each.tid == self.last.tid), None)
        name = self.shown(thread) if thread is not None else f"{self.last.tid:x}"
        values = {number: self.target.read_register(self.last.tid, number) for number in _EXPEDITED}
        return stop_reply(self.last, name, thread.core if thread is not None else 0, values)

    def _kill_all(self, _text: str) -> bytes:
        """`k`. gdb reads no reply, lldb waits for one."""
        self.done = True
        return b"X%02x" % SIGKILL

    def _kill(self, text: str) -> bytes:
        """One process of several, or the guest."""
        if text and self.processes.several:
            pid = hex_number(text)
            self.processes.forget(pid)
            self.done = not self.processes.left
            if not self.done:
                self.target.kill(pid)
        else:
            self.done = True
        return OK

    def _detach(self, text: str) -> bytes:
        """One process of several, or the guest: it runs on."""
        if text.startswith(";") and self.processes.several:
            pid = hex_number(text[1:])
            self.processes.forget(pid)
            self.points = {point for point in self.points if point.pid != pid}
            self.target.set_points(self.points)
            if self.processes.left:
                return OK
        self._leave()
        return OK

    def _leave(self) -> None:
        """gdb is done, and the guest runs on without it."""
        self.done = self.detached = True
        self.target.set_points(())
        self.target.catch_syscalls(None)
        self.target.pass_signals(None)
        self.target.follow(None)


def _point(text: str) -> Point:
    """`kind,address,size`; conditions and commands behind a `;` were not offered in qSupported."""
    parts = text.partition(";")[0].split(",")
    if len(parts) != 3 or parts[0] not in ("0", "1", "2", "3", "4"):
        raise BadPacketError
    kind, size = PointKind(int(parts[0])), hex_number(parts[2])
    watches = kind not in (PointKind.SOFTWARE, PointKind.HARDWARE)
    if watches and not size:
        raise BadPacketError
    return Point(kind, hex_number(parts[1]), size if watches else 0)
