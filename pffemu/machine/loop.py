"""The steps of the machine's loop: a core has stopped, and the hardware or the kernel answers the stop.

Everything that changes guest-visible state happens here or below, never in a hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pffemu.arch import exceptions
from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.rflags import TF
from pffemu.engine.stop import EngineStop, StopKind
from pffemu.events.details import ConditionChecked
from pffemu.events.fault_repeats import MOST, MOST_SIGNALS, Stuck
from pffemu.events.faults import DIRECTED
from pffemu.events.fields import Hex
from pffemu.events.hw import MmuDecision, Resumed, WalkRefused
from pffemu.hw import directed_resolution, forwarding, insns, interrupts, uintr, user_fault
from pffemu.hw.cpu import Cpu
from pffemu.hw.directed_resolution import Result
from pffemu.hw.trap import Trap

if TYPE_CHECKING:
    from kernel_model.kernel import Kernel

SLICE: Final = 5_000_000  # instructions between looks at the interrupt flag
# members of an enum take ten times as long to look up
_SYSCALL, _REFUSED, _INVALID = StopKind.SYSCALL, StopKind.REFUSED, StopKind.INVALID
_LIMIT, _EXCEPTION = StopKind.LIMIT, StopKind.EXCEPTION
_SINGLE_STEP: Final = Trap(exceptions.DB, address=exceptions.DR6_BS)


def take_interrupts(kernel: Kernel, cpu: Cpu) -> bool:
    """Take the interrupts due at `cpu` (`event_at`), which may be idle: in hardware, or else in the kernel.

    True when the kernel was entered.
    """
    cpu.wait_until(cpu.event_at)
    found = interrupts.accept(cpu)
    if isinstance(found, Trap):
        _raise_of_upid(kernel, cpu, found)
    elif found is not None:
        kernel.entry.interrupt(cpu, found)
    return found is not None


def _raise_of_upid(kernel: Kernel, cpu: Cpu, trap: Trap) -> None:
    """Raise the fault of user-interrupt notification processing that could not access the UPID."""
    if trap.vector == exceptions.PF:
        cpu.bus.faults.begin(cpu.tid, cpu.registers["rip"])
        kernel.entry.page_fault(cpu, trap)
    else:
        why = f"UPIDADDR {cpu.uintr.upidaddr:#x} is not canonical, while a notification was processed"
        kernel.entry.exception(cpu, trap, why)


def deliver_pending(kernel: Kernel, cpu: Cpu) -> bool:
    """Before a turn, deliver signals, then a user interrupt pending in UIRR. False when the thread cannot run on."""
    if kernel.scheduler.current(cpu).signals.due:
        if not kernel.entry.deliver_signals(cpu):
            return False
        if kernel.signals_wait:
            return True
    # SDM recognition.1
    if not cpu.uintr.uirr:
        return True
    if not uintr.can_deliver(cpu):
        return True
    trap = uintr.deliver_user_interrupt(cpu)
    if trap is not None:
        if trap.vector == exceptions.PF:
            cpu.bus.faults.begin(cpu.tid, cpu.registers["rip"])
        _raise(kernel, cpu, trap, "while a user interrupt was delivered")
        kernel.scheduler.preempt(cpu)
    return trap is None


def own_instruction(cpu: Cpu, rip: int) -> insns.Found | None:
    """The instruction at `rip` if this machine implements it itself because Unicorn does not know it."""
    return insns.find(cpu.mmu.code_at(rip, MAX_INSTRUCTION), cpu.checks)


def executed(cpu: Cpu, found: insns.Found) -> bool:
    """Execute it in mid-turn. False if the kernel must be entered: nothing has changed, `act` executes it again."""
    if cpu.rflags & TF or found.execute(cpu, found.length) is not None:
        return False
    if found.counts:
        cpu.count_own()
    return True


def act(kernel: Kernel, cpu: Cpu, stop: EngineStop) -> None:
    """Let the hardware or the kernel answer `stop`."""
    kind = stop.kind
    if kind is _SYSCALL:
        kernel.entry.syscall(cpu)
    elif kind is _REFUSED:
        _refused(kernel, cpu, stop.rip)
    elif kind is _INVALID:
        _invalid_opcode(kernel, cpu, stop.rip)
    elif kind is _LIMIT:
        kernel.scheduler.tick(cpu)
    elif kind is _EXCEPTION:
        kernel.entry.exception(cpu, _SINGLE_STEP if stop.vector == exceptions.DB else Trap(stop.vector), "")
    # neither answers the others: the caller of `advance` asked for them


def _refused(kernel: Kernel, cpu: Cpu, rip: int) -> None:
    fault = cpu.mmu.refused_access(cpu.registers, rip)
    if fault.vector == exceptions.PF:
        _page_fault(kernel, cpu, fault)
    else:
        kernel.entry.exception(cpu, fault, "")


def _page_fault(kernel: Kernel, cpu: Cpu, fault: Trap) -> None:
    """#PF of an instruction: a directive resolves it, or the MMU decides whether it is forwarded (pff)."""
    registers = rip, _, rflags = cpu.rip_rsp_rflags.read()
    number = cpu.bus.faults.begin(cpu.tid, rip)
    cpu.emit(WalkRefused, rip, fault.address, fault.error_code, number)
    cpu.charge("cpu.tlb_miss")
    mm = kernel.scheduler.current(cpu).process.mm
    times = cpu.bus.faults.repeats.count(cpu.tid, rip, fault.address, fault.error_code, mm.pages.version)
    if times >= MOST:
        area = mm.vmas.find(fault.address)
        if cpu.user_faults.uff or (area is not None and area.uffd is not None) or times >= MOST_SIGNALS:
            kernel.stuck = Stuck(number, cpu.tid, rip, fault.address, fault.error_code, times)
            return
    if cpu.user_faults.uff and user_fault.takes(cpu, fault):
        _user_fault(kernel, cpu, fault, registers, number)
        return
    forwarded = fault
    if cpu.directed.context is not None:
        outcome = directed_resolution.resolve(cpu, fault, number)
        if outcome is not None:
            if outcome.result is not Result.DECLINED:
                if outcome.result is Result.REPLAY:
                    cpu.bus.faults.repeats.forget(cpu.tid)
                _replay(cpu, rip)
                return
            forwarded = fault._replace(error_code=fault.error_code | outcome.error_bits)
    decision = forwarding.decide(cpu, fault, rflags)
    if cpu.bus.details:
        forwarding.tell(cpu, decision)
    cpu.emit(MmuDecision, fault.address, "forward" if decision.forward else "kernel", decision.reason, number)
    if not decision.forward:
        kernel.entry.page_fault(cpu, fault)
        return
    trap = uintr.deliver_page_fault(cpu, forwarded, registers)
    if trap is not None:
        _raise(kernel, cpu, trap, "while a page fault was forwarded")


