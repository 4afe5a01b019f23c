"""The kernel resolves a fault as a directive says, where neither the unit nor a handler in ring 3 could.

These are accesses by the kernel itself (copy_to_user), and faults that the unit declined while they could not be
forwarded, as inside the handler. What the kernel cannot resolve either is a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import PROT_WRITE
from kernel_model.mm.page_fault import new_frame
from kernel_model.mm.page_tables import UFFD_WP
from kernel_model.uffd.answers import Resolved
from kernel_model.uffd.directed_memory import DirectedMemory
from pffemu.arch import directed as arch
from pffemu.arch.directed import Kind
from pffemu.arch.paging import PTE_ADDRESS, PTE_P
from pffemu.events.fields import Hex, Label
from pffemu.events.kernel import MinorFault

if TYPE_CHECKING:
    from kernel_model.mm.page_fault import Fault


def answer(fault: Fault) -> Resolved | None:
    """Fill the missing page under ZERO or COPY, from the kernel's frames; None: no directive allows it."""
    mm, vma, cpu, memory = fault.mm, fault.vma, fault.cpu, fault.mm.directed
    if not vma.directed or not isinstance(memory, DirectedMemory) or mm.pages.entry(fault.page) != vma.directed:
        return None
    index = arch.index_of(vma.directed)
    found = memory.directive(index)
    if found is None or found.kind is Kind.MAP or (found.counted and found.left <= 0):
        return None
    if not found.read or (not found.write and vma.prot & PROT_WRITE):  # the kernel installs the area's rights
        return None
    cpu.charge("kernel.uffd.validate")
    source = 0
    if found.kind is Kind.COPY:
        cpu.charge("kernel.fault.walk")
        entry = mm.pages.entry(found.source_of(fault.page))
        if not entry & PTE_P:
            return None
        source = entry & PTE_ADDRESS
    frame = new_frame(cpu, mm, source)
    cpu.charge("kernel.fault.install")
    mm.install(vma, fault.page, frame, owned=True, dirty=fault.is_write, protect=bool(found.leaf & UFFD_WP))
    memory.filled(fault.page, stored=fault.is_write)
    cpu.emit(MinorFault, Hex(fault.page), Label("copy" if source else "zero"), fault.number)
    return Resolved()
