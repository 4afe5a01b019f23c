"""The kernel: entry points the machine's loop calls, threads, and the end of a process. Policy lives in its neighbours.

Every entry ends in one of three ways: the thread goes on, it sleeps, or its process ends (`ended` says how).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from kernel_model.abi.syscall_names import name_of
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call
from kernel_model.calls.exec import ProgramLoader
from kernel_model.calls.table import COSTED, TABLE, run
from kernel_model.drivers import interrupts
from kernel_model.drivers.dma import DmaDriver
from kernel_model.drivers.pff import PffDriver
from kernel_model.files import File
from kernel_model.files.host_pages import HostPageCaches
from kernel_model.files.host_tree import HostTree, Mount
from kernel_model.files.pipe import PipeAccount
from kernel_model.files.socket_pair import InFlight
from kernel_model.mm import page_fault
from kernel_model.mm.direct_map import DirectMap
from kernel_model.mm.frames import FrameAllocator
from kernel_model.mm.mm import Mm
from kernel_model.printk import Printk
from kernel_model.process import exit, signal_delivery
from kernel_model.process.futex import FutexTable
from kernel_model.random import RandomSource
from kernel_model.sched.scheduler import Scheduler
from kernel_model.signal import send as signal_send
from kernel_model.signal import traps
from kernel_model.task.process_end import ProcessEnd
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.task import Process, Task, TaskState
from kernel_model.uffd.calls import UserfaultfdDevice
from kernel_model.uintr import faults, forwarding, sleep
from kernel_model.uintr.user_interrupts import UserInterrupts
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.registers import MASK64
from pffemu.errors import OutOfGuestMemory, UnsupportedError
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import Resumed
from pffemu.events.kernel import FaultAbandoned, ProcessKilled, Syscall, SyscallReturned, ThreadCreated
from pffemu.hw.bus import Bus
from pffemu.hw.cpu import Cpu, SavedRegisters
from pffemu.hw.mmu import UffdLookup
from pffemu.hw.ram import Ram
from pffemu.hw.trap import Trap

SYSCALL_LENGTH: Final = 2  # bytes
_SYSCALL_REGISTERS: Final = ("rip", "rflags", "rax", "rdi", "rsi", "rdx", "r10", "r8", "r9")


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """What this kernel offers: the three modes are (no userfaultfd), (userfaultfd), (userfaultfd + forwarding)."""

    userfaultfd: bool = True
    forwarding: bool = True
    uffd_mmio_base: int | None = None  # None: no such device
    seed: int = 0  # of getrandom and AT_RANDOM
    mounts: tuple[Mount, ...] = ()  # host directories that the guest may reach
    strict: bool = False  # end the run at the first system call or flag that is not modelled
    uintr_wait_forever: bool = False  # uintr_wait(flags), as in the first patches, instead of (usec, flags)
    outlive: bool = True  # the run goes on after its first process, while others can be heard


class Kernel:
    def __init__(self, cpus: list[Cpu], ram: Ram, bus: Bus, options: KernelOptions) -> None:
        self.options = options
        self.frames = FrameAllocator(ram)
        self.zero_frame = self.frames.take()
        self._direct_map = DirectMap(ram, self.frames)
        self.uintr = UserInterrupts(cpus, ram, self.frames)
        self.scheduler = Scheduler(cpus, self.uintr.switch)
        self.futexes = FutexTable(self.scheduler)
        self.dma = DmaDriver(bus, self.scheduler)
        self.printk = Printk()
        for cpu in cpus:
            cpu.warn = self._warn
        self.pff_driver = PffDriver(bus, options.uffd_mmio_base if options.forwarding else None, self.printk)
        self.entries = 0  # system calls, exceptions and page faults that came from ring 3
        self.uffd_readers: set[int] = set()  # threads that have read a userfaultfd message
        self.ended: ProcessEnd | None = None  # the first process's end, once the run is over
        self.outputs: list[File] = []  # those through which the guest is heard: set by the machine
        self.parent_deaths: deque[tuple[SigInfo, Process]] = deque()  # signals on their way (PR_SET_PDEATHSIG)
        self.signals_wait = False  # a debugger wants the machine to stand between two instructions: none acts
        self.pipes = PipeAccount()
        self.in_flight = InFlight()
        self.host_pages = HostPageCaches(ram, self.frames)
        self.tree = HostTree(list(options.mounts))
        self.random = RandomSource(options.seed)
        self._ram, self.cpus = ram, cpus
        self.processes: dict[int, Process] = {}  # zombies too
        self.first_process: Process | None = None
        self.program_loader: ProgramLoader | None = None  # set by the machine
        self._mms: dict[int, Mm] = {}  # by page-table root
        self._next_tid = 1
        self._code_versions = 0
        for cpu in cpus:
            forwarding.enable(cpu, options.forwarding)
        self._syscall_registers = [cpu.registers.group(*_SYSCALL_REGISTERS) for cpu in cpus]
        self._result_registers = [cpu.registers.group("rax", "rcx", "r11") for cpu in cpus]

    # -- processes and threads ----------------------------------------------------------------------------------

    def create_mm(self) -> Mm:
        mark = self.options.forwarding and self.cpus[0].options.uffd_lookup is UffdLookup.PTE_BIT
        mm = Mm(self._ram, self.frames, self.zero_frame, mark)
        self._direct_map.enter(mm.pages.root)
        self._mms[mm.pages.root] = mm
        mm.code_version = self.next_code_version()
        return mm

    def next_code_version(self) -> int:
        """For an address space whose code is like no other's now."""
        self._code_versions += 1
        return self._code_versions

    def fork_mm(self, cpu: Cpu, mm: Mm) -> Mm:
        """A copy-on-write copy of `mm` for a new process. Raises OutOfGuestMemory."""
        child = self.create_mm()
        with mm.mmap_lock.writing(cpu):
            try:
                mm.fork_into(child)
            except OutOfGuestMemory:
                self.release_mm(cpu, child)
                raise
            finally:
                self.flush_stale(cpu)
        child.code_version = mm.code_version
        return child

    def release_mm(self, cpu: Cpu, mm: Mm) -> None:
        """Nobody runs in `mm` any more: its memory goes back. The next thread of each core must load its own."""
        self.pff_driver.remove_all(cpu, mm)
        for core in self.cpus:
            if core.mmu.fill.root == mm.pages.root:
                core.mmu.fill.root = 0
                core.flush_tlb(code=True)
        del self._mms[mm.pages.root]
        self.uintr.release_mm(mm)
        mm.release()

    def peek_tid(self) -> int:
        """The tid the next thread gets."""
        return self._next_tid

    def create_thread(self, cpu: Cpu, process: Process, registers: SavedRegisters) -> Task:
        """A runnable thread of `process` on the least loaded core; an idle core catches up with its creator."""
        affinity = self.scheduler.affinity_of_running(cpu)
        task = Task(self._next_tid, process, self.scheduler.least_loaded(affinity), registers, affinity)
        self._next_tid += 1
        if not process.tasks:
            self.processes[process.pid] = process
            self.first_process = self.first_process or process
        process.tasks.append(task)
        cpu.emit(ThreadCreated, task.tid, task.cpu_index)
        self.scheduler.add(cpu, task)
        return task

    def find_task(self, tid: int) -> Task | None:
        """A living thread of any process; a process whose first thread is gone has its number still."""
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
        """SIGCONT: the parent may want to know."""
        exit.continued(self, cpu, process)

    def forget_fault(self, task: Task) -> None:
        """The thread no longer waits for a userfaultfd to bring a page in, or to have its event read."""
        if task.awaited_uffd is not None:
            task.awaited_uffd.forget_task(self.cpus[task.cpu_index], task)
            task.awaited_uffd = None
        task.waited_fault = None

    # -- entries ------------------------------------------------------------------------------------------------

    def switch_in(self, cpu: Cpu) -> bool:
        """Give `cpu` to its next thread and finish what it slept in; False when it sleeps again."""
        task = self.scheduler.switch_in(cpu)
        interrupted = task.waited_fault is None
        if task.waited_fault is not None or task.resumes_fault:
            page_fault.retry(cpu, task)
        if task.restart_syscall is not None:
            registers = self._syscall_registers[cpu.index].read()
            number, task.restart_syscall = task.restart_syscall, None
            if task.result is not None and task.interrupted:
                task.restart_syscall = number  # who slept for a wake-up alone has nothing to look at again
            elif task.result is not None and not task.timed_out:
                self._return(cpu, task, number, registers, task.result)
            else:
                task.interrupted = False
                self._call(cpu, task, number, registers)
        if task.resumes_fault:
            task.resumes_fault = False
            self._leave_fault(cpu, interrupted=interrupted)
        return task.state is TaskState.RUNNABLE and self.ended is None

    def page_fault(self, cpu: Cpu, trap: Trap) -> None:
        """An ordinary #PF from ring 3 (arch/x86/mm/fault.c)."""
        self.entries += 1
        cpu.charge("cpu.exception")
        cpu.charge("kernel.entry")
        task, interrupted = self.scheduler.current(cpu), False
        try:
            number = cpu.bus.faults.number(task.tid)
            bad = page_fault.handle(cpu, task, trap.address, trap.error_code, number=number)
        except Blocked as blocked:
            if not task.signals.due:
                page_fault.wait(task, trap.address, trap.error_code, by_kernel=False)
                task.resumes_fault = True
                user_interrupt = sleep.ends_with_user_interrupt(self, task, None, blocked)
                self._block(cpu, task, blocked, Label("page"), user_interrupt)
                return
            self.forget_fault(task)  # ring 3 may fault again after the signal
            bad, interrupted = None, True
        except OutOfGuestMemory as error:
            self.kill(cpu, task, SigInfo.from_kernel(Signal.SIGKILL, str(error), trap))
            return
        finally:
            self.flush_stale(cpu)
        if bad is not None:
            signal_send.force(self, cpu, SigInfo.of_fault(bad.signal, bad.code, trap.address, bad.why, trap), task)
            cpu.charge("kernel.exit")
            cpu.charge("cpu.iret")
            if task.state is TaskState.RUNNABLE:
                self.deliver_signals(cpu)
            return
        self._leave_fault(cpu, interrupted=interrupted)

    @staticmethod
    def _leave_fault(cpu: Cpu, *, interrupted: bool) -> None:
        """Back to the refused access; `interrupted`: its wait is over, but the page is not there."""
        for cost in ("kernel.exit", "cpu.iret", "cpu.tlb_miss"):
            cpu.charge(cost)
        fault, path = cpu.bus.faults.end(cpu.tid)
        if interrupted:
            cpu.emit(FaultAbandoned, fault, Label("interrupted"))
        else:
            cpu.emit(Resumed, Hex(cpu.registers["rip"]), fault, path)

    def exception(self, cpu: Cpu, trap: Trap, why: str) -> None:
        """Any other exception from ring 3: the signal Linux sends for it."""
        self.entries += 1
        task, registers = self.scheduler.current(cpu), cpu.engine.save_registers()
        if faults.mend(self, cpu, task, trap):
            return
        info = traps.siginfo_of(trap, registers.word("rip"), registers.fxsave(), why)
        signal_send.force(self, cpu, info, task)
        if task.state is TaskState.RUNNABLE:
            for cost in ("cpu.exception", "kernel.entry", "kernel.exit", "cpu.iret"):
                cpu.charge(cost)
            self.deliver_signals(cpu)

    def deliver_signals(self, cpu: Cpu) -> bool:
        """Act on the signals that are due before ring 3 runs on; whether the thread still can."""
        task = self.scheduler.current(cpu)
        signal_delivery.deliver(self, cpu, task)
        self.flush_stale(cpu)
        return task.state is TaskState.RUNNABLE

    def interrupt(self, cpu: Cpu, vector: int) -> None:
        """An external interrupt that the hardware did not take to ring 3; the core may be idle."""
        interrupts.handle(self, cpu, vector)

    def syscall(self, cpu: Cpu) -> None:
        """SYSCALL from ring 3: RIP is behind it."""
        self.entries += 1
        task = self.scheduler.current(cpu)
        registers = self._syscall_registers[cpu.index].read()
        rip, number = registers[0], registers[2] & 0xFFFF_FFFF
        cpu.emit(Syscall, number, name_of(number), rip - SYSCALL_LENGTH)
        cpu.charge("cpu.syscall")
        cpu.charge("kernel.syscall")
        if number not in COSTED:
            cpu.charge("kernel.call")
        task.timed_out, task.deadline, task.result, task.progress = False, None, None, 0
        task.interrupted = False
        task.events_sent = task.cursor = 0
        self._call(cpu, task, number, registers)
        if self.first_process is not None and self.first_process.end is not None:
            exit.end_if_unheard(self, cpu)

    def _call(self, cpu: Cpu, task: Task, number: int, registers: list[int]) -> None:
        implementation, arity = TABLE.get(number, (None, 0))
        try:
            if implementation is None:
                raise self.unsupported(cpu, f"system call {number} ({name_of(number)})", Errno.ENOSYS, str(number))
            result = run(implementation, number, Call(self, cpu, task), registers[3 : 3 + arity])
        except LinuxError as error:
            result = -error.errno
        except Blocked as blocked:
            self._sleep(cpu, task, number, registers, blocked)
            return
        except OutOfGuestMemory as error:
            self.kill(cpu, task, SigInfo.from_kernel(Signal.SIGKILL, str(error)))
            return
        finally:
            self.flush_stale(cpu)
        if result is not None and task.state is not TaskState.DEAD:
            self._return(cpu, task, number, registers, result)
        if task.signals.due and task.state is TaskState.RUNNABLE:
            self.deliver_signals(cpu)

    def _sleep(self, cpu: Cpu, task: Task, number: int, registers: list[int], blocked: Blocked) -> None:
        """The call must wait; unless a signal or a user interrupt is there, which is what ends such a sleep."""
        user_interrupt = sleep.ends_with_user_interrupt(self, task, number, blocked)
        if blocked.sleep is Interruptible.NO or not (
            task.signals.due or (user_interrupt and self.uintr.is_pending(task))
        ):
            task.restart_syscall, task.result = number, blocked.result
            self._block(cpu, task, blocked, Label(name_of(number)), user_interrupt)
        elif task.progress:
            self._return(cpu, task, number, registers, task.progress)
        elif blocked.sleep is Interruptible.EINTR or not task.signals.due:
            self._return(cpu, task, number, registers, -Errno.EINTR)
        else:
            task.restart_syscall, task.result, task.interrupted = number, blocked.result, True
            task.deadline, task.sleep = blocked.deadline, blocked.sleep
        if task.state is TaskState.RUNNABLE:
            self.deliver_signals(cpu)

    def _block(self, cpu: Cpu, task: Task, blocked: Blocked, resume: Label, user_interrupt: bool) -> None:
        """`user_interrupt`: one ends this sleep."""
        if user_interrupt:
            sleep.wake_for_timer(task, blocked)
        self.scheduler.block(cpu, task, blocked, resume)
        if user_interrupt:
            self.uintr.switch.sleep(task)

    def restart(self, cpu: Cpu, task: Task) -> None:
        """A call that a signal interrupted starts again: no handler ran."""
        number, task.restart_syscall = task.restart_syscall, None
        assert number is not None
        self._call(cpu, task, number, self._syscall_registers[cpu.index].read())

    def return_error(self, cpu: Cpu, task: Task, number: int, errno: Errno) -> None:
        """An interrupted call fails."""
        self._return(cpu, task, number, self._syscall_registers[cpu.index].read(), -errno)

    def _return(self, cpu: Cpu, task: Task, number: int, registers: list[int], result: int) -> None:
        """SYSRET: RCX and R11 as the instruction pair leaves them."""
        rip, rflags = registers[:2]
        self._result_registers[cpu.index].write(result & MASK64, rip, rflags)
        task.deadline = task.result = None
        cpu.charge("cpu.sysret")
        if task.signals.saved_blocked is not None and result != -Errno.EINTR:
            signal_send.restore_blocked(self, cpu, task)
        cpu.emit(SyscallReturned, name_of(number), result)

    def open_device(self, path: str, flags: int) -> File | None:
        """The device file that a driver has at `path`; None: there is none."""
        if path == UserfaultfdDevice.PATH:
            return UserfaultfdDevice(flags) if self.options.userfaultfd else None
        return self.dma.open(path, flags)

    def _warn(self, cpu: Cpu, what: str) -> None:
        self.printk.warn_once(cpu, what)

    def unsupported(self, cpu: Cpu, what: str, errno: Errno, key: str = "") -> LinuxError:
        """For what Linux has and this kernel has not: one warning, and the error of a Linux built without it.

        Raises UnsupportedError with the option `strict`."""
        where = f"RIP {cpu.registers['rip'] - SYSCALL_LENGTH:#x}"
        if self.options.strict:
            raise UnsupportedError(f"{what} is not modelled", where=where, remedy=f"without --strict: {errno.name}")
        self.printk.warn_once(cpu, f"{what} at {where} is not modelled: {errno.name}", key=key or what)
        return LinuxError(errno)

    # -- shared -------------------------------------------------------------------------------------------------

    def flush_stale(self, caller: Cpu) -> None:
        """TLB shootdown on every core that has a changed address space loaded; idle ones flush when they wake."""
        for cpu in self.cpus:
            mm = self._mms.get(cpu.mmu.fill.root)
            if mm is not None and (mm.stale or mm.code_changed):
                if mm.code_changed:
                    mm.code_version = self.next_code_version()
                for core in self.cpus:
                    if core.mmu.fill.root == mm.pages.root:
                        core.flush_tlb(code=mm.code_changed)
                        if mm.stale:
                            self._charge_flush(caller, core)
                mm.stale = mm.code_changed = False
            if mm is not None and mm.owed:
                for cost, units in mm.owed.items():
                    caller.charge(cost, units)
                mm.owed.clear()

    @staticmethod
    def _charge_flush(caller: Cpu, core: Cpu) -> None:
        if core is caller or core.tid:
            core.charge("cpu.tlb_flush")
        if core is not caller and core.tid:
            caller.charge("kernel.tlb.shootdown")
