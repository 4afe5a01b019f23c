"""The stage of the sleeping threads' test: what they may sleep in, and what the hand does to end it."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.files import F_SETPIPE_SZ, O_NONBLOCK
from kernel_model.abi.signal import SA_ONSTACK, SA_RESTART, SIG_BLOCK
from kernel_model.abi.uapi import Signal, Sys
from kernel_model.task.signals import mask_of
from kernel_model.task.task import Task, TaskState
from kernel_model.wait.queue import Interruptible
from pffemu.events.signals import SignalDelivered
from tests.guest_tools import PAGE, REGION, SMALL_RAM
from tests.puppets import BOXES, CALL, LOAD, SCRATCH, STORE, STUI, Puppets, puppet_run

PAGES: Final = 6  # of the userfaultfd region
ALT_STACK: Final = REGION + 4 * PAGE  # two of them: the second thread's signal stack
AWAITED: Final = 34  # a signal that every thread blocks
SA_RESTORER: Final = 0x0400_0000
_FOREVER: Final = (1 << 64) - 1
_FUTEX_WAIT: Final = uapi.FUTEX_WAIT | uapi.FUTEX_PRIVATE_FLAG
_THREAD: Final = uapi.CLONE_VM | uapi.CLONE_FS | uapi.CLONE_FILES | uapi.CLONE_SIGHAND | uapi.CLONE_THREAD
_FEATURES: Final = uffd_abi.FEATURE_EVENT_FORK | uffd_abi.FEATURE_EVENT_REMOVE
# offsets in a thread's scratch memory
SHORT, LONG, POLLFD, EVENT, WANTED, NOTHING, WAITERS, BUFFER, REST = 0, 16, 32, 48, 64, 72, 80, 128, 192
Words = tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """A way to sleep. `words`: number and arguments, given the stage and the thread's scratch memory.

    `answers`: results beside EINTR. `late`: those that only the passing of its time gives.
    """

    name: str
    words: Callable[[Stage, int], Words]
    kind: Interruptible
    answers: Callable[[int], bool]
    late: tuple[int, ...] = ()
    op: int = CALL
    child: bool = False
    receivers_only: bool = False


def _is(*values: int) -> Callable[[int], bool]:
    return lambda result: result in values


def _positive(result: int) -> bool:
    return result > 0


def _page(number: int) -> int:
    return REGION + number * PAGE


_SYS, _HAND, _EINTR, _NO = (
    Interruptible.ERESTARTSYS, Interruptible.ERESTARTNOHAND, Interruptible.EINTR, Interruptible.NO
)  # fmt: skip
_TIMEDOUT, _AGAIN, _CHILD = -errno.ETIMEDOUT, -errno.EAGAIN, -errno.ECHILD
_WAYS: Final = (
    Way("futex", lambda s, m: (Sys.FUTEX, s.word, _FUTEX_WAIT, 0, 0), _SYS, _is(0)),
    Way("futex short", lambda s, m: (Sys.FUTEX, s.word, _FUTEX_WAIT, 0, m + SHORT), _HAND, _is(0), (_TIMEDOUT,)),
    Way("futex long", lambda s, m: (Sys.FUTEX, s.word, _FUTEX_WAIT, 0, m + LONG), _HAND, _is(0), (_TIMEDOUT,)),
    Way("futex_waitv", lambda s, m: (Sys.FUTEX_WAITV, m + WAITERS, 2, 0, 0, 0), _SYS, _is(0, 1)),
    Way("poll", lambda s, m: (Sys.POLL, m + POLLFD, 2, _FOREVER), _HAND, _is(1, 2)),
    Way("poll long", lambda s, m: (Sys.POLL, m + POLLFD, 2, 1), _HAND, _is(1, 2), (0,)),
    Way("ppoll", lambda s, m: (Sys.PPOLL, m + POLLFD, 1, m + REST, m + NOTHING, 8), _HAND, _is(1), (0,)),
    Way("epoll", lambda s, m: (Sys.EPOLL_WAIT, s.epoll, m + EVENT, 1, _FOREVER), _EINTR, _is(1)),
    Way("epoll long", lambda s, m: (Sys.EPOLL_WAIT, s.epoll, m + EVENT, 1, 1), _EINTR, _is(1), (0,)),
    Way("nanosleep", lambda s, m: (Sys.NANOSLEEP, m + LONG, 0), _HAND, _is(), (0,)),
    Way("read", lambda s, m: (Sys.READ, s.pipe[0], m + BUFFER, 16), _SYS, _positive),
    Way("write", lambda s, m: (Sys.WRITE, s.small[1], s.zeros, 12_000), _SYS, _positive),
    Way("sigtimedwait", lambda s, m: (Sys.RT_SIGTIMEDWAIT, m + WANTED, 0, 0, 8), _EINTR, _is(AWAITED)),
    Way("sigtimedwait long", lambda s, m: (Sys.RT_SIGTIMEDWAIT, m + WANTED, 0, m + LONG, 8), _EINTR, _is(AWAITED),
        (_AGAIN,)),
    Way("sigsuspend", lambda s, m: (Sys.RT_SIGSUSPEND, m + NOTHING, 8), _HAND, _is()),
    Way("pause", lambda s, m: (Sys.PAUSE,), _HAND, _is()),
    Way("uintr_wait", lambda s, m: (Sys.UINTR_WAIT, 300, 0), _EINTR, _is(), (0,), receivers_only=True),
    Way("wait4", lambda s, m: (Sys.WAIT4, _FOREVER, 0, 0, 0), _SYS, lambda result: result > 0 or result == _CHILD),
    Way("load 0", lambda s, m: (0, _page(0)), _SYS, lambda result: result >= 0, op=LOAD),
    Way("load 1", lambda s, m: (0, _page(1) + 8), _SYS, lambda result: result >= 0, op=LOAD),
    Way("store 1", lambda s, m: (0, _page(1)), _SYS, _is(0), op=STORE),
    Way("read to 2", lambda s, m: (Sys.READ, s.pipe[0], _page(2), 16), _SYS, _positive),
    Way("poll in 3", lambda s, m: (Sys.POLL, _page(3), 1, 1), _HAND, _is(1), (0,)),
    Way("nanosleep of 3", lambda s, m: (Sys.NANOSLEEP, _page(3), 0), _HAND, _is(0), (0,)),
    Way("madvise", lambda s, m: (Sys.MADVISE, _page(0), 2 * PAGE, 4), _NO, _is(0)),
    Way("fork", lambda s, m: (Sys.FORK,), _NO, _positive, child=True),
    Way("vfork", lambda s, m: (Sys.VFORK,), _NO, _positive, child=True),
    Way("exit", lambda s, m: (Sys.EXIT, 0), _NO, _is()),
)  # fmt: skip
WAYS: Final = {way.name: way for way in _WAYS}


@dataclass
class Command:
    """What a thread is in. `handlers`: the SA_RESTART bits of those that ran since it began."""

    way: Way
    done: int  # how often the thread had answered before
    deadline: int | None = None
    handlers: list[bool] = field(default_factory=list)
    interrupts: bool = False  # a user interrupt, or its timer, may have come


class Stage:
    """The hand's files and memory, and the threads that sleep: `commands` by thread number."""

    def __init__(self) -> None:
        self.puppets = Puppets(puppet_run(ram=SMALL_RAM))
        self.machine = self.puppets.machine
        self.commands: dict[int, Command] = {}
        self.vectors: dict[int, int] = {}  # by thread: the index to send it a user interrupt
        self.child_uffds: list[int] = []
        self.quiet_pages: set[int] = set()  # brought in without waking
        self.timers: set[int] = set()  # threads that have armed theirs
        self.machine.events.listeners[SignalDelivered] = self._signal_delivered
        words = self.puppets.symbols["words"]
        self.word, self.other_word, self.block = words, words + 4, words + 16
        self.zeros, self.sink = self.puppets.symbols["zeros"], self.puppets.symbols["sink"]
        self.mine = self.puppets.symbols["scratch"]
        self._open()
        self.puppets.boxes_at_start = self.puppets.boxes_used
        self._vectors = dict(self.vectors)

    def begin(self) -> None:
        """The machine is as it was when the stage was ready."""
        self.puppets.begin()
        self.commands, self.vectors = {}, dict(self._vectors)
        self.child_uffds, self.quiet_pages, self.timers = [], set(), set()

    # -- building -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        hand = self.puppets.hand
        self.pipe = self._pipe()
        self.small = self._pipe()
        hand(Sys.FCNTL, self.small[1], F_SETPIPE_SZ, PAGE)
        self.epoll = hand(Sys.EPOLL_CREATE1, 0)
        self.puppets.poke(1, self.block, struct.pack("<IQ", uapi.POLLIN, 1))
        assert hand(Sys.EPOLL_CTL, self.epoll, 1, self.pipe[0], self.block) == 0
        flags = uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS | uapi.MAP_FIXED
        assert hand(Sys.MMAP, REGION, PAGES * PAGE, 3, flags, _FOREVER, 0) == REGION
        self.uffd = hand(Sys.USERFAULTFD, O_NONBLOCK)
        assert self.ioctl(uffd_abi.API, uapi.UFFD_API, _FEATURES, 0) == 0
        assert self.ioctl(uffd_abi.REGISTER, REGION, PAGES * PAGE, uffd_abi.MODE_MISSING, 0) == 0
        fds = struct.pack("<ihhihh", self.pipe[0], uapi.POLLIN, 0, self.small[1], uapi.POLLOUT, 0)
        scratch = bytearray(SCRATCH)
        struct.pack_into("<4Q", scratch, SHORT, 0, 20_000, 0, 300_000)
        scratch[POLLFD : POLLFD + 16] = fds
        struct.pack_into("<Q", scratch, WANTED, mask_of(AWAITED))
        for i, word in enumerate((self.word, self.other_word)):
            struct.pack_into("<QQII", scratch, WAITERS + 24 * i, 0, word, 0x82, 0)
        struct.pack_into("<QQ", scratch, REST, 0, 400_000)
        self.puppets.poke(1, self.mine, bytes(scratch) * BOXES)
        self.new_group()

    def _pipe(self) -> tuple[int, int]:
        assert self.puppets.hand(Sys.PIPE, self.block) == 0
        read, write = struct.unpack("<ii", self.machine.memory.read(self.block, 8))
        return read, write

    def new_group(self) -> None:
        """A process that shares memory and files with the hand, of three threads."""
        p = self.puppets
        box = p.new_box()
        flags = uapi.CLONE_VM | uapi.CLONE_FILES | Signal.SIGCHLD
        pid = p.hand(Sys.CLONE, flags, p.stack_of(box), child=box)
        self._settle()
        leader = self._task(pid)
        self.act(leader, Signal.SIGUSR1, SA_ONSTACK)
        self.act(leader, Signal.SIGUSR2, SA_RESTART)
        p.poke(pid, self.block, struct.pack("<Q", mask_of(AWAITED)))
        assert p.answer_of(leader, Sys.RT_SIGPROCMASK, SIG_BLOCK, self.block, 0, 8) == 0
        others = []
        for _ in range(2):
            box = p.new_box()
            others.append(p.answer_of(self._task(pid), Sys.CLONE, _THREAD, p.stack_of(box), child=box))
        self._settle()
        p.poke(pid, self.block, struct.pack("<QQQ", ALT_STACK, 0, 2 * PAGE))
        assert p.answer_of(self._task(others[0]), Sys.SIGALTSTACK, self.block, 0) == 0
        for tid, waiting in zip(
            (pid, others[1]), (uapi.UINTR_HANDLER_FLAG_WAITING_RECEIVER, uapi.UINTR_HANDLER_FLAG_WAITING_SENDER),
            strict=True,
        ):  # fmt: skip
            self._make_receiver(tid, waiting)

    def _make_receiver(self, tid: int, waiting: int) -> None:
        p, handler = self.puppets, self.puppets.symbols["on_user_interrupt"]
        assert p.answer_of(self._task(tid), Sys.UINTR_REGISTER_HANDLER, handler, waiting) == 0
        assert p.answer_of(self._task(tid), Sys.XUI_KB_TIMER, 9, 1) == 0
        fd = p.answer_of(self._task(tid), Sys.UINTR_VECTOR_FD, 5, 0)
        assert p.answer_of(self._task(tid), 0, kind=STUI) == 0
        self.vectors[tid] = p.hand(Sys.UINTR_REGISTER_SENDER, fd, 0)
        assert self.vectors[tid] >= 0

    def act(self, task: Task, signo: int, flags: int) -> None:
        """sigaction with the handler, by a thread that is idle."""
        symbols = self.puppets.symbols
        action = struct.pack("<QQQQ", symbols["on_signal"], flags | SA_RESTORER, symbols["restorer"], 0)
        self.puppets.poke(task.process.pid, self.block, action)
        assert self.puppets.answer_of(task, Sys.RT_SIGACTION, signo, self.block, 0, 8) == 0

    def _settle(self) -> None:
        self.puppets.run(300)

    def _task(self, tid: int) -> Task:
        task = self.puppets.task(tid)
        assert task is not None
        return task

    # -- what happens ---------------------------------------------------------------------------------------------

    def _signal_delivered(self, event: Any) -> None:
        task, command = self.puppets.task(event.tid), self.commands.get(event.tid)
        if task is not None and command is not None:
            action = task.process.signals.handlers.actions[event.signal]
            command.handlers.append(bool(action.flags & SA_RESTART))

    def ioctl(self, request: int, *words: int, uffd: int | None = None) -> int:
        self.puppets.poke(1, self.block, struct.pack(f"<{len(words)}Q", *words))
        return self.puppets.hand(Sys.IOCTL, self.uffd if uffd is None else uffd, request, self.block)

    def sleep(self, task: Task, way: Way) -> None:
        """Let an idle thread fall asleep."""
        p = self.puppets
        child = p.new_box() if way.child else 0
        number, *arguments = way.words(self, p.scratch_of(p.box(task)))
        self.commands[task.tid] = Command(way, p.done(task))
        if way.name == "ppoll":  # the time that is left is written there
            p.poke(task.process.pid, p.scratch_of(p.box(task)) + REST, struct.pack("<QQ", 0, 400_000))
        p.tell(task, number, *arguments, kind=way.op, child=child)

    def read_message(self) -> bool:
        """From every userfaultfd; EVENT_FORK brings another one. Whether there was any."""
        found = False
        for uffd in (self.uffd, *self.child_uffds):
            if self.puppets.hand(Sys.READ, uffd, self.block, 32) == 32:
                found = True
                message = self.machine.memory.read(self.block, 32)
                if message[0] == uffd_abi.EVENT_FORK:
                    self.child_uffds.append(int.from_bytes(message[8:12], "little"))
        return found

    def copy(self, page: int, *, quiet: bool) -> None:
        """UFFDIO_COPY of zeros. `quiet`: without waking."""
        for uffd in (self.uffd, *self.child_uffds):
            self.ioctl(uffd_abi.COPY, _page(page), self.zeros, PAGE, uffd_abi.DONTWAKE if quiet else 0, 0, uffd=uffd)
        if quiet:
            self.quiet_pages.add(_page(page))

    def wake(self, page: int, pages: int = 1) -> None:
        """UFFDIO_WAKE."""
        for uffd in (self.uffd, *self.child_uffds):
            self.ioctl(uffd_abi.WAKE, _page(page), pages * PAGE, uffd=uffd)
        self.quiet_pages -= {_page(number) for number in range(page, page + pages)}

    def expect_interrupt(self, tid: int) -> None:
        """A user interrupt is sent to the thread."""
        if tid in self.commands:
            self.commands[tid].interrupts = True

    # -- looking --------------------------------------------------------------------------------------------------

    def others(self) -> list[Task]:
        """All threads but the hand."""
        return [task for task in self.puppets.tasks() if task.tid != 1]

    def sleepy(self) -> list[Task]:
        """Those that can be told to sleep."""
        return [task for task in self.puppets.idle() if task.tid not in self.commands]

    def is_awake(self) -> bool:
        """Whether any thread can run."""
        return any(task.state is TaskState.RUNNABLE for task in self.puppets.tasks())

    def is_undisturbed(self, task: Task) -> bool:
        """No signal is about to stop the thread."""
        shared = task.process.signals
        return not (shared.stopped_by or shared.pending.mask or task.signals.pending.mask or task.signals.due)

    def receivers(self) -> list[Task]:
        return [task for task in self.others() if task.tid in self.vectors]

    def _file(self, fd: int) -> Any:
        return self.machine.process.files.get(fd)

    def pipe_is_full(self) -> bool:
        return bool(self._file(self.pipe[1]).pipe.full)

    def has_data(self, fd: int) -> bool:
        return bool(self._file(fd).pipe.buffers)

    def copy_of_commands(self) -> dict[int, Command]:
        return {tid: replace(command, handlers=list(command.handlers)) for tid, command in self.commands.items()}

    def look(self) -> None:
        """Every call that has ended has ended as it may; every other one keeps its own deadline."""
        for tid, command in list(self.commands.items()):
            task = self.puppets.task(tid)
            if task is None:
                del self.commands[tid]
            elif self.puppets.done(task) > command.done:
                del self.commands[tid]
                self._check_answer(task, command, self.puppets.result(task))
            else:
                self._check_deadline(task, command)

    def _check_deadline(self, task: Task, command: Command) -> None:
        sleep = task.sleep
        call = sleep.call or (sleep.behind.call if sleep.behind is not None else None) if sleep is not None else None
        if call is None or call.deadline is None or not command.way.late or self.puppets.is_idle(task):
            return
        assert command.deadline in (None, call.deadline), f"{command.way.name}: another deadline"
        command.deadline = call.deadline

    def _check_answer(self, task: Task, command: Command, result: int) -> None:
        way, what = command.way, f"{command.way.name} of thread {task.tid} answers {result}"
        if result == -errno.EINTR:
            interrupted = command.interrupts or task.tid in self.timers
            if way.kind is Interruptible.ERESTARTSYS:
                assert interrupted or not all(command.handlers), f"{what}, handlers {command.handlers}"
            elif way.kind is Interruptible.ERESTARTNOHAND:
                assert interrupted or command.handlers, what
            else:
                assert way.kind is not Interruptible.NO, what
        elif result in way.late:
            now = self.machine.cpus[task.cpu_index].clock
            assert command.deadline is None or command.deadline <= now, f"{what} before its time"
        else:
            assert way.answers(result), what

    # -- the end --------------------------------------------------------------------------------------------------

    def end_all_sleeps(self) -> None:
        """Give every thread what it waits for, until each is idle, or dead. Raises AssertionError."""
        hand = self.puppets.hand
        for _ in range(40):
            self.look()
            if not self.commands:
                return
            for process in list(self.machine.kernel.processes.values()):
                if process.pid != 1 and process.tasks:
                    hand(Sys.KILL, process.pid, Signal.SIGCONT)
                    hand(Sys.KILL, process.pid, AWAITED)
            for tid, command in list(self.commands.items()):
                task = self.puppets.task(tid)
                if task is None:
                    continue
                if command.way.name in ("pause", "sigsuspend"):
                    hand(Sys.TGKILL, task.process.pid, tid, Signal.SIGUSR1)
                for child in list(task.process.children):
                    hand(Sys.KILL, child.pid, Signal.SIGKILL)
            self._feed()
            self.puppets.run(3000)
        asleep = {tid: (c.way.name, getattr(self.puppets.task(tid), "why", "")) for tid, c in self.commands.items()}
        raise AssertionError(f"these sleep for ever: {asleep}")

    def _feed(self) -> None:
        """Data, space, wake-ups, pages and readers for all."""
        hand = self.puppets.hand
        if not self.pipe_is_full():
            hand(Sys.WRITE, self.pipe[1], self.zeros, 64)
        if self.has_data(self.small[0]):
            hand(Sys.READ, self.small[0], self.sink, 12_000)
        for word in (self.word, self.other_word):
            hand(Sys.FUTEX, word, uapi.FUTEX_WAKE | uapi.FUTEX_PRIVATE_FLAG, 100)
        while self.read_message():
            pass
        for page in range(PAGES):
            self.copy(page, quiet=False)
        self.wake(0, PAGES)
