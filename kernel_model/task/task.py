"""Processes and threads as plain state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from kernel_model.task.fd_table import FileTable
from kernel_model.task.futex_wait import FutexWait
from kernel_model.task.settings import ThreadSettings
from kernel_model.task.signals import ProcessSignals, TaskSignals
from kernel_model.task.usage import Usage
from kernel_model.wait.queue import Interruptible, WaitQueue
from pffemu.arch.registers import MASK64
from pffemu.hw.cpu import KbTimer, SavedRegisters, UintrState

if TYPE_CHECKING:
    from kernel_model.calls.itimers import IntervalTimer
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.page_fault import WaitedFault
    from kernel_model.task.process_end import ProcessEnd
    from kernel_model.uffd.context import Userfaultfd
    from kernel_model.uintr.forwarding import Binding
    from kernel_model.uintr.receiver import Receiver


ALL_CORES: Final = MASK64


class TaskState(Enum):
    RUNNABLE = auto()
    BLOCKED = auto()
    DEAD = auto()


@dataclass(slots=True, eq=False)
class Process:
    pid: int
    mm: Mm
    name: str
    exe: str = ""  # what /proc/self/exe points to
    image: Any = None  # the program, as the loader has it
    arguments: list[str] = field(default_factory=list)  # argv
    cwd: tuple[bytes, ...] = ()  # components of the current directory's guest path
    umask: int = 0o022
    limits: list[tuple[int, int]] = field(default_factory=list)  # (soft, hard) by RLIMIT_* number
    files: FileTable = field(default_factory=FileTable)
    tasks: list[Task] = field(default_factory=list)
    signals: ProcessSignals = field(default_factory=ProcessSignals)
    # relatives; None: outside the machine
    parent: Process | None = None
    parent_task: Task | None = None  # the parent's thread that made it, or has it from one that ended
    children: list[Process] = field(default_factory=list)
    group: int = 0  # process group and session, by the pid of who started them
    session: int = 0
    exit_signal: int = 0  # what the parent gets when it ends
    is_subreaper: bool = False
    has_execed: bool = False
    child_changes: WaitQueue = field(default_factory=lambda: WaitQueue("children"))
    vfork_done: WaitQueue = field(default_factory=lambda: WaitQueue("vfork"))
    # its end, and what of it was reported
    end: ProcessEnd | None = None
    stop_seen: bool = True
    continue_seen: bool = True
    # what dead threads, and children waited for, have used; the most pages that an earlier program, or a child, had
    dead_usage: Usage = field(default_factory=Usage)
    children_usage: Usage = field(default_factory=Usage)
    peak_pages: int = 0
    children_peak_pages: int = 0
    timers: list[IntervalTimer] = field(default_factory=list)
    personality: int = 0
    membarriers: int = 0  # expedited membarrier commands it registered for


@dataclass(frozen=True, slots=True)
class SetAside:
    """A system call that a signal has interrupted, while a debugger runs other code in its thread (orig_rax is -1)."""

    number: int
    sleep: Interruptible
    deadline: int | None
    result: int | None
    progress: int
    cursor: int
    events_sent: int
    timed_out: bool


@dataclass(slots=True, eq=False)
class Task:
    """One thread. It stays on its core, unless sched_setaffinity moves it. `registers`: while not loaded there."""

    tid: int
    process: Process
    cpu_index: int
    registers: SavedRegisters
    affinity: int = ALL_CORES  # bit i: it may run on core i
    state: TaskState = TaskState.RUNNABLE
    uintr: UintrState = field(default_factory=UintrState)
    handler_registered: bool = False  # uintr_register_handler succeeded
    receiver: Receiver | None = None  # since its first registration
    bindings: list[Binding] = field(default_factory=list)  # device vectors that are forwarded to it
    kb_timer: KbTimer = field(default_factory=KbTimer)
    forward_page_faults: bool = False  # ... with FORWARD_PF
    clear_child_tid: int = 0  # user address, 0: none
    robust_list: int = 0  # user address of its head, 0: none
    # while blocked
    queues: tuple[WaitQueue, ...] = ()
    deadline: int | None = None  # virtual cycles
    why: str = ""
    sleep: Interruptible = Interruptible.NO
    sleeps_for_timer: bool = False  # `deadline` is that of its kernel-bypass timer
    # what happens when it runs next
    restart_syscall: int | None = None  # number of the call to start again
    result: int | None = None  # RAX of the call that slept
    progress: int = 0  # bytes a read or write moved before it slept
    awaited_uffd: Userfaultfd | None = None  # where its fault or event is queued, if it is
    cursor: int = 0  # how far a long call came before it let others run
    events_sent: int = 0  # userfaultfd events that this call, started again, has sent and waited for
    timed_out: bool = False
    resumes_fault: bool = False  # a page fault of ring 3 put it to sleep
    interrupted: bool = False  # a signal ended its sleep
    set_aside: SetAside | None = None
    signals: TaskSignals = field(default_factory=TaskSignals)
    futex: FutexWait = field(default_factory=FutexWait)
    set_child_tid: int = 0  # user address that a new process's first thread stores its number to, 0: none
    name: bytes = b""  # comm
    settings: ThreadSettings = field(default_factory=ThreadSettings)
    usage: Usage = field(default_factory=Usage)
    waited_fault: WaitedFault | None = None  # the access for which it waits for userfaultfd, or has waited

    def set_call_aside(self) -> None:
        """The interrupted call neither ends nor starts again, until it is taken up."""
        if self.restart_syscall is None or not self.interrupted:
            return
        self.set_aside = SetAside(
            self.restart_syscall, self.sleep, self.deadline, self.result, self.progress, self.cursor,
            self.events_sent, self.timed_out,
        )  # fmt: skip
        self.restart_syscall, self.interrupted = None, False

    def take_up_call(self) -> None:
        """The thread is again in the call that was set aside."""
        call = self.set_aside
        if call is None:
            return
        self.restart_syscall, self.interrupted, self.set_aside = call.number, True, None
        self.sleep, self.deadline, self.result, self.progress = call.sleep, call.deadline, call.result, call.progress
        self.cursor, self.events_sent, self.timed_out = call.cursor, call.events_sent, call.timed_out
        self.signals.due = True

    @property
    def is_receiver(self) -> bool:
        """User interrupts can be sent to it: it has a vector somebody may know."""
        return self.receiver is not None and self.receiver.vectors != 0
