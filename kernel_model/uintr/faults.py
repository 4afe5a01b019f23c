"""Exceptions of SENDUIPI that the kernel fixes up (fixup_senduipi_ud_exception, fixup_uintr_gp_exception).

#UD: the process has a target table, but this thread has not been armed for it. #GP: the receiver sleeps and wants its
senders to wake it (UPID.BLKD): the kernel posts in the sender's place and wakes it. Every other one is the sender's
fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.uintr import sleep
from pffemu.arch import exceptions, upid
from pffemu.arch.encodings import MAX_INSTRUCTION, REGISTERS_64
from pffemu.hw import insns

if TYPE_CHECKING:
    from kernel_model.task.task import Task
    from kernel_model.uintr.kernel import UintrKernel
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.trap import Trap


def mend(kernel: UintrKernel, cpu: Cpu, task: Task, trap: Trap) -> bool:
    """Whether the kernel has dealt with `trap` of the running thread, which goes on at its RIP."""
    table = task.process.mm.target_table
    if table is None or trap.vector not in (exceptions.UD, exceptions.GP):
        return False
    rip = cpu.registers["rip"]
    found = insns.find(cpu.mmu.code_at(rip, MAX_INSTRUCTION))
    if found is None or found.mnemonic != "senduipi" or found.register is None:
        return False
    if trap.vector == exceptions.UD:
        armed = task.uintr.uitt_enabled
        kernel.uintr.arm(task)
        return not armed
    target = table.targets.get(cpu.registers[REGISTERS_64[found.register]])
    if target is None or not kernel.uintr.upids.control(target.receiver) & upid.BLKD:
        return False
    kernel.uintr.upids.post(target.receiver, target.user_vector)
    sleep.end(kernel, cpu, target.receiver)
    cpu.registers["rip"] = rip + found.length
    cpu.left_block()
    return True
