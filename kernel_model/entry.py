"""Entries from user space, and how a thread that slept goes on; the machine's loop calls them.

Every entry ends in one of three ways: the thread goes on, it sleeps, or its process ends (Kernel.ended says how).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.syscall_names import NAMES
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call
from kernel_model.calls.mmap_locked import run
from kernel_model.calls.table import COSTED, TABLE
from kernel_model.drivers import interrupts
from kernel_model.mm import page_fault
from kernel_model.process import exit, file_signals, signal_delivery
from kernel_model.signal import send as signal_send
from kernel_model.signal import traps
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.sleep import PendingCall, Sleep, SleepIn
from kernel_model.task.task import Task, TaskState
from kernel_model.uintr import faults
from kernel_model.uintr import sleep as uintr_sleep
from kernel_model.wait.queue import Blocked, Interruptible, Polled, SpinWait
from pffemu.arch.encodings import SYSCALL_LENGTH
from pffemu.arch.registers import MASK64
from pffemu.errors import OutOfGuestMemory
from pffemu.events.faults import ON_DISK
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import Resumed
from pffemu.events.kernel import FaultAbandoned, Syscall, SyscallReturned
from pffemu.hw.trap import Trap

if TYPE_CHECKING:
    from kernel_model.kernel import Kernel
    from pffemu.hw.cpu import Cpu

# members of an enum take ten times as long to look up
_RUNNABLE, _DEAD, _FAULT = TaskState.RUNNABLE, TaskState.DEAD, SleepIn.FAULT
_COSTED: Final = ("cpu.syscall", "kernel.syscall")  # of a call that charges the rest itself
_USUAL: Final = (*_COSTED, "kernel.call")
_SYSCALL_REGISTERS: Final = ("rip", "rflags", "rax", "rdi", "rsi", "rdx", "r10", "r8", "r9")


class Entry:
    """The kernel's entry points. `count`: system calls, exceptions and page faults that came from ring 3."""

    def __init__(self, kernel: Kernel, cpus: list[Cpu]) -> None:
        self._kernel = kernel
        self.count = 0
        self._syscall_registers = [cpu.registers.group(*_SYSCALL_REGISTERS) for cpu in cpus]
        self._result_registers = [cpu.registers.group("rax", "rcx", "r11") for cpu in cpus]

    # -- a thread's turn ----------------------------------------------------------------------------------------

    def switch_in(self, cpu: Cpu) -> bool:
        """Give `cpu` to its next thread and finish what it slept in; False when it sleeps again."""
        kernel = self._kernel
        task = kernel.scheduler.switch_in(cpu)
        if task.sleep is not None and task.sleep.behind is not None:
            task.sleep = task.sleep.behind
            signal_send.recalculate(task)  # a call that the stop interrupted fails, or starts again
        sleep = task.sleep
        if sleep is not None and sleep.trap is not None:
            if sleep.spin is None:
                task.sleep = None
                self.page_fault(cpu, sleep.trap, again=True)
            else:
                self._spin(cpu, task, sleep.trap, sleep.spin)
            return task.state is _RUNNABLE and task.sleep is None and kernel.ended is None
        is_fault, interrupted = sleep is not None and sleep.of is _FAULT, task.waited_fault is None
        if task.waited_fault is not None or is_fault:
            page_fault.retry(cpu, task, of_ring_3=is_fault)
        if sleep is not None and not (sleep.interrupted and sleep.call is not None and sleep.call.result is not None):
            task.sleep = None  # an interrupted call with a result is not repeated: the signal ends it
            if sleep.call is not None:
                self._go_on(cpu, task, sleep.call)
        if is_fault:
            self._leave_fault(cpu, interrupted=interrupted)
        return task.state is _RUNNABLE and kernel.ended is None

    def _spin(self, cpu: Cpu, task: Task, trap: Trap, spin: SpinWait) -> None:
        """Look once at what the running thread spins for; other threads of the core run when its turn is over."""
        if task.signals.due:
            self._kernel.forget_fault(task)
            task.sleep = None
            self._leave_fault(cpu, interrupted=True)
            return
        polled = spin.poll(cpu, task)
        if polled is Polled.WAIT:
            cpu.wait_until(cpu.clock + cpu.cycles_of("insn.pause"), "wait.daemon")
            self._kernel.scheduler.tick(cpu)
            return
        task.sleep = None
        if polled is Polled.AGAIN:
            self.page_fault(cpu, trap, again=True)
            return
        page_fault.count(task, trap.address)
        self._kernel.flush_stale(cpu)
        self._leave_fault(cpu, interrupted=False)

    def _go_on(self, cpu: Cpu, task: Task, call: PendingCall) -> None:
        """A call has slept: it returns the result its wake-up brought, or starts again."""
        registers = self._syscall_registers[cpu.index].read()
        if call.result is not None and not call.timed_out:
            self._return(cpu, task, call, registers, call.result)
        else:
            self._call(cpu, task, call, registers)

    def deliver_signals(self, cpu: Cpu) -> bool:
        """Act on the signals that are due before ring 3 runs on; returns whether the thread can still run."""
        task = self._kernel.scheduler.current(cpu)
        signal_delivery.deliver(self._kernel, cpu, task)
        self._kernel.flush_stale(cpu)
        return task.state is _RUNNABLE

    # -- exceptions and interrupts ------------------------------------------------------------------------------

    def page_fault(self, cpu: Cpu, trap: Trap, *, again: bool = False) -> None:
        """An ordinary #PF from ring 3 (arch/x86/mm/fault.c); a mechanism may let the thread go on in a handler.

        `again`: its thread has slept for the disk in it.
        """
        kernel = self._kernel
        if not again:
            self.count += 1
            cpu.charge_all(("cpu.exception", "kernel.entry"))
        task, interrupted, entered = kernel.scheduler.current(cpu), False, False
        try:
            number = cpu.bus.faults.number(task.tid)
            bad = page_fault.handle(cpu, task, trap.address, trap.error_code, number=number, again=again)
            if isinstance(bad, page_fault.EntersHandler):
                entered, bad = True, bad.enter()
        except Blocked as blocked:
            if blocked.again:
                page_fault.wait(task, trap.address, trap.error_code, by_kernel=True)
                sleep = Sleep.after(blocked, SleepIn.DISK)
                sleep.trap = trap
                self._block(cpu, task, sleep, Label(ON_DISK), False)
                return
            if blocked.spin is not None and not task.signals.due:
                task.sleep = Sleep.after(blocked, SleepIn.FAULT)
                task.sleep.trap = trap
                return
            if not task.signals.due:
                page_fault.wait(task, trap.address, trap.error_code, by_kernel=False)
                user_interrupt = uintr_sleep.ends_with_user_interrupt(kernel, task, None, blocked)
                self._block(cpu, task, Sleep.after(blocked, SleepIn.FAULT), Label("page"), user_interrupt)
                return
            task.waited_fault = None
            if blocked.uffd is not None:
                blocked.uffd.forget_task(cpu, task)  # ring 3 may fault again after the signal
            bad, interrupted = None, True
        except OutOfGuestMemory as error:
            kernel.kill(cpu, task, SigInfo.from_kernel(Signal.SIGKILL, str(error), trap))
            return
        finally:
            kernel.flush_stale(cpu)
        if bad is not None:
            signal_send.force(kernel, cpu, SigInfo.of_fault(bad.signal, bad.code, trap.address, bad.why, trap), task)
        elif not entered:
            self._leave_fault(cpu, interrupted=interrupted)
            return
        cpu.charge_all(("kernel.exit", "cpu.iret"))
        if task.state is _RUNNABLE:
            self.deliver_signals(cpu)

    @staticmethod
    def _leave_fault(cpu: Cpu, *, interrupted: bool) -> None:
        """Return to the refused access; `interrupted`: the wait has ended, but the page is still missing."""
        page_fault.charge_return(cpu)
        fault, path = cpu.bus.faults.end(cpu.tid)
        if interrupted:
            cpu.emit(FaultAbandoned, fault, Label("interrupted"))
        else:
            cpu.emit(Resumed, Hex(cpu.registers["rip"]), fault, path)

    def exception(self, cpu: Cpu, trap: Trap, why: str) -> None:
        """Any other exception from ring 3: send the signal that Linux sends for it."""
        kernel = self._kernel
        self.count += 1
        task, registers = kernel.scheduler.current(cpu), cpu.engine.save_registers()
        if faults.mend(kernel, cpu, task, trap):
            return
        info = traps.siginfo_of(trap, registers.word("rip"), registers.fxsave(), why)
        signal_send.force(kernel, cpu, info, task)
        if task.state is _RUNNABLE:
            cpu.charge_all(("cpu.exception", "kernel.entry", "kernel.exit", "cpu.iret"))
            self.deliver_signals(cpu)

    def interrupt(self, cpu: Cpu, vector: int) -> None:
        """An external interrupt that the hardware did not take to ring 3; the core may be idle."""
        interrupts.handle(self._kernel, cpu, vector)

    # -- system calls -------------------------------------------------------------------------------------------

    def syscall(self, cpu: Cpu) -> None:
        """SYSCALL from ring 3: RIP is behind it."""
        kernel = self._kernel
        self.count += 1
        task = kernel.scheduler.current(cpu)
        registers = self._syscall_registers[cpu.index].read()
        rip, number = registers[0], registers[2] & 0xFFFF_FFFF
        cpu.emit(Syscall, number, NAMES[number], rip - SYSCALL_LENGTH)
        cpu.charge_all(_COSTED if number in COSTED else _USUAL)
        self._call(cpu, task, PendingCall(number), registers)
        if kernel.first_process is not None and kernel.first_process.end is not None:
            exit.end_if_unheard(kernel, cpu)

    def restart(self, cpu: Cpu, task: Task, call: PendingCall) -> None:
        """A call that a signal interrupted starts again: no handler ran."""
        self._call(cpu, task, call, self._syscall_registers[cpu.index].read())

    def return_error(self, cpu: Cpu, task: Task, call: PendingCall, errno: Errno) -> None:
        """An interrupted call fails."""
        self._return(cpu, task, call, self._syscall_registers[cpu.index].read(), -errno)

    def _call(self, cpu: Cpu, task: Task, call: PendingCall, registers: list[int]) -> None:
        kernel, number = self._kernel, call.number
        implementation, arity = TABLE.get(number, (None, 0))
        try:
            if implementation is None:
                raise kernel.unsupported(cpu, f"system call {number} ({NAMES[number]})", Errno.ENOSYS, str(number))
            result = run(implementation, number, Call(kernel, cpu, task, call), registers[3 : 3 + arity])
        except LinuxError as error:
            result = -error.errno
        except Blocked as blocked:
            self._sleep(cpu, task, call, registers, blocked)
            if kernel.file_signals:
                file_signals.send_waiting(kernel, cpu)
            return
        except OutOfGuestMemory as error:
            kernel.kill(cpu, task, SigInfo.from_kernel(Signal.SIGKILL, str(error)))
            return
        finally:
            kernel.flush_stale(cpu)
        if result is not None and task.state is not _DEAD:
            self._return(cpu, task, call, registers, result)
        if kernel.file_signals:
            file_signals.send_waiting(kernel, cpu)
        if task.signals.due and task.state is _RUNNABLE:
            self.deliver_signals(cpu)

    def _sleep(self, cpu: Cpu, task: Task, call: PendingCall, registers: list[int], blocked: Blocked) -> None:
        """Put the calling thread to sleep, unless a signal or user interrupt that would end the sleep is pending."""
        kernel = self._kernel
        user_interrupt = uintr_sleep.ends_with_user_interrupt(kernel, task, call.number, blocked)
        call.result = blocked.result
        if blocked.deadline is not None:
            call.deadline = blocked.deadline  # a page that is missing on the way gives no more time
        if blocked.sleep is Interruptible.NO or not (
            task.signals.due or (user_interrupt and kernel.uintr.is_pending(task))
        ):
            sleep = Sleep.after(blocked, SleepIn.CALL, call)
            self._block(cpu, task, sleep, Label(NAMES[call.number]), user_interrupt)
        elif call.progress:
            self._return(cpu, task, call, registers, call.progress)
        elif blocked.sleep is Interruptible.EINTR or not task.signals.due:
            self._return(cpu, task, call, registers, -Errno.EINTR)
        else:
            task.sleep = Sleep(SleepIn.CALL, call, interruptible=blocked.sleep, interrupted=True)
        if task.state is _RUNNABLE:
            self.deliver_signals(cpu)

    def _block(self, cpu: Cpu, task: Task, sleep: Sleep, resume: Label, user_interrupt: bool) -> None:
        """Block the running thread. `user_interrupt`: a user interrupt ends this sleep."""
        if user_interrupt:
            uintr_sleep.wake_for_timer(task, sleep)
        self._kernel.scheduler.block(cpu, task, sleep, resume)
        if user_interrupt:
            self._kernel.uintr.switch.sleep(task)

    def _return(self, cpu: Cpu, task: Task, call: PendingCall, registers: list[int], result: int) -> None:
        """SYSRET: RCX and R11 as the instruction pair leaves them."""
        rip, rflags = registers[:2]
        self._result_registers[cpu.index].write(result & MASK64, rip, rflags)
        cpu.charge("cpu.sysret")
        task.signals.waiting_for = 0
        if task.signals.saved_blocked is not None and result != -Errno.EINTR:
            signal_send.restore_blocked(self._kernel, cpu, task)
        cpu.emit(SyscallReturned, NAMES[call.number], result)
