"""Every cost that can be charged: its name, its unit, and what it stands for.

A profile gives each of them a value; `Cpu.charge(name, units)` is where time passes. Names begin with what spends the
time: `cpu.*` the hardware, `kernel.*` the kernel, `device.*` a device, `insn.*` a guest instruction of that class.
`wait.*` are cycles in which a core did nothing; they have no price, their unit is the cycle.
`memory.*` are cycles of waiting for memory, with the memory hierarchy (`--memory caches`) only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pffemu.arch.own_instructions import OWN_INSTRUCTIONS

EVENT: Final = ""  # the unit of most costs: one occurrence
BYTE, CORE, INSTRUCTION = "byte", "core", "instruction"


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost. `per`: its unit ("" for one occurrence, else "byte", "core", "instruction")."""

    what: str
    per: str = EVENT


CATALOGUE: Final[dict[str, Cost]] = {
    # the hardware
    "cpu.exception": Cost("exception delivery through the IDT, up to the first kernel instruction"),
    "cpu.iret": Cost("IRET to ring 3"),
    "cpu.syscall": Cost("SYSCALL"),
    "cpu.sysret": Cost("SYSRET"),
    "cpu.tlb_miss": Cost("page-table walk by the hardware, entries in the cache"),
    "cpu.tlb_flush": Cost("flush of a core's TLB, or of one entry"),
    "cpu.mmio": Cost("a load or store that reaches a device"),
    "cpu.region.compare": Cost("pff: a refused address compared with all regions of the MMU's table at once"),
    "cpu.region.pte": Cost("pff: bit 58 of the refusing page-table entry looked at"),
    "cpu.ipi.send": Cost("write of the APIC's interrupt command register"),
    "cpu.ipi.flight": Cost("from that write until the other core's APIC has the interrupt"),
    "cpu.idle_wake": Cost("an idle core takes the interrupt and leaves its idle loop"),
    "cpu.uintr.deliver.flush": Cost("user-interrupt delivery that flushes the pipeline, frame included"),
    "cpu.uintr.deliver.drain": Cost("user-interrupt delivery that drains the pipeline first, frame included"),
    "cpu.uintr.deliver.tracked": Cost("user-interrupt delivery tracked through the pipeline, frame included"),
    "cpu.directed.check": Cost("directed resolution: a directive of 64 bytes read and checked"),
    "cpu.directed.claim": Cost("directed resolution: the entry made BUSY by a locked compare-and-swap"),
    "cpu.directed.wait": Cost("directed resolution: a BUSY entry read again"),
    "cpu.directed.frame": Cost("directed resolution: the frame ring's oldest entry and its header read"),
    "cpu.directed.copy": Cost("directed resolution: a page copied by the unit", BYTE),
    "cpu.directed.zero": Cost("directed resolution: a frame zeroed by the unit, where it was not zero before", BYTE),
    "cpu.directed.record": Cost("directed resolution: a record of 16 bytes and two ring counts written"),
    "cpu.directed.publish": Cost("directed resolution: the present entry stored with release order"),
    "cpu.directed.decline": Cost("directed resolution: a fill given up, up to where forwarding is decided"),
    "cpu.uintr.notify": Cost("notification processing: ON cleared, PIR taken from the UPID"),
    **{row.cost: Cost(row.cost_is or row.mnemonic.upper()) for row in OWN_INSTRUCTIONS.values()},
    # the kernel: entries
    "kernel.entry": Cost("exception entry in software: registers saved, dispatched"),
    "kernel.exit": Cost("exception exit in software: pending work checked, registers restored"),
    "kernel.syscall": Cost("system-call entry and exit in software"),
    "kernel.call": Cost("a system call's own work, where nothing finer is charged"),
    "kernel.copy_from_user": Cost("a copy from user memory set up"),
    "kernel.copy_to_user": Cost("a copy to user memory set up"),
    "kernel.user_byte": Cost("bytes copied from or to user memory", BYTE),
    # the kernel: memory
    "kernel.lock": Cost("a free lock taken and released"),
    "kernel.lock.transfer": Cost("the lock's cache line comes from another core"),
    "kernel.mmget": Cost("a reference to an address space taken and dropped (mmget_not_zero, mmput)"),
    "kernel.fault.vma": Cost("the area of a faulting address looked up"),
    "kernel.fault.walk": Cost("page-table walk by the kernel"),
    "kernel.fault.install": Cost("a page-table entry set, reverse map and counters included"),
    "kernel.page.lookup": Cost("a file's page looked up in the page cache, or put there"),
    "kernel.page.allocate": Cost("a page taken from the allocator"),
    "kernel.page.free": Cost("a page given back"),
    "kernel.page.zero": Cost("page content zeroed", BYTE),
    "kernel.page.copy": Cost("page content copied", BYTE),
    "kernel.readahead": Cost("the pages to read ahead chosen"),
    "kernel.fault.around": Cost("one more page of the page cache mapped by a fault (filemap_map_pages)"),
    "kernel.reclaim.scan": Cost("a page taken from its list by reclaim and its use looked up in the reverse map"),
    "kernel.rmap.entry": Cost("a page-table entry found by the reverse map and removed or narrowed"),
    "kernel.writeback.page": Cost("a dirty page prepared for writing"),
    "kernel.disk.submit": Cost("a request to the disk: file system, block layer, driver"),
    "kernel.disk.complete": Cost("completion of a request to the disk, its pages unlocked"),
    "kernel.tlb.shootdown": Cost("another core made to flush its TLB, and waited for", CORE),
    "kernel.vma.change": Cost("an area inserted, split, copied or removed"),
    "kernel.fork.entry": Cost("a page-table entry copied to a child process, its page shared"),
    # the kernel: userfaultfd
    "kernel.uffd.validate": Cost("arguments of a userfaultfd ioctl checked"),
    "kernel.uffd.enqueue": Cost("a message built and put on the wait queue of faults"),
    "kernel.uffd.read": Cost("a message taken off and turned into a uffd_msg"),
    "kernel.poll": Cost("poll of one file: its state looked at, the wait queue entered"),
    "kernel.uffd.wake": Cost("the wait queue of faults searched and a sleeper taken off it"),
    "kernel.uffd.retry": Cost("a woken faulting thread leaves the wait queue and tries its fault again"),
    # the kernel: directed resolution
    "kernel.directed.entry": Cost("a not-present entry made to name a directive, or not to"),
    "kernel.directed.frame": Cost("a frame put into a frame ring, or taken out of one"),
    "kernel.directed.record": Cost("a completion record taken over: counters, reverse map"),
    "kernel.directed.settle": Cost("another core's unit looked at, and waited for", CORE),
    # the kernel: explicit mappings
    "kernel.exmap.frame": Cost("exmap: a frame taken off, or put on, an interface's list of free ones"),
    "kernel.exmap.entry": Cost("exmap: a page-table entry of a batch found, set or cleared: no area, no reverse map"),
    "kernel.daemon.post": Cost("a fault written into a daemon's ring, the ring's readiness looked at before and after"),
    # the kernel: threads
    "kernel.wake": Cost("try_to_wake_up: a thread made runnable"),
    "kernel.schedule": Cost("the run queue's next thread picked"),
    "kernel.context_switch": Cost("registers, stack and address space of another thread loaded"),
    "kernel.signal.deliver": Cost("a signal frame built on the user stack"),
    "kernel.signal.return": Cost("rt_sigreturn's own work"),
    # the disk: latencies that no core spends
    "device.disk.read": Cost("from a read request's doorbell to its interrupt, without the transfer"),
    "device.disk.write": Cost("from a write request's doorbell to its interrupt, without the transfer"),
    "device.disk.byte": Cost("transfer between disk and memory, one request after the other", BYTE),
    # guest instructions, by class
    "insn.simple": Cost("an instruction of no other class", INSTRUCTION),
    "insn.load": Cost("an instruction that reads memory", INSTRUCTION),
    "insn.store": Cost("an instruction that writes memory", INSTRUCTION),
    "insn.branch": Cost("a jump, call or return", INSTRUCTION),
    "insn.multiply": Cost("an integer multiplication", INSTRUCTION),
    "insn.divide": Cost("an integer division", INSTRUCTION),
    "insn.vector": Cost("an instruction on XMM or x87 registers", INSTRUCTION),
    "insn.atomic": Cost("a locked read-modify-write", INSTRUCTION),
    "insn.rep": Cost("one iteration of a REP string instruction", INSTRUCTION),
    "insn.pause": Cost("PAUSE, which makes a spinning core wait", INSTRUCTION),
}

IDLE: Final = "wait.idle"
WAITS: Final[dict[str, str]] = {
    IDLE: "the core had nothing to run",
    "wait.disk": "the thread held what others need while the disk worked",
    "wait.mmap_lock": "mmap_lock was held by another core",
    "wait.vma_lock": "the lock of an area was held by another core",
    "wait.daemon": "a faulting thread spun in the kernel until a daemon answered",
    "wait.uffd_lock": "a userfaultfd's wait-queue lock was held by another core",
}
STALLS: Final[dict[str, str]] = {  # with a memory hierarchy: cycles in which a core waited for memory
    "memory.l2": "waited for a line in the core's second-level cache",
    "memory.l3": "waited for a line in the shared third-level cache",
    "memory.dram": "waited for a line that no cache had",
    "memory.transfer": "waited for another core's copy of a line",
    "memory.tlb": "waited for a translation that the first-level TLB did not have",
    "memory.prefetch": "waited for a line that the prefetcher had asked for",
}
INSTRUCTIONS: Final = "insn"  # in ledgers and breakdowns: guest instructions, all classes
