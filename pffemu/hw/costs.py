"""Virtual cycles of what the hardware and the kernel model do, at 2.0 GHz. Rough: the timing model is a later step.

Every number names its source: (a) gem5/xUI, receiver overhead of a user interrupt; (b) uintr-read and usm-write stage
medians of beviu/m2-internship (Linux 6.0, TSC cycles); (c) bpf_fault draft, stage list of a missing userfaultfd fault
(ns on 2.x GHz AMD Rome, taken as 2 cycles a ns); (d) ours: a small number so that order is visible, not published.
"""

from __future__ import annotations

from typing import Final

CYCLES_PER_NS: Final = 2

CYCLES: Final[dict[str, int]] = {
    "cpu.exception": 529,  # (b) isr_entry, hardware part of #PF
    "cpu.iret": 287,  # (b) IRET
    "cpu.syscall": 100,  # (d) SYSCALL + SYSRET
    "cpu.uintr.deliver": 645,  # (a) delivery that flushes the pipeline
    "cpu.uintr.uiret": 40,  # (d)
    "cpu.uintr.flag": 20,  # (a) CLUI 2, STUI 32
    "cpu.uintr.senduipi": 383,  # (a) the sender's part
    "cpu.uintr.notify": 75,  # (a) receiver overhead of 720, less delivery
    "cpu.ipi.latency": 257,  # (a) end-to-end 1360, less the sender's and the receiver's part
    "cpu.ipi": 1360,  # (a) end-to-end UIPI, standing in for a wake-up IPI
    "kernel.entry": 367,  # (b) c_entry
    "kernel.exit": 268,  # (b) c_exit + restore
    "kernel.fault.vma": 316,  # (b) lock + find VMA
    "kernel.fault.walk": 175,  # (b)
    "kernel.fault.install": 219,  # (b) PTE set
    "kernel.page.zero": 979,  # (b) allocation with zeroing
    "kernel.page.copy": 1300,  # (c) page allocation + copy, less the entry path
    "kernel.uffd.enqueue": 1864,  # (c) enqueue message
    "kernel.uffd.read": 1180,  # (c) read by subtraction
    "kernel.uffd.wake": 746,  # (c) wake processing
    "kernel.schedule": 2194,  # (c) context switch to the handler
    "kernel.syscall": 200,  # (d) body of any other call
}
