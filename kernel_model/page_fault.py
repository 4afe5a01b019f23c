"""The kernel's page-fault path (arch/x86/mm/fault.c, mm/memory.c): area, rights, then the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kernel_model.page_tables import OWNED, PROTNONE
from kernel_model.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, Signal
from kernel_model.vma import Vma
from pffemu.arch import pagefault
from pffemu.arch.paging import PTE_ADDRESS, PTE_P, PTE_W, page_of
from pffemu.events import Hex, KernelPageFault, Label, MinorFault

if TYPE_CHECKING:
    from kernel_model.task import Task
    from pffemu.hw.cpu import Cpu


class BadAccess(NamedTuple):
    """The access is not allowed: the signal Linux sends for it from ring 3, and why."""

    signal: Signal
    why: str


def handle(cpu: Cpu, task: Task, address: int, error_code: int) -> BadAccess | None:
    """Make the access possible, and return None. Raises Blocked when userfaultfd must help, OutOfGuestMemory."""
    cpu.charge("kernel.fault.vma")
    cpu.emit(KernelPageFault, Hex(address), int(bool(error_code & pagefault.U)))
    mm = task.process.mm
    vma = mm.vmas.find(address)
    if vma is None:
        return BadAccess(Signal.SIGSEGV, "no mapping there")
    if not _allowed(vma, error_code):
        return BadAccess(Signal.SIGSEGV, f"{vma} does not allow it")
    cpu.charge("kernel.fault.walk")
    page = page_of(address)
    entry = mm.pages.entry(page)
    if entry & PTE_P:
        return _write_to_present(cpu, task, vma, page, entry, error_code)
    if entry & PROTNONE:
        return BadAccess(Signal.SIGSEGV, f"{vma} does not allow it")
    if vma.uffd is not None:
        return vma.uffd.handle_fault(cpu, task, address, error_code)
    return _missing(cpu, task, vma, page, error_code)


def _allowed(vma: Vma, error_code: int) -> bool:
    if error_code & pagefault.RSVD:
        return False
    if error_code & pagefault.I:
        return vma.prot & PROT_EXEC != 0
    if error_code & pagefault.W:
        return vma.prot & PROT_WRITE != 0
    return vma.prot & (PROT_READ | PROT_WRITE | PROT_EXEC) != 0


def _missing(cpu: Cpu, task: Task, vma: Vma, page: int, error_code: int) -> BadAccess | None:
    mm = task.process.mm
    write = bool(error_code & pagefault.W)
    if vma.file is not None:
        offset = vma.offset + page - vma.start
        if offset >= vma.file.mapped_size:
            return BadAccess(Signal.SIGBUS, f"{vma} reaches beyond the end of the file")
        source, kind = vma.file.frame_at(offset), "cache"
    else:
        source, kind = mm.zero_frame, "zero"
    if write:
        frame = mm.frames.take() if vma.file is None else mm.frames.take_copy(source)
        kind = "zero" if vma.file is None else "copy"
        cpu.charge("kernel.page.zero")
        mm.install(vma, page, frame, owned=True, dirty=True)
    else:
        mm.install(vma, page, source, owned=False)
    _resolved(cpu, page, kind)
    return None


def _write_to_present(cpu: Cpu, task: Task, vma: Vma, page: int, entry: int, error_code: int) -> BadAccess | None:
    """A present page faulted: copy-on-write, or another thread was faster."""
    mm = task.process.mm
    if not error_code & pagefault.W or entry & PTE_W:
        _resolved(cpu, page, "present")
        return None
    frame, kind = entry & PTE_ADDRESS, "reuse"
    owned = bool(entry & OWNED)
    if not vma.shared and (not owned or mm.frames.is_shared(frame)):
        copy = mm.frames.take() if frame == mm.zero_frame else mm.frames.take_copy(frame)
        if owned:
            mm.frames.give_back(frame)
        cpu.charge("kernel.page.copy")
        frame, kind, owned = copy, "copy", True
    mm.install(vma, page, frame, owned=owned, dirty=True)
    mm.stale = True  # read-only translations of the old frame may be cached
    _resolved(cpu, page, kind)
    return None


def _resolved(cpu: Cpu, page: int, kind: str) -> None:
    cpu.charge("kernel.fault.install")
    cpu.emit(MinorFault, Hex(page), Label(kind))
