"""PAGEOUT r64: make a clean page that a directive covers absent again, and give its frame to this core's return ring.

pffemu's own: F3 0F C7 /2 with a register operand: the page's address, with the directive's index in bits 11:0. CF=0:
the page is absent, and the next access fills it as the directive says. CF=1: nothing has changed; ZF=1 where that is
because the page is dirty. No memory of ring 3 is accessed, so there is no #PF.
"""

from __future__ import annotations

from pffemu.arch import directed as arch
from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP, UD
from pffemu.arch.paging import PAGE_MASK, PTE_ADDRESS, PTE_D, PTE_P, USER_END
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import CF, TESTUI_CLEARED, ZF
from pffemu.events.directed import PageReturned
from pffemu.events.fields import Hex
from pffemu.hw import directive, frame_rings
from pffemu.hw.cpu import Cpu
from pffemu.hw.directed_resolution import leaf_of
from pffemu.hw.frame_rings import Context
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, register: int, drop: bool = False) -> Trap | None:
    """`drop`: dirty pages, too (PAGEDROP). `register`: the operand's number."""
    context = cpu.directed.context
    if not cpu.cr4_uintr or context is None:
        return Trap(UD)
    operand = cpu.registers[REGISTERS_64[register]]
    page, index = operand & PAGE_MASK & MASK64, operand & ~PAGE_MASK
    if page >= USER_END or not 0 < index <= context.limit:
        return Trap(GP)
    cpu.charge("cpu.directed.pageout")
    flags = _return(cpu, context, page, index, drop)
    cpu.registers["rflags"] = cpu.rflags & ~(TESTUI_CLEARED | CF | ZF) | flags
    cpu.registers.skip(length)
    return None


def _return(cpu: Cpu, context: Context, page: int, index: int, drop: bool) -> int:
    """Return the page; the flags."""
    words = cpu.mmu.ram.words
    found = directive.load(words, context.table, index)
    if found is None or not found.valid or found.tag != cpu.mmu.fill.root & PTE_ADDRESS:
        return CF
    leaf = leaf_of(words, cpu.mmu.fill.root, page)
    if not found.start <= page < found.end or leaf is None or frame_rings.is_closed(words, context.epochs):
        return CF
    entry = words[leaf]
    if entry & (PTE_P | arch.RETURNABLE) != PTE_P | arch.RETURNABLE:
        return CF
    if entry & PTE_D and not drop:
        return CF | ZF
    records = frame_rings.record_ring(words, context.records)
    returns = frame_rings.return_ring(words, context.returns)
    if not records.room or not returns.room:
        return CF
    frame = entry & PTE_ADDRESS
    if words[leaf] != entry:  # with the store below, a locked compare-and-swap
        return CF
    words[leaf] = arch.absent(index, found.generation)
    epoch = frame_rings.next_epoch(words, context.epochs)
    cpu.charge("cpu.tlb_flush")
    cpu.flush_tlb()
    records.produce(page | arch.RETURNED, frame | index)
    returns.produce(frame, epoch)
    if found.counted:
        directive.add_left(words, context.table, index, 1)
    cpu.emit(PageReturned, Hex(page), index, epoch)
    return 0
