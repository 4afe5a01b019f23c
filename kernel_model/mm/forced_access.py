"""A debugger's access to user memory (mm/gup.c with FOLL_FORCE, as ptrace and /proc/PID/mem have it).

It finds the pages that the kernel's fault path would bring in, but nothing is charged, no event is made and no thread
sleeps: where userfaultfd would have to supply the page, the access fails. Rights of private memory are not checked; a
store to it never reaches another process or a file. Reading has no side effect.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from kernel_model.abi.uapi import (
    PROT_WRITE,
    UFFDIO_REGISTER_MODE_MINOR,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
    Errno,
    LinuxError,
)
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.page_tables import GUARD, HELD, POISON, UFFD_WP
from kernel_model.mm.stack import grow_stack, stack_for
from kernel_model.mm.vma import Mappable, Vma
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, USER_END, page_of

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from pffemu.hw.cpu import Cpu


class Kernel(Protocol):
    """The kernel as this file knows it."""

    @property
    def cpus(self) -> list[Cpu]: ...

    def next_code_version(self) -> int:
        """A new version, for an address space whose code has changed."""


def write(kernel: Kernel, mm: Mm, address: int, data: bytes) -> None:
    """Store `data`, or nothing. Raises LinuxError EFAULT, OutOfGuestMemory."""
    if not data:
        return
    if not 0 <= address <= USER_END - len(data):
        raise LinuxError(Errno.EFAULT)
    before = mm.stale, mm.code_changed
    try:
        frames = [
            _frame_to_write(mm, max(page, address)) for page in range(page_of(address), address + len(data), PAGE_SIZE)
        ]
    finally:
        mm.stale, mm.code_changed = before
        mm.code_version = kernel.next_code_version()
        for cpu in kernel.cpus:
            cpu.flush_tlb(code=True)
    for frame, (start, end) in zip(frames, _pieces(address, len(data)), strict=True):
        at = frame + start % PAGE_SIZE
        mm.ram.store(at, data[start - address : end - address])


def read(mm: Mm, address: int, size: int) -> bytes:
    """Up to `size` bytes: reading ends at the first page that cannot be read."""
    data = b""
    for start, end in _pieces(address, min(size, USER_END - address)):
        page = _page(mm, start)
        if page is None:
            break
        data += page[start % PAGE_SIZE :][: end - start]
    return data


def _pieces(address: int, size: int) -> list[tuple[int, int]]:
    """[address, address + size) cut at the borders of pages."""
    cuts = [address, *range(page_of(address) + PAGE_SIZE, address + size, PAGE_SIZE), address + size]
    return list(pairwise(cuts)) if size > 0 else []


def _frame_to_write(mm: Mm, address: int) -> int:
    """The frame of `address` for a store: this address space's own, or one that a shared mapping shares."""
    page, vma = page_of(address), mm.vmas.find(address) or grow_stack(mm.vmas, address)
    if vma is None or not (vma.prot & PROT_WRITE or (vma.may_write and not vma.shared)):
        raise LinuxError(Errno.EFAULT)
    entry = mm.pages.entry(page)
    if entry & UFFD_WP and _is_held_back(vma):
        raise LinuxError(Errno.EFAULT)
    if entry & HELD:
        mm.unshare(vma, page, entry)
        _note_store(vma, page)
        return mm.pages.entry(page) & PTE_ADDRESS
    if entry & (GUARD | POISON):
        raise LinuxError(Errno.EFAULT)
    if vma.file is None:
        if vma.uffd is not None and vma.uffd_mode & UFFDIO_REGISTER_MODE_MISSING:
            raise LinuxError(Errno.EFAULT)
        frame = mm.frames.take()
    else:
        _check_cache(vma, vma.file, page)
        frame = vma.file.frame_at(_offset(vma, page))
        frame = frame if vma.shared else mm.frames.take_copy(frame)
    mm.install(vma, page, frame, owned=not vma.shared or vma.file is None, dirty=True)
    _note_store(vma, page)
    return frame


def _note_store(vma: Vma, page: int) -> None:
    """A store to a shared page of a file on disk makes it dirty."""
    if vma.shared and isinstance(vma.file, DiskPages):
        vma.file.memory.writeback.note(vma.file.pages[_offset(vma, page)])


def _is_held_back(vma: Vma) -> bool:
    """Whether a store to a write-protected page waits for the userfaultfd's reader."""
    registered = vma.uffd is not None and bool(vma.uffd_mode & UFFDIO_REGISTER_MODE_WP)
    return registered and vma.uffd is not None and not vma.uffd.resolves_write_protection


def _page(mm: Mm, address: int) -> bytes | None:
    """What a load by the debugger finds in the page of `address`; None: nothing can be read."""
    page, vma = page_of(address), mm.vmas.find(address) or stack_for(mm.vmas, address)
    entry = mm.pages.entry(page)
    if entry & HELD:
        frame = entry & PTE_ADDRESS
        return bytes(mm.ram.octets[frame : frame + PAGE_SIZE])
    if vma is None or entry & (GUARD | POISON):
        return None
    if vma.file is None:
        missing = vma.uffd is not None and vma.uffd_mode & UFFDIO_REGISTER_MODE_MISSING
        return None if missing else bytes(PAGE_SIZE)
    try:
        _check_cache(vma, vma.file, page)
        return vma.file.peek(_offset(vma, page))
    except LinuxError:
        return None


def _check_cache(vma: Vma, file: Mappable, page: int) -> None:
    """Raises LinuxError EFAULT for a page beyond the end of `file`, or one that userfaultfd must supply."""
    offset = _offset(vma, page)
    reason = UFFDIO_REGISTER_MODE_MINOR if file.cached_frame(offset) else UFFDIO_REGISTER_MODE_MISSING
    if offset >= file.mapped_size or (vma.uffd is not None and vma.uffd_mode & reason):
        raise LinuxError(Errno.EFAULT)


def _offset(vma: Vma, page: int) -> int:
    return vma.offset + page - vma.start
