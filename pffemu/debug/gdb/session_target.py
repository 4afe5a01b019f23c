"""A debugging session as the stub's Target."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from kernel_model.abi.signal import SI_USER
from kernel_model.abi.syscall_names import NAMES
from kernel_model.abi.uapi import AT_NULL, LinuxError
from kernel_model.calls.program import is_script
from kernel_model.files.proc.maps import maps
from kernel_model.files.tree.content import read_whole
from kernel_model.task.siginfo import SIGINFO_SIZE, SigInfo
from kernel_model.task.task import Task, TaskState
from pffemu.arch.paging import PAGE_SIZE
from pffemu.debug import halt as halts
from pffemu.debug import stepping
from pffemu.debug.breakpoints import Access, Breakpoint
from pffemu.debug.gdb import registers, vfile
from pffemu.debug.gdb.description import REGISTERS
from pffemu.debug.gdb.libraries import libraries_xml
from pffemu.debug.gdb.stop_reply import Stopped, Why
from pffemu.debug.gdb.target import Point, PointKind, Thread
from pffemu.debug.session import Session
from pffemu.debug.stepping import Movement
from pffemu.debug.stops import Catch
from pffemu.errors import OutOfGuestMemory, UsageError
from pffemu.events.details import SignalTaken
from pffemu.events.kernel import Syscall, SyscallReturned
from pffemu.host_files import read_regular
from pffemu.hw.cpu import Cpu
from pffemu.machine.stop import Exited, Killed

_NUMBERS: Final = {name: number for number, name in NAMES.items()}
_FILE_MAX: Final = vfile.MOST_BYTES
_TICK: Final = 0.05  # seconds between checks for a request to stop
_ACCESS: Final = {PointKind.WRITE: Access.WRITE, PointKind.READ: Access.READ, PointKind.ACCESS: Access.ANY}
_WATCHED: Final = {Access.WRITE: Why.WATCH, Access.READ: Why.READ_WATCH, Access.ANY: Why.ACCESS_WATCH}
_WHY: Final = {halts.Why.INTERRUPTED: Why.INTERRUPTED, halts.Why.HISTORY: Why.HISTORY_BEGIN}


class SessionTarget:
    """`monitor_command` answers gdb's `monitor LINE`. A guest that dies stops before its end, for gdb to look at."""

    def __init__(self, session: Session, executable: Path, monitor_command: Callable[[str], str]) -> None:
        self._session, self._executable = session, executable.resolve()
        self._is_script = _is_script(self._executable)
        self._monitor_command = monitor_command
        self._points: dict[Point, int] = {}  # gdb's point -> number of the session's breakpoint
        self._wanted = False  # whether a stop is requested
        self._siginfo: bytes | None = None  # siginfo_t that gdb has written since the last stop
        self._dropped: SigInfo | None = None  # the signal that gdb kept from the thread, and may send later
        self._last = Stopped(Why.STEP, session.tid)
        self._auxv = self._read_auxv()
        self.pass_signals(())

    # -- looking ------------------------------------------------------------------------------------------------

    def threads(self) -> list[Thread]:
        tasks = self._session.tasks
        return [Thread(task.tid, task.cpu_index, task.process.name, self._doing(task)) for task in tasks] or [
            Thread(self._session.tid, self._session.cpu.index, self._session.machine.process.name, "dead")
        ]

    def read_registers(self, tid: int) -> bytes:
        task, saved = self._session.task(tid), self._session.saved_registers(tid)
        cpu = self._core(task)
        return b"".join(registers.read(register, saved, task, cpu) for register in REGISTERS)

    def read_register(self, tid: int, number: int) -> bytes:
        task = self._session.task(tid)
        return registers.read(REGISTERS[number], self._session.saved_registers(tid), task, self._core(task))

    def write_register(self, tid: int, number: int, value: bytes) -> bool:
        task = self._session.task(tid)
        if task is None:
            return False
        saved = registers.write(REGISTERS[number], value, self._session.saved_registers(tid), task, self._core(task))
        try:
            self._session.write_registers(tid, saved)
        except UsageError:
            return False
        return True

    def read_memory(self, tid: int, address: int, size: int) -> bytes:
        return self._session.read_memory(address, size, tid)

    def write_memory(self, tid: int, address: int, data: bytes) -> bool:
        try:
            self._session.write_memory(address, data, tid)
        except (UsageError, OutOfGuestMemory):
            return False
        return True

    def auxv(self) -> bytes:
        return self._auxv

    def libraries(self) -> bytes:
        session = self._session
        headers, _, count = session.process.image.phdr

        def read(address: int, size: int) -> bytes:
            return session.read_memory(address, size, session.tid)

        return libraries_xml(read, headers, count)

    def read_file(self, path: str) -> bytes | None:
        if path == str(self._executable) and not self._is_script:
            with suppress(OSError):
                return read_regular(self._executable, _FILE_MAX)
        try:
            place = self._session.machine.kernel.tree.walk(None, os.fsencode(path), None)
            return read_whole(place, _FILE_MAX)
        except LinuxError:
            return None

    def exec_file(self) -> str:
        """The program's path on the host; of a script's interpreter in the guest."""
        return self._session.machine.process.exe if self._is_script else str(self._executable)

    def maps(self) -> str:
        return maps(self._session.machine.process)

    def monitor(self, line: str) -> str:
        return self._monitor_command(line)

    # -- stopping places ----------------------------------------------------------------------------------------

    def set_points(self, points: Collection[Point]) -> bool:
        breakpoints = self._session.breakpoints  # `monitor delete` may have removed some that gdb set
        self._points = {point: number for point, number in self._points.items() if number in breakpoints}
        for point in self._points.keys() - set(points):
            breakpoints.remove(self._points.pop(point))
        for point in sorted(set(points) - self._points.keys(), key=lambda point: point.address):
            try:
                self._points[point] = breakpoints.add(self._breakpoint(point)).number
            except UsageError:
                return False
        return True

    def catch_syscalls(self, numbers: Collection[int] | None) -> None:
        self._session.stops.catch = None if numbers is None else Catch(frozenset(numbers) or None)

    def pass_signals(self, numbers: Collection[int] | None) -> None:
        self._session.stops.signals = numbers

    def send_signal(self, tid: int, number: int) -> bool:
        info = SigInfo.from_user(number, SI_USER, 0, 0)
        if self._siginfo is not None and int.from_bytes(self._siginfo[:4], "little") == number:
            known = self._dropped is not None and self._dropped.pack() == self._siginfo
            info = self._dropped if self._dropped and known else SigInfo.unpack(self._siginfo, number)
        try:
            self._session.send_signal(tid, info)
        except UsageError:
            return False
        return True

    def drop_signal(self) -> bool:
        try:
            self._dropped = self._session.drop_signal()
        except UsageError:
            return False
        return True

    def siginfo(self) -> bytes | None:
        event = self._session.halt.event
        return self._siginfo or (event.siginfo if type(event) is SignalTaken else None)

    def write_siginfo(self, offset: int, data: bytes) -> bool:
        if offset < 0 or offset + len(data) > SIGINFO_SIZE or self._session.task(self._session.tid) is None:
            return False
        before = self.siginfo() or bytes(SIGINFO_SIZE)
        self._siginfo = before[:offset] + data + before[offset + len(data) :]
        return True

    @property
    def siginfo_written(self) -> bool:
        return self._siginfo is not None

    # -- moving -------------------------------------------------------------------------------------------------

    def current(self) -> Stopped:
        return self._last

    def cont(self) -> Stopped:
        return self._move(stepping.RESUME)

    def step(self, tid: int) -> Stopped:
        self._session.tid = tid
        return self._move(stepping.STEP)

    def step_range(self, tid: int, start: int, end: int) -> Stopped:
        while True:
            stopped = self.step(tid)
            inside = start <= self._session.register(tid, "rip") < end if stopped.tid == tid else False
            if stopped.why is not Why.STEP or not inside or self._wanted:
                return stopped

    def reverse_step(self, tid: int) -> Stopped:
        self._session.tid = tid
        return self._move(stepping.REVERSE_STEP)

    def reverse_continue(self) -> Stopped:
        return self._move(stepping.REVERSE_RESUME)

    def interrupt(self) -> None:
        self._wanted = True

    def forget_interrupt(self) -> None:
        self._wanted = False

    def _move(self, movement: Movement) -> Stopped:
        self._siginfo = None
        self._session.begin(movement)
        while (halt := self._session.wait(_TICK)) is None:
            if self._wanted:
                self._session.interrupt()
        self._last = self._stopped(halt)
        return self._last

    def _stopped(self, halt: halts.Halt) -> Stopped:
        event, outcome = halt.event, halt.outcome
        if isinstance(outcome, Exited):
            return Stopped(Why.EXITED, halt.tid, outcome.status)
        if isinstance(outcome, Killed):
            return Stopped(Why.KILLED, halt.tid, outcome.signal, str(outcome))
        if outcome is not None:
            return Stopped(Why.DEADLOCK, halt.tid, message=str(outcome))
        if halt.why is halts.Why.WATCHPOINT:
            access = self._session.breakpoints.get(halt.breakpoint).access or Access.WRITE
            return Stopped(_WATCHED[access], halt.tid, halt.address)
        if halt.why is halts.Why.EVENT and type(event) is Syscall:
            return Stopped(Why.SYSCALL_ENTRY, halt.tid, event.number)
        if halt.why is halts.Why.EVENT and type(event) is SyscallReturned:
            return Stopped(Why.SYSCALL_RETURN, halt.tid, _NUMBERS[event.name])
        if halt.why is halts.Why.EVENT and type(event) is SignalTaken:
            self._session.tid = event.target
            return Stopped(Why.SIGNAL, event.target, event.signal)
        if halt.why is halts.Why.BREAKPOINT:
            return Stopped(self._breakpoint_at(halt.rip), halt.tid)
        return Stopped(_WHY.get(halt.why, Why.STEP), halt.tid)

    def _breakpoint_at(self, address: int) -> Why:
        """The reason of a stop there: gdb's own breakpoint, or one of `monitor break`, which gdb does not know."""
        kinds = {point.kind for point in self._points if point.address == address}
        if PointKind.SOFTWARE in kinds:
            return Why.BREAKPOINT
        return Why.HARDWARE_BREAKPOINT if PointKind.HARDWARE in kinds else Why.STEP

    # -- shared -------------------------------------------------------------------------------------------------

    def _core(self, task: Task | None) -> Cpu:
        return self._session.machine.cpus[task.cpu_index] if task is not None else self._session.cpu

    def _doing(self, task: Task) -> str:
        if task.state is TaskState.BLOCKED:
            return f"asleep: {task.why}"
        return "running" if self._core(task).tid == task.tid else "ready"

    def _breakpoint(self, point: Point) -> Breakpoint:
        """The session's breakpoint for gdb's. Watchpoints watch the first process: gdb knows no other."""
        if point.kind not in _ACCESS:
            return Breakpoint(0, f"*{point.address:#x}", address=point.address)
        pid, access = self._session.machine.process.pid, _ACCESS[point.kind]
        return Breakpoint(
            0, f"watch {point.address:#x}", access=access, watched=point.address, size=point.size, pid=pid
        )

    def _read_auxv(self) -> bytes:
        """The auxiliary vector on the initial stack; empty when the program has already run."""
        session = self._session
        if session.machine.instructions:
            return b""
        at = session.register(session.tid, "rsp")
        stack = self.read_memory(session.tid, at, PAGE_SIZE - at % PAGE_SIZE)
        words = list(struct.unpack(f"<{len(stack) // 8}Q", stack[: len(stack) // 8 * 8]))
        try:
            begin = words.index(0, words.index(0, 1 + words[0]) + 1) + 1
            pairs = range(begin, len(words) - 1, 2)
            end = next(i for i in pairs if words[i] == AT_NULL) + 2
        except (ValueError, StopIteration, IndexError):
            return b""
        return stack[8 * begin : 8 * end]


def _is_script(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return is_script(opened.read(2))
    except OSError:
        return False
