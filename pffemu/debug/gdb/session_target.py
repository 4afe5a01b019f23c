"""A debugging session as the stub's Target."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from kernel_model.abi.signal import SI_USER
from kernel_model.abi.syscall_names import NAMES
from kernel_model.abi.uapi import LinuxError, Signal
from kernel_model.calls.program import is_script
from kernel_model.files.tree.content import read_whole
from kernel_model.task.siginfo import SIGINFO_SIZE, SigInfo
from kernel_model.task.task import Process, Task, TaskState
from pffemu.debug import halt as halts
from pffemu.debug import stepping
from pffemu.debug.breakpoints import Access, Breakpoint
from pffemu.debug.gdb import proc_files, registers, thread_local, vfile
from pffemu.debug.gdb.areas import area_at
from pffemu.debug.gdb.description import REGISTERS
from pffemu.debug.gdb.libraries import libraries_xml
from pffemu.debug.gdb.stop_reply import Stopped, Why
from pffemu.debug.gdb.symbol_file import symbol_file
from pffemu.debug.gdb.target import Area, Point, PointKind, Thread
from pffemu.debug.session import Session
from pffemu.debug.source_lines import ASSEMBLY, assemble_file
from pffemu.debug.stepping import Movement
from pffemu.debug.stops import Catch
from pffemu.errors import OutOfGuestMemory, UsageError
from pffemu.events.details import SignalTaken
from pffemu.events.kernel import ProcessExited, Syscall, SyscallReturned, ThreadCreated
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
        self._ends: dict[int, int] = {}  # status of each process that has ended
        self._followed: Collection[int] | None = None
        self._execs = False
        self._last = Stopped(Why.STEP, session.tid)
        session.stops.also = self._is_news
        self.pass_signals(())

    # -- looking ------------------------------------------------------------------------------------------------

    def threads(self) -> list[Thread]:
        tasks = self._session.tasks
        first = self._session.machine.process
        return [
            Thread(task.process.pid, task.tid, task.cpu_index, task.process.name, self._doing(task)) for task in tasks
        ] or [Thread(first.pid, self._session.tid, self._session.cpu.index, first.name, "dead")]

    def pid_of(self, tid: int) -> int:
        return self._session.pid_of(tid)

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

    def auxv(self, tid: int) -> bytes:
        return self._process(tid).mm.layout.auxv

    def libraries(self, tid: int) -> bytes:
        headers, _, count = self._process(tid).image.phdr
        return libraries_xml(self._reader(tid), headers, count)

    def thread_local(self, tid: int, link_map: int, offset: int) -> int | None:
        headers, _, count = self._process(tid).image.phdr
        block = thread_local.block(self._reader(tid), self._session.register(tid, "fs_base"), headers, count, link_map)
        return None if block is None else block + offset

    def area(self, tid: int, address: int) -> Area:
        return area_at(self._process(tid), address)

    def read_file(self, path: str) -> bytes | None:
        path = self.read_link(path) or path  # /proc/PID/exe
        if path == str(self._executable) and not self._is_script:
            with suppress(OSError):
                return self._symbols or read_regular(self._executable, _FILE_MAX)
        kernel = self._session.machine.kernel
        if (found := proc_files.read(kernel.processes, path)) is not None:
            return found
        try:
            return read_whole(kernel.tree.walk(None, os.fsencode(path), None), _FILE_MAX)
        except LinuxError:
            return None

    def read_link(self, path: str) -> str | None:
        return proc_files.read_link(self._session.machine.kernel.processes, path, self.exec_file)

    def exec_file(self, pid: int) -> str:
        """The program's path on the host; of a script's interpreter, and of what was executed later, in the guest."""
        process = self._session.machine.kernel.processes.get(pid, self._session.machine.process)
        return process.exe if self._is_script or process.has_execed else str(self._executable)

    @cached_property
    def _symbols(self) -> bytes:
        """An ELF with the symbols and lines of a program in assembly; empty of others, which have their own."""
        if self._executable.suffix.lower() not in ASSEMBLY:
            return b""
        return symbol_file(assemble_file(self._executable), self._executable)

    def _process(self, tid: int) -> Process:
        task = self._session.task(tid)
        return self._session.machine.process if task is None else task.process

    def _reader(self, tid: int) -> Callable[[int, int], bytes]:
        return lambda address, size: self._session.read_memory(address, size, tid)

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

    def follow(self, pids: Collection[int] | None, *, execs: bool = False) -> None:
        self._followed, self._execs, self._session.stops.pids = pids, execs, pids

    def _is_news(self, mark: Any) -> bool:
        """Whether the mark is a fork, an execve or an end that gdb wants to stop at."""
        if type(mark) is ProcessExited:
            self._ends[mark.pid] = mark.status
        if self._followed is None:
            return False
        if type(mark) is ThreadCreated:
            return self.pid_of(mark.tid) in self._followed and mark.child in self._session.machine.kernel.processes
        if type(mark) is ProcessExited:  # the end of the first process alone is the guest's
            return mark.pid in self._followed and set(self._followed) != {self._session.machine.process.pid}
        return self._execs and _has_execed(mark) and self.pid_of(mark.tid) in self._followed

    def end_of(self, pid: int) -> int | None:
        return self._ends.get(pid)

    def kill(self, pid: int) -> None:
        task = next((task for task in self._session.tasks if task.process.pid == pid), None)
        if task is not None:
            self._session.send_signal(task.tid, SigInfo.from_user(Signal.SIGKILL, SI_USER, 0, 0))

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
        first = self._session.machine.process.pid
        if isinstance(outcome, Exited):
            return Stopped(Why.EXITED, halt.tid, outcome.status, first)
        if isinstance(outcome, Killed):
            return Stopped(Why.KILLED, halt.tid, outcome.signal, first, message=str(outcome))
        if outcome is not None:
            return Stopped(Why.DEADLOCK, halt.tid, message=str(outcome))
        if halt.why is halts.Why.EVENT and self._followed is not None:
            if type(event) is ThreadCreated:
                return Stopped(Why.FORKED, halt.tid, event.child)
            if type(event) is ProcessExited:
                return Stopped(Why.PROCESS_ENDED, halt.tid, event.status, event.pid)
            if _has_execed(event) and self._execs:
                return Stopped(Why.EXECED, halt.tid, path=self.exec_file(self.pid_of(halt.tid)))
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
            return Stopped(self._breakpoint_at(halt.rip, self.pid_of(halt.tid)), halt.tid)
        return Stopped(_WHY.get(halt.why, Why.STEP), halt.tid)

    def _breakpoint_at(self, address: int, pid: int) -> Why:
        """The reason of a stop there: gdb's own breakpoint, or one of `monitor break`, which gdb does not know."""
        kinds = {point.kind for point in self._points if point.address == address and point.pid in (0, pid)}
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
        """The session's breakpoint for gdb's."""
        if point.kind not in _ACCESS:
            return Breakpoint(0, f"*{point.address:#x}", address=point.address, pid=point.pid or None)
        pid, access = point.pid or self._session.machine.process.pid, _ACCESS[point.kind]
        return Breakpoint(
            0, f"watch {point.address:#x}", access=access, watched=point.address, size=point.size, pid=pid
        )


def _has_execed(mark: Any) -> bool:
    return type(mark) is SyscallReturned and mark.name in ("execve", "execveat") and not mark.result


def _is_script(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return is_script(opened.read(2))
    except OSError:
        return False
