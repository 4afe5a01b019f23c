"""Processes and threads as plain state."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from kernel_model.mm.mm import Mm
from kernel_model.task.controlling_terminal import ControllingTerminal
from kernel_model.task.credentials import Credentials
from kernel_model.task.fd_table import FileTable
from kernel_model.task.futex_wait import FutexWait
from kernel_model.task.message import MessageWait
from kernel_model.task.posix_timers import PosixTimers, ProcessClockTimer
from kernel_model.task.scheduling import Scheduling
from kernel_model.task.semaphores import SemWait, UndoList
from kernel_model.task.settings import ThreadSettings
from kernel_model.task.signals import ProcessSignals, TaskSignals
from kernel_model.task.sleep import PendingCall, Sleep
from kernel_model.task.usage import Usage
from kernel_model.wait.queue import WaitQueue
from pffemu.arch.registers import MASK64
from pffemu.hw.cpu import Cpu, KbTimer, SavedRegisters, UintrState, UserFaultState

if TYPE_CHECKING:
    from kernel_model.files.tree.place import Place
    from kernel_model.mm.page_fault import WaitedFault
    from kernel_model.task.process_end import ProcessEnd
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
    program: Hashable = None  # inode of the program's file, which no open may write; None: outside the tree
    image: Any = None  # the program, as the loader has it
    arguments: list[str] = field(default_factory=list)  # argv
    cwd: Place | None = None  # the current directory; None: the root
    umask: int = 0o022
    limits: list[tuple[int, int]] = field(default_factory=list)  # (soft, hard) by RLIMIT_* number
    files: FileTable = field(default_factory=FileTable)
    tasks: list[Task] = field(default_factory=list)
    signals: ProcessSignals = field(default_factory=ProcessSignals)
    # relatives; None: outside the machine
    parent: Process | None = None
    parent_task: Task | None = None  # the parent's thread that made it, or took it over when that thread ended
    children: list[Process] = field(default_factory=list)
    group: int = 0  # process group and session, by the pid of their first process
    session: int = 0
    terminal: ControllingTerminal | None = None  # the controlling one
    lost_group: int = 0  # of a session's leader: the foreground group of a terminal that hung up
    exit_signal: int = 0  # the signal its parent gets when it ends
    is_subreaper: bool = False
    has_execed: bool = False
    parent_has_execed: bool = False  # since it was made: its end is told with SIGCHLD, whatever exit_signal says
    last_name: bytes = b""  # comm of a zombie
    oom_score_adjust: int = 0
    login_user: int = (1 << 32) - 1  # loginuid: not set
    child_changes: WaitQueue = field(default_factory=lambda: WaitQueue("children"))
    vfork_done: WaitQueue = field(default_factory=lambda: WaitQueue("vfork"))
    exits: WaitQueue = field(default_factory=lambda: WaitQueue("exits"))  # pidfds, for its end or a thread's
    # its end, and which changes wait has reported
    end: ProcessEnd | None = None
    is_reaped: bool = False  # its number is free
    stop_seen: bool = True
    continue_seen: bool = True
    # use by dead threads, and by children waited for; the most resident pages of an earlier program, and of a child
    dead_usage: Usage = field(default_factory=Usage)
    children_usage: Usage = field(default_factory=Usage)
    peak_pages: int = 0
    children_peak_pages: int = 0
    timers: list[ProcessClockTimer] = field(default_factory=list)
    credentials: Credentials = field(default_factory=Credentials)  # of its last thread, once that has ended
    posix_timers: PosixTimers = field(default_factory=PosixTimers)
    personality: int = 0
    membarriers: int = 0  # expedited membarrier commands it registered for


@dataclass(slots=True, eq=False)
class Task:
    """One thread. It stays on its core, unless sched_setaffinity moves it. `registers`: valid while not loaded."""

    tid: int
    process: Process
    cpu_index: int
    registers: SavedRegisters
    affinity: int = ALL_CORES  # bit i: it may run on core i
    started: int = 0  # clock when it was made
    state: TaskState = TaskState.RUNNABLE
    uintr: UintrState = field(default_factory=UintrState)
    user_faults: UserFaultState = field(default_factory=UserFaultState)
    handler_registered: bool = False  # uintr_register_handler succeeded
    receiver: Receiver | None = None  # since its first registration
    bindings: list[Binding] = field(default_factory=list)  # device vectors that are forwarded to it
    kb_timer: KbTimer = field(default_factory=KbTimer)
    forward_page_faults: bool = False  # it was registered with FORWARD_PF
    polls_memory: bool = False  # it waits by loads, so it must not run far ahead of the cores that store there
    clear_child_tid: int = 0  # user address, 0: none
    robust_list: int = 0  # user address of its head, 0: none
    sleep: Sleep | None = None  # from its start until the thread goes on
    set_aside: Sleep | None = None  # an interrupted call's, while a debugger runs other code (orig_rax is -1)
    signals: TaskSignals = field(default_factory=TaskSignals)
    futex: FutexWait = field(default_factory=FutexWait)
    semaphores: SemWait = field(default_factory=SemWait)
    undo: UndoList | None = None  # of semaphores
    message: MessageWait = field(default_factory=MessageWait)
    set_child_tid: int = 0  # user address that a new process's first thread stores its number to, 0: none
    name: bytes = b""  # comm
    settings: ThreadSettings = field(default_factory=ThreadSettings)
    scheduling: Scheduling = field(default_factory=Scheduling)
    credentials: Credentials = field(default_factory=Credentials)
    usage: Usage = field(default_factory=Usage)
    waited_fault: WaitedFault | None = None  # the access for which it waits for userfaultfd, or has waited

    @property
    def queues(self) -> tuple[WaitQueue, ...]:
        """The wait queues the thread is on."""
        return () if self.sleep is None else self.sleep.queues

    @property
    def why(self) -> str:
        """What it waits for, in words; "" of a thread that does not sleep."""
        return self.sleep.why if self.sleep is not None and self.state is TaskState.BLOCKED else ""

    @property
    def interrupted_call(self) -> PendingCall | None:
        """The system call whose sleep a signal has ended, until it ends or starts again."""
        return self.sleep.call if self.sleep is not None and self.sleep.interrupted else None

    def set_call_aside(self) -> None:
        """The interrupted call neither ends nor starts again, until it is taken up."""
        if self.interrupted_call is not None:
            self.set_aside, self.sleep = self.sleep, None

    def take_up_call(self) -> None:
        """The thread is again in the call that was set aside."""
        if self.set_aside is not None:
            self.sleep, self.set_aside = self.set_aside, None
            self.signals.due = True

    def forget_fault(self, home: Cpu) -> None:
        """It no longer waits for a userfaultfd to bring a page in, or to have its event read. `home`: its core."""
        if self.sleep is not None and self.sleep.uffd is not None:
            self.sleep.uffd.forget_task(home, self)
        self.waited_fault = None

    @property
    def is_receiver(self) -> bool:
        """Whether user interrupts can be sent to it: it has a vector that a sender may use."""
        return self.receiver is not None and self.receiver.vectors != 0