def _replay(cpu: Cpu, rip: int) -> None:
    """The page is there: the same instruction walks the tables again."""
    cpu.bus.faults.take(cpu.tid, DIRECTED)
    cpu.charge("cpu.tlb_miss")
    cpu.emit(Resumed, Hex(rip), *cpu.bus.faults.end(cpu.tid))


def _user_fault(kernel: Kernel, cpu: Cpu, fault: Trap, registers: list[int], number: int) -> None:
    """#PF of an instruction while UFF is set (UserFault)."""
    if cpu.bus.details:
        cpu.detail(ConditionChecked, user_fault.DECISION, 1)
    cpu.emit(MmuDecision, fault.address, "forward", user_fault.DECISION, number)
    trap = user_fault.deliver(cpu, fault, registers)
    if trap is not None:
        handler = f"IA32_UFAULT_HANDLER {cpu.user_faults.handler:#x}"
        _raise(kernel, cpu, trap, "while a user fault was delivered", handler)


def _raise(kernel: Kernel, cpu: Cpu, trap: Trap, when: str, handler: str = "") -> None:
    """A trap that a delivery raised; the delivery changed nothing and is repeated when the thread runs on.

    `handler`: the register with the handler's address, and its value.
    """
    if trap.vector == exceptions.PF:
        kernel.entry.page_fault(cpu, trap)
    elif trap.vector == exceptions.GP:
        kernel.entry.exception(cpu, trap, f"{handler or f'UIHANDLER {cpu.uintr.handler:#x}'} is not canonical, {when}")
    else:
        kernel.entry.exception(cpu, trap, f"the handler's stack is not canonical, {when}")


def _invalid_opcode(kernel: Kernel, cpu: Cpu, rip: int) -> None:
    """An instruction that Unicorn does not know or must not execute: one of our own, or #UD."""
    found = own_instruction(cpu, rip)
    if found is None:
        kernel.entry.exception(cpu, Trap(exceptions.UD), "")
        return
    stepping = cpu.rflags & TF
    trap = found.execute(cpu, found.length)
    if trap is None or found.traps:
        if found.counts:
            cpu.count_own()
        if trap is not None:
            cpu.registers.skip(found.length)
            kernel.entry.exception(cpu, trap, "")
        elif stepping:  # TF was set before the instruction; the trap comes before any pending user interrupt
            kernel.entry.exception(cpu, _SINGLE_STEP, "")
    elif trap.vector == exceptions.PF:
        _page_fault(kernel, cpu, trap)
    else:
        kernel.entry.exception(cpu, trap, insns.why(found, trap))
