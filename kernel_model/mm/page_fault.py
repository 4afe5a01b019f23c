"""The kernel's page-fault path (arch/x86/mm/fault.c, mm/memory.c): area, rights, then the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from kernel_model.abi.signal import BUS_ADRERR, BUS_MCEERR_AR, SEGV_ACCERR, SEGV_MAPERR
from kernel_model.abi.uapi import (
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    UFFDIO_REGISTER_MODE_MINOR,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
    LinuxError,
    Signal,
)
from kernel_model.mm import readahead
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_tables import GUARD, POISON, PROTNONE, UFFD_WP
from kernel_model.mm.stack import grow_stack
from kernel_model.mm.vma import Mappable, Vma
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_MASK, PAGE_SIZE, PTE_ADDRESS, PTE_P, PTE_W
from pffemu.events.details import AreaFound
from pffemu.events.fields import Hex, Label
from pffemu.events.kernel import KernelPageFault, MinorFault

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu


class BadAccess(NamedTuple):
    """The access is not allowed: the signal Linux sends for it from ring 3, its si_code, and why."""

    signal: Signal
    why: str
    code: int


class EntersHandler(NamedTuple):
    """Ring 3 goes on in a handler of the faulting thread. `enter`, called without locks: None, or why it failed."""

    enter: Callable[[], BadAccess | None]


class WaitedFault(NamedTuple):
    """A page fault that waits for userfaultfd. `access`: 0 or WRITE."""

    page: int
    access: int
    is_major: bool


class SleepsAfterwards(NamedTuple):
    """userfaultfd must supply the page. `sleep`, called without locks, wakes a reader and raises Blocked."""

    sleep: Callable[[], NoReturn]


Answer = BadAccess | EntersHandler | None  # a signal; a handler; resolved


class Fault:
    """A refused access. `task` sleeps when userfaultfd must supply the page; `mm` need not be its own.

    `may_wait`: Linux's FAULT_FLAG_ALLOW_RETRY. `number`: of the fault; 0: the kernel's own access.
    """

    def __init__(
        self, cpu: Cpu, task: Task, mm: Mm, vma: Vma, address: int, error_code: int, may_wait: bool = True,
        number: int = 0,
    ) -> None:  # fmt: skip
        self.cpu, self.task, self.mm, self.vma = cpu, task, mm, vma
        self.address, self.error_code = address, error_code
        self.page, self.is_write = address & PAGE_MASK, error_code & pagefault.W != 0
        self.may_wait, self.number = may_wait, number


def handle(
    cpu: Cpu, task: Task, address: int, error_code: int, mm: Mm | None = None, *, may_wait: bool = True,
    number: int = 0, again: bool = False,
) -> Answer:  # fmt: skip
    """One of three answers: the fault is resolved (None), its thread sleeps (raises Blocked), or ring 3 is entered.

    Raises OutOfGuestMemory.

    `mm`: the address space, where it is not the thread's own (process_vm_readv). Without `may_wait` an access that
    needs userfaultfd is bad. `number`: of ring 3's fault; 0: the kernel's own access. `again`: its thread
    has slept for the disk in it.
    """
    if not again:
        cpu.emit(KernelPageFault, Hex(address), int(bool(error_code & pagefault.U)), number)
    mm = task.process.mm if mm is None else mm
    locks = mm.locks
    lock = locks.of_fault(cpu, address, error_code, again=again) if locks.by_area else locks.mmap_lock
    since = lock.acquire_read(cpu)
    try:
        answer = _handle(cpu, task, address, error_code, mm, may_wait, number)
    finally:
        lock.release_read(cpu, since)
    if answer is None:
        count(task, address)
    elif isinstance(answer, SleepsAfterwards):
        answer.sleep()
    return answer


def count(task: Task, address: int) -> None:
    """mm_account_fault."""
    waited, task.waited_fault = task.waited_fault, None
    if waited is not None and waited.page == address & PAGE_MASK and waited.is_major:
        task.usage.major_faults += 1
    else:
        task.usage.minor_faults += 1


def wait(task: Task, address: int, error_code: int, *, by_kernel: bool) -> None:
    """Record an access that waits for userfaultfd: a major fault if the kernel makes it, or from the second wait on.

    Linux counts every fault that it retries as major, except for ring 3's first try, made under the area's own lock.
    """
    page, waited = address & PAGE_MASK, task.waited_fault
    again = waited is not None and waited.page == page
    task.waited_fault = WaitedFault(page, error_code & pagefault.W, by_kernel or again)


def retry(cpu: Cpu, task: Task, *, of_ring_3: bool) -> None:
    """The thread that waited for userfaultfd goes on: its fault ends if the page is present, or else is repeated."""
    waited = task.waited_fault
    if waited is not None and task.process.mm.is_ready(waited.page, waited.access):
        count(task, waited.page)
    if of_ring_3:
        _look_again(cpu, task.process.mm)


def charge_return(cpu: Cpu) -> None:
    """The way back to the refused access, which walks the page tables again."""
    cpu.charge_all(("kernel.exit", "cpu.iret", "cpu.tlb_miss"))


def _look_again(cpu: Cpu, mm: Mm) -> None:
    """VM_FAULT_RETRY: area and entry are looked up; if the page is still missing, the repeated access faults again.

    Under mmap_lock in every version of Linux.
    """
    cpu.charge("kernel.uffd.retry")
    mmap_lock = mm.locks.mmap_lock
    since = mmap_lock.acquire_read(cpu)
    cpu.charge_all(("kernel.fault.vma", "kernel.fault.walk"))
    mmap_lock.release_read(cpu, since)


def _handle(
    cpu: Cpu, task: Task, address: int, error_code: int, mm: Mm, may_wait: bool, number: int
) -> Answer | SleepsAfterwards:
    cpu.charge("kernel.fault.vma")
    vma = mm.vmas.find(address) or grow_stack(mm.vmas, address)
    if cpu.bus.details:
        found = (vma.start, vma.end, int(vma.uffd is not None)) if vma is not None else (0, 0, 0)
        cpu.detail(AreaFound, Hex(found[0]), Hex(found[1]), found[2])
    if vma is None:
        return BadAccess(Signal.SIGSEGV, "no mapping there", SEGV_MAPERR)
    if not _allowed(vma, error_code):
        return BadAccess(Signal.SIGSEGV, f"{vma} does not allow it", SEGV_ACCERR)
    cpu.charge("kernel.fault.walk")
    if mm.directed is not None:
        mm.directed.settle()
    entry = mm.pages.entry(address)
    fault = Fault(cpu, task, mm, vma, address, error_code, may_wait, number)
    if entry & PTE_P:
        return _write_to_present(fault, entry)
    if entry & PROTNONE:
        return BadAccess(Signal.SIGSEGV, f"{vma} does not allow it", SEGV_ACCERR)
    if entry & POISON:
        return BadAccess(Signal.SIGBUS, f"the page at {fault.page:#x} is poisoned", BUS_MCEERR_AR)
    if entry & GUARD:
        return BadAccess(Signal.SIGSEGV, f"the page at {fault.page:#x} is a guard page", SEGV_MAPERR)
    if entry & UFFD_WP and not vma.is_write_protected:
        mm.pages.set(fault.page, entry & ~UFFD_WP)  # the area is no longer protected (pte_marker_clear)
        entry &= ~UFFD_WP
    return _missing(fault, bool(entry & UFFD_WP))


def _allowed(vma: Vma, error_code: int) -> bool:
    """access_error: a fetch of a missing page brings it in, whatever the area allows, and is refused when repeated."""
    if error_code & pagefault.RSVD:
        return False
    if error_code & pagefault.W:
        return vma.prot & PROT_WRITE != 0
    if error_code & pagefault.I and error_code & pagefault.P:
        return vma.prot & PROT_EXEC != 0
    return vma.prot & (PROT_READ | PROT_WRITE | PROT_EXEC) != 0


def _missing(fault: Fault, protect: bool) -> Answer | SleepsAfterwards:
    """The page is missing: userfaultfd or the kernel supplies it. `protect`: write-protect the new page."""
    vma, mm = fault.vma, fault.mm
    if vma.file is not None:
        return _missing_of_file(fault, vma.file, protect)
    if vma.uffd is not None and vma.uffd_mode & UFFDIO_REGISTER_MODE_MISSING:
        return vma.uffd.handle_fault(fault, UFFDIO_REGISTER_MODE_MISSING)
    if fault.is_write:
        frame = mm.frames.take()
        fault.cpu.charge("kernel.page.allocate")
        fault.cpu.charge("kernel.page.zero", PAGE_SIZE)
        mm.install(vma, fault.page, frame, owned=True, dirty=True, protect=protect)
    else:
        mm.install(vma, fault.page, mm.zero_frame, owned=False, protect=protect)
    _resolved(fault, "zero")
    return None


def _missing_of_file(fault: Fault, file: Mappable, protect: bool) -> Answer | SleepsAfterwards:
    vma, mm = fault.vma, fault.mm
    offset = vma.offset + fault.page - vma.start
    if offset >= file.mapped_size:
        return BadAccess(Signal.SIGBUS, f"{vma} reaches beyond the end of the file", BUS_ADRERR)
    fault.cpu.charge("kernel.page.lookup")
    if isinstance(file, DiskPages):
        return _missing_of_disk(fault, file, offset)
    frame = file.cached_frame(offset)
    if vma.uffd is not None:
        reason = vma.uffd_mode & (UFFDIO_REGISTER_MODE_MINOR if frame else UFFDIO_REGISTER_MODE_MISSING)
        if reason:
            return vma.uffd.handle_fault(fault, reason)
    kind = "cache"
    if not frame:
        if isinstance(file, PageCache) and file.explicit:
            return BadAccess(Signal.SIGSEGV, f"the page at {fault.page:#x} of {vma} is not allocated", SEGV_MAPERR)
        kind = "zero"
    try:
        frame = file.frame_at(offset)
    except LinuxError as error:
        return BadAccess(Signal.SIGBUS, f"{vma} cannot be read from the host: {error}", BUS_ADRERR)
    if kind == "zero":
        fault.cpu.charge("kernel.page.allocate")
        fault.cpu.charge("kernel.page.zero", PAGE_SIZE)
    if fault.is_write and not vma.shared:
        frame, kind = new_frame(fault.cpu, mm, frame), "copy"
        mm.install(vma, fault.page, frame, owned=True, dirty=True, protect=protect)
    else:
        mm.install(vma, fault.page, frame, owned=False, dirty=fault.is_write, protect=protect)
    _resolved(fault, kind)
    return None


def _missing_of_disk(fault: Fault, file: DiskPages, offset: int) -> Answer:
    """A page of a file on disk: it is mapped if the cache has it, or else read, with the thread asleep."""
    cpu, vma, mm = fault.cpu, fault.vma, fault.mm
    page, kind, mm.frames.held = file.pages.get(offset), "cache", 0
    try:
        if page is None:
            readahead.missed(cpu, file, offset, vma.advice, may_wait=fault.may_wait)
            page = file.pages[offset]
        else:
            mm.frames.held = page.frame
            readahead.used(cpu, page, vma.advice)
    except LinuxError as error:
        return BadAccess(Signal.SIGBUS, f"{vma} cannot be read from the host: {error}", BUS_ADRERR)
    if page.reading is not None:
        if fault.may_wait:
            raise file.memory.disk.sleep_for(page)
        file.memory.disk.wait(cpu, page.reading)
    mm.frames.held = page.frame
    _throttle(fault, file)
    page.awaited = False
    if fault.is_write and not vma.shared:
        frame, kind = new_frame(cpu, mm, page.frame), "copy"
        mm.install(vma, fault.page, frame, owned=True, dirty=True)
    else:
        if fault.is_write:
            file.dirtied(cpu, offset)
        mm.install(vma, fault.page, page.frame, owned=False, dirty=fault.is_write)
        if not fault.is_write:
            _fault_around(fault, file, offset)
    _resolved(fault, kind)
    return None


def _throttle(fault: Fault, file: DiskPages) -> None:
    """A store to a shared page waits while too many pages are dirty (balance_dirty_pages). Raises Blocked."""
    if fault.is_write and fault.vma.shared and fault.may_wait and file.memory.writeback.is_over_limit:
        raise file.memory.writeback.throttled(fault.cpu)


def _fault_around(fault: Fault, file: DiskPages, offset: int) -> None:
    """Map the pages around the one at `offset` that can be used at once, too (do_fault_around, filemap_map_pages)."""
    vma, mm, span = fault.vma, fault.mm, file.memory.fault_around * PAGE_SIZE
    low = max(vma.start, fault.page // span * span)
    high = min(vma.end, fault.page // span * span + span)
    mapped = 0
    for address in range(low, high, PAGE_SIZE):
        page = file.pages.get(offset + address - fault.page)
        if page is not None and page.reading is None and not page.marker and not mm.pages.entry(address):
            mm.install(vma, address, page.frame, owned=False)
            mapped += 1
    if mapped:
        fault.cpu.charge("kernel.fault.around", mapped)


def _write_to_present(fault: Fault, entry: int) -> Answer | SleepsAfterwards:
    """A present page faulted: write protection, copy-on-write, or another thread resolved it first."""
    vma = fault.vma
    if not fault.is_write or entry & PTE_W:
        _resolved(fault, "present")
        return None
    uffd = vma.uffd if entry & UFFD_WP and vma.is_write_protected else None
    if uffd is not None and not uffd.resolves_write_protection:
        return uffd.handle_fault(fault, UFFDIO_REGISTER_MODE_WP)
    if vma.shared and isinstance(vma.file, DiskPages):
        _throttle(fault, vma.file)
        vma.file.dirtied(fault.cpu, vma.offset + fault.page - vma.start)
    kind = make_writable(fault.cpu, fault.mm, vma, fault.page, entry)
    _resolved(fault, kind)
    return None


def new_frame(cpu: Cpu, mm: Mm, source: int) -> int:
    """A frame with the bytes of frame `source`, or zeros (0: no source), and its cost. Raises OutOfGuestMemory."""
    frame = mm.frames.take_copy(source) if source else mm.frames.take()
    cpu.charge("kernel.page.allocate")
    cpu.charge("kernel.page.copy" if source else "kernel.page.zero", PAGE_SIZE)
    return frame


def make_writable(cpu: Cpu, mm: Mm, vma: Vma, page: int, entry: int) -> str:
    """Let stores to the present `entry` through, after a copy if its frame has other users; "copy" or "reuse"."""
    copied = mm.unshare(vma, page, entry)
    if copied:
        cpu.charge("kernel.page.allocate")
        cpu.charge("kernel.page.zero" if entry & PTE_ADDRESS == mm.zero_frame else "kernel.page.copy", PAGE_SIZE)
    return "copy" if copied else "reuse"


def _resolved(fault: Fault, kind: str) -> None:
    fault.cpu.charge("kernel.fault.install")
    fault.cpu.emit(MinorFault, Hex(fault.page), Label(kind), fault.number)
