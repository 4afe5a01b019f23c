"""The kernel: its parts and how they are wired, the processes and threads, and what all entries share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kernel_model.abi.terminal import DEVPTS_SUPER_MAGIC
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.calls.program import ProgramLoader
from kernel_model.drivers.dma import DmaDriver
from kernel_model.drivers.exmap import PATH as EXMAP_PATH
from kernel_model.drivers.exmap import ExmapFile
from kernel_model.drivers.pff import PffDriver
from kernel_model.entry import Entry
from kernel_model.files import File
from kernel_model.files.file_locks import FileLocks
from kernel_model.files.file_owner import FileSignal
from kernel_model.files.host_pages import HostPageCaches
from kernel_model.files.host_tree import Mount
from kernel_model.files.pipe import PipeAccount
from kernel_model.files.proc.folder import FolderDirectory
from kernel_model.files.proc.root import PROC_MAGIC, SYSFS_MAGIC, ProcRoot
from kernel_model.files.sockets.network import Network
from kernel_model.files.terminals.terminals import Terminals
from kernel_model.files.tree.tree import Tree
from kernel_model.ipc.namespace import IpcNamespace
from kernel_model.mechanisms import Mechanism, Mode
from kernel_model.mm.direct_map import DirectMap
from kernel_model.mm.fork import fork_into
from kernel_model.mm.frames import FrameAllocator
from kernel_model.mm.locks import EVERYWHERE
from kernel_model.mm.mm import UNVERSIONED, Mm
from kernel_model.mm.reclaim.file_memory import FileMemory
from kernel_model.printk import Printk
from kernel_model.process import exit
from kernel_model.process.futex import FutexTable
from kernel_model.random import RandomSource
from kernel_model.sched.scheduler import Scheduler
from kernel_model.signal import send as signal_send
from kernel_model.task.fd_table import DescriptorAccount
from kernel_model.task.process_end import ProcessEnd
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.task import Process, Task
from kernel_model.uffd.calls import UserfaultfdDevice
from kernel_model.uintr import forwarding
from kernel_model.uintr.user_interrupts import UserInterrupts
from pffemu.arch.encodings import SYSCALL_LENGTH
from pffemu.errors import OutOfGuestMemory, UnsupportedError
from pffemu.events.directed import RecordsTaken
from pffemu.events.fault_repeats import Stuck
from pffemu.events.kernel import ProcessKilled, ThreadCreated
from pffemu.hw.bus import Bus
from pffemu.hw.cpu import Cpu, SavedRegisters
from pffemu.hw.mmu import UffdLookup
from pffemu.hw.ram import Ram


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """What this kernel offers."""

    mechanism: Mechanism = Mode.PFF.mechanism
    uffd_mmio_base: int | None = None  # None: the device does not exist
    seed: int = 0  # of getrandom and AT_RANDOM
    mounts: tuple[Mount, ...] = ()  # host directories that the guest may reach
    strict: bool = False  # end the run at the first system call or flag that is not modelled
    uintr_wait_forever: bool = False  # uintr_wait(flags), as in the first patches, instead of (usec, flags)
    quota: int = 0  # bytes of pages of files on disk in the page cache; 0: as many as RAM has room for
    fault_around: int = 16  # pages of such a file that a read fault maps together
    wakeup_preemption: bool = False  # a woken thread takes its core from the one that runs there
    area_locks: bool = False  # each area has a lock of its own, as in Linux 6.18
    pff_uintr: bool = False  # PFF-UINTR's kernel: every handler gets faults, ranges have no tag, ioctls say durations
    writable_zero: bool = False  # UFFDIO_ZEROPAGE has a mode that gives a page of its own
    outlive: bool = True  # the run goes on after its first process while another one can still write output


class Kernel:
    def __init__(self, cpus: list[Cpu], ram: Ram, bus: Bus, options: KernelOptions) -> None:
        self.options = options
        self.frames = FrameAllocator(ram)
        self.zero_frame = self.frames.take()
        self._direct_map = DirectMap(ram, self.frames)
        self.uintr = UserInterrupts(cpus, ram, self.frames)
        self.scheduler = Scheduler(cpus, self.uintr.switch, wakeup_preemption=options.wakeup_preemption)
        self.futexes = FutexTable(self.scheduler)
        self.dma = DmaDriver(bus, self.scheduler)
        self.printk = Printk()
        for cpu in cpus:
            cpu.warn = self._warn
        forwards, by_bit = options.mechanism.forwarding, cpus[0].options.uffd_lookup is UffdLookup.PTE_BIT
        self._marks_entries = forwards and by_bit
        base = options.uffd_mmio_base if forwards and not by_bit else None
        self.pff_driver = PffDriver(bus, base, self.printk, tagged=not options.pff_uintr)
        self.fault_answers = options.mechanism.answers()
        self.shootdowns = [0] * len(cpus)  # interrupts by which each core was told to flush its TLB
        self.uffd_readers: set[int] = set()  # threads that have read a userfaultfd message
        self.stuck: Stuck | None = None  # the run is over: this fault never ends
        self.ended: ProcessEnd | None = None  # the first process's end, once the run is over
        self.outputs: list[File] = []  # files that reach the machine's standard output and error: set by the machine
        self.signals_of_ends: deque[tuple[SigInfo, Process]] = deque()  # to parents and children, on their way
        self.signals_wait = False  # a debugger holds the machine between two instructions: no signal acts
        self.pipes = PipeAccount()
        self.descriptors = DescriptorAccount.for_ram(ram.size)
        self.ipc = IpcNamespace(ram.size)
        self.file_signals: deque[FileSignal] = deque()  # to be sent when the call ends (O_ASYNC, leases)
        self.file_locks = FileLocks(self.scheduler, self.file_signals)
        self.network = Network(self.scheduler, ram.size)
        self.file_memory = FileMemory(self.frames, self.scheduler, self, options.quota, options.fault_around)
        self.sysctls: dict[str, str] = {}  # what was written to /proc/sys and /sys, by name
        self.file_memory.writeback.settings = self.sysctls
        self.host_pages = HostPageCaches(ram, self.file_memory)
        self.tree: Tree = Tree(list(options.mounts), ram, self.frames)
        self.tree.mount((b"proc",), ProcRoot(self.tree.new_file_system("proc", PROC_MAGIC)))
        self.tree.mount((b"sys",), FolderDirectory(self.tree.new_file_system("sysfs", SYSFS_MAGIC)))
        self.terminals = Terminals(self, self.tree.new_file_system("devpts", DEVPTS_SUPER_MAGIC), ram.size)
        self.tree.roots[b"dev", b"pts"] = self.terminals.directory
        self.random = RandomSource(options.seed)
        self._ram, self.cpus = ram, cpus
        self.processes: dict[int, Process] = {}  # zombies too
        self.first_process: Process | None = None
        self.program_loader: ProgramLoader | None = None  # set by the machine
        self._mms: dict[int, Mm] = {}  # by page-table root
        self._next_tid = 1
        self._numbers = 1000
        self._chosen_tids: set[int] = set()  # numbers that clone3's set_tid has given out
        self._code_versions = 0
        for cpu in cpus:
            forwarding.enable(cpu, options.mechanism.forwarding)
        self.entry = Entry(self, cpus)

    # -- processes and threads ----------------------------------------------------------------------------------

    def create_mm(self) -> Mm:
        mm = Mm(
            self._ram, self.frames, self.zero_frame, self._marks_entries, self.pff_driver,
            area_locks=self.options.area_locks,
        )  # fmt: skip
        self._direct_map.enter(mm.pages.root)
        self._mms[mm.pages.root] = mm
        mm.code_version = self.next_code_version()
        return mm

    def next_code_version(self) -> int:
        """A new version, for an address space whose code differs from every other's."""
        self._code_versions += 1
        return self._code_versions

    def fork_mm(self, cpu: Cpu, mm: Mm) -> Mm:
        """A copy-on-write copy of `mm` for a new process. Raises OutOfGuestMemory."""
        child = self.create_mm()
        with mm.locks.writing(cpu, EVERYWHERE):
            try:
                fork_into(mm, child)
            except OutOfGuestMemory:
                self.release_mm(cpu, child)
                raise
            finally:
                self.flush_stale(cpu)
        return child

    def release_mm(self, cpu: Cpu, mm: Mm) -> None:
        """The last thread of `mm` is gone: free its memory, and make cores that have it loaded load another."""
        mm.settle()
        for core in self.cpus:
            if core.mmu.fill.root == mm.pages.root:
                core.mmu.fill.root = 0
                core.flush_tlb(code=True)
        del self._mms[mm.pages.root]
        self.uintr.release_mm(mm)
        mm.release(cpu)

    def new_number(self) -> int:
        """A number for a pipe's or memfd's inode, or an eventfd; no other one has it."""
        self._numbers += 1
        return self._numbers

    def peek_tid(self) -> int:
        """The tid the next thread gets."""
        while self._next_tid in self._chosen_tids:
            self._next_tid += 1
        return self._next_tid

    def create_thread(self, cpu: Cpu, process: Process, registers: SavedRegisters, tid: int = 0) -> Task:
        """A runnable thread of `process` on the least loaded core; an idle core catches up with its creator.

        `tid`: its number; 0: the next one.
        """
        affinity = self.scheduler.affinity_of_running(cpu)
        core = self.scheduler.least_loaded(affinity)
        task = Task(tid or self._next_tid, process, core, registers, affinity, cpu.clock)
        if tid:
            self._chosen_tids.add(tid)
        else:
            self._next_tid += 1
        if not process.tasks:
            self.processes[process.pid] = process
            self.first_process = self.first_process or process
        process.tasks.append(task)
        cpu.emit(ThreadCreated, task.tid, task.cpu_index)
        self.scheduler.add(cpu, task)
        return task

    def find_task(self, tid: int) -> Task | None:
        """The living thread with number `tid`; a process's number finds another thread of it once the first is gone."""
        own = self.processes.get(tid)
        processes = self.processes.values() if own is None else [own]
        found = next((task for process in processes for task in process.tasks if task.tid == tid), None)
        return found or (own.tasks[0] if own is not None and own.tasks else None)

    def kill(self, cpu: Cpu, task: Task, info: SigInfo) -> None:
        """The process dies of a signal that `task` took."""
        signal_send.tell(cpu, task, info)
        if self.signals_wait and info.signo != Signal.SIGKILL:
            signal_send.put_back(self, cpu, task, info)
            return
        cpu.emit(ProcessKilled, int(info.signo), info.origin)
        in_handler = task.handler_registered and not task.uintr.uif
        registers = self.scheduler.registers_of(task)
        why = info.why if info.trap is not None else info.origin
        end = ProcessEnd(
            128 + info.signo, Signal(info.signo), info.code, why, task.tid, task.cpu_index, registers.word("rip"),
            registers.word("rsp"), cpu.last_block, info.trap, in_handler,
        )  # fmt: skip
        exit.end_process(self, cpu, task.process, end)

    def continued(self, cpu: Cpu, process: Process) -> None:
        """SIGCONT continued `process`: notify its parent."""
        exit.continued(self, cpu, process)

    def forget_fault(self, task: Task) -> None:
        """The thread no longer waits for a userfaultfd to bring a page in, or to have its event read."""
        task.forget_fault(self.cpus[task.cpu_index])

    def open_device(self, path: str, flags: int) -> File | None:
        """The device file that a driver has at `path`; None: no driver has one."""
        if path == UserfaultfdDevice.PATH:
            return UserfaultfdDevice(flags) if self.options.mechanism.userfaultfd else None
        return ExmapFile(flags) if path == EXMAP_PATH else self.dma.open(path, flags)

    def _warn(self, cpu: Cpu, what: str) -> None:
        self.printk.warn_once(cpu, what)

    def unsupported(self, cpu: Cpu, what: str, errno: Errno, key: str = "") -> LinuxError:
        """The error for what Linux has and this kernel lacks: that of a Linux built without it. Warns once.

        Raises UnsupportedError with the option `strict`."""
        where = f"RIP {cpu.registers['rip'] - SYSCALL_LENGTH:#x}"
        if self.options.strict:
            raise UnsupportedError(f"{what} is not modelled", where=where, remedy=f"without --strict: {errno.name}")
        self.printk.warn_once(cpu, f"{what} at {where} is not modelled: {errno.name}", key=key or what)
        return LinuxError(errno)

    # -- shared -------------------------------------------------------------------------------------------------

    def flush_stale(self, caller: Cpu, *, ends: bool = True) -> None:
        """TLB shootdown on every core that has a changed address space loaded; idle ones flush when they wake.

        `ends`: the kernel entry, and with it what it keeps from being evicted.
        """
        if ends:
            self.frames.held = 0
            if self.frames.pins:
                self.frames.pins.clear()
        if self.frames.gates:
            self._shoot_down(caller)
            if ends:
                self.open_gates()
            return
        if len(self._mms) < len(self.cpus):
            for known in self._mms.values():
                if known.stale or known.code_changed or known.owed:  # something to flush, or a call owes for a change
                    break
            else:
                return
        self._shoot_down(caller)

    def open_gates(self, kept: int = 0) -> None:
        """Open the gates of address spaces that were closed, but for the first `kept`: what the kernel did is done."""
        while len(self.frames.gates) > kept:
            self.frames.gates.pop().open_gate()

    def _shoot_down(self, caller: Cpu) -> None:
        for cpu in self.cpus:
            mm = self._mms.get(cpu.mmu.fill.root)
            if mm is not None and (mm.code_changed or mm.code_version == UNVERSIONED):
                mm.code_version = self.next_code_version()
            if mm is not None and (mm.stale or mm.code_changed):
                for core in self.cpus:
                    if core.mmu.fill.root == mm.pages.root:
                        core.flush_tlb(code=mm.code_changed)
                        if mm.stale:
                            self._charge_flush(caller, core)
                mm.stale = mm.code_changed = False
            if mm is not None and mm.owed:
                for cost, units in mm.owed.items():
                    caller.charge(cost, units)
                    if cost == "kernel.directed.record":
                        caller.emit(RecordsTaken, units)
                mm.owed.clear()

    def _charge_flush(self, caller: Cpu, core: Cpu) -> None:
        if core is caller or core.tid:
            core.charge("cpu.tlb_flush")
        if core is not caller and core.tid:
            caller.charge("kernel.tlb.shootdown")
            self.shootdowns[core.index] += 1
