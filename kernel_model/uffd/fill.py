"""UFFDIO_COPY, ZEROPAGE, CONTINUE and POISON: give missing pages, wake their threads (mm/userfaultfd.c: mfill_atomic).

Each stops at the first page it cannot give, writes the bytes done to its structure, and wakes the threads of those.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioContinue, UffdioCopy, UffdioPoison, UffdioZeropage
from kernel_model.abi.uapi import PROT_WRITE, Errno, LinuxError
from kernel_model.call.call import let_others_run
from kernel_model.mm.page_cache import PageCache, is_shmem
from kernel_model.mm.page_tables import HELD, POISON, unmarked
from kernel_model.uffd.ranges import check_unaligned, checked_range
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.fields import Label
from pffemu.events.userfaultfd import IoctlStep

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.vma import Vma
    from kernel_model.uffd.context import Userfaultfd

_PIECE = 1024 * PAGE_SIZE  # bytes given before other threads and cores may run
Bring = Callable[["Fill", "Vma", int, int], None]  # gives one page; the last argument is its present entry


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the ioctls. `modes`: the allowed bits of its structure's mode; `result`: the field for the bytes done."""

    name: Label
    struct: type[ctypes.LittleEndianStructure]
    result: str
    modes: int = uffd_abi.DONTWAKE
    start: str = "start"


_COPY: Final = _Kind(Label("UFFDIO_COPY"), UffdioCopy, "copy", uffd_abi.DONTWAKE | uffd_abi.COPY_MODE_WP, start="dst")
_ZEROPAGE: Final = _Kind(Label("UFFDIO_ZEROPAGE"), UffdioZeropage, "zeropage")
_CONTINUE: Final = _Kind(
    Label("UFFDIO_CONTINUE"), UffdioContinue, "mapped", uffd_abi.DONTWAKE | uffd_abi.CONTINUE_MODE_WP
)
_POISON: Final = _Kind(Label("UFFDIO_POISON"), UffdioPoison, "updated")
_PROTECTS: Final = uffd_abi.COPY_MODE_WP | uffd_abi.CONTINUE_MODE_WP  # the same bit


class Fill:
    """One ioctl under way: `given`, its structure, lies at user address `argument`; `start`, `length`: its range.

    `protect`: the pages are given write-protected.
    """

    def __init__(
        self, kind: _Kind, uffd: Userfaultfd, call: Call, argument: int, given: Any, start: int, length: int,
        protect: bool,
    ) -> None:  # fmt: skip
        self.kind, self.uffd, self.call = kind, uffd, call
        self.argument, self.given = argument, given
        self.start, self.length, self.protect = start, length, protect

    def report(self, value: int) -> None:
        """Write the bytes done, or -errno, to the structure in user memory."""
        setattr(self.given, self.kind.result, value)
        self.call.memory.write_struct(self.argument, self.given)


def copy(uffd: Userfaultfd, call: Call, argument: int) -> int:
    fill = _checked(_COPY, uffd, call, argument)
    if PAGE_SIZE < fill.length <= _PIECE and not uffd.mm.is_gone and _destination(fill) is not None:
        with suppress(LinuxError):  # a fault there may start the call again: it must come before the first page
            call.memory.parts(fill.given.src, fill.length, 0)
    return _fill(fill, _bring_copy)


def zeropage(uffd: Userfaultfd, call: Call, argument: int) -> int:
    return _fill(_checked(_ZEROPAGE, uffd, call, argument), _bring_zeropage)


def continue_(uffd: Userfaultfd, call: Call, argument: int) -> int:
    return _fill(_checked(_CONTINUE, uffd, call, argument), _bring_cached)


def poison(uffd: Userfaultfd, call: Call, argument: int) -> int:
    fill = _checked(_POISON, uffd, call, argument)
    try:
        return _fill(fill, _bring_poison)
    finally:  # pff: the kernel refuses poisoned pages, so their faults must not be forwarded
        if fill.given.updated > 0:
            uffd.mm.withdraw(call.cpu, fill.start, fill.start + fill.given.updated)


def _checked(kind: _Kind, uffd: Userfaultfd, call: Call, argument: int) -> Fill:
    """Read and check the structure, as all four do. Raises LinuxError EFAULT, EAGAIN, EINVAL, in Linux's order."""
    given: Any = call.memory.read_struct(kind.struct, argument)
    protect = bool(given.mode & _PROTECTS)
    fill = Fill(kind, uffd, call, argument, given, getattr(given, kind.start), given.len, protect)
    if uffd.changing:
        fill.report(-Errno.EAGAIN)
        raise LinuxError(Errno.EAGAIN)
    call.cpu.emit(IoctlStep, kind.name, "copy_from_user")
    if kind is _COPY:
        check_unaligned(given.src, given.len)
    checked_range(fill.start, fill.length)
    writable = uffd_abi.ZEROPAGE_MODE_WRITE if kind is _ZEROPAGE and uffd.services.writable_zero else 0
    if given.mode & ~(kind.modes | writable):
        raise LinuxError(Errno.EINVAL)
    call.cpu.charge("kernel.uffd.validate")
    call.cpu.emit(IoctlStep, kind.name, "validate")
    return fill


def _fill(fill: Fill, bring: Bring) -> int:
    """Give the pages, write the bytes done to user memory, wake the threads that waited for them."""
    mm, cpu = fill.uffd.mm, fill.call.cpu
    if mm.is_gone:
        raise LinuxError(Errno.ESRCH)
    cpu.charge("kernel.mmget")
    lock = mm.locks.of_fill(cpu, fill.start) if mm.locks.by_area else mm.locks.mmap_lock
    since, changing = lock.acquire_read(cpu), fill.uffd.map_changing_lock
    changing_since = changing.acquire_read(cpu) if changing is not None else 0
    try:
        done, error = _fill_pages(fill, bring)
    finally:
        if changing is not None:
            changing.release_read(cpu, changing_since)
        lock.release_read(cpu, since)
    cpu.emit(IoctlStep, fill.kind.name, "mfill")
    fill.report(done if done or error is None else -error)
    cpu.emit(IoctlStep, fill.kind.name, "put_user")
    if error is not None and not done:
        raise LinuxError(error)
    if not fill.given.mode & uffd_abi.DONTWAKE:
        fill.uffd.wake_range(cpu, fill.start, fill.start + done)
    cpu.emit(IoctlStep, fill.kind.name, "wake")
    if done != fill.length:
        raise LinuxError(Errno.EAGAIN)
    return 0


def _fill_pages(fill: Fill, bring: Bring) -> tuple[int, Errno | None]:
    """(bytes given, why it ended early)."""
    fill.call.cpu.charge("kernel.fault.vma")
    if fill.uffd.mm.directed is not None:
        fill.uffd.mm.directed.settle()
    vma = _destination(fill)
    if vma is None:
        return 0, Errno.ENOENT
    if fill.protect and not vma.uffd_mode & uffd_abi.MODE_WP:
        return 0, Errno.EINVAL
    if bring is _bring_cached and not is_shmem(vma):
        return 0, Errno.EINVAL
    pages, cpu = fill.uffd.mm.pages, fill.call.cpu
    first = fill.start + fill.call.pending.cursor
    for page in range(first, fill.start + fill.length, PAGE_SIZE):
        if page - first >= _PIECE:
            let_others_run(fill.call, page - fill.start)
        cpu.charge("kernel.fault.walk")
        try:
            bring(fill, vma, page, pages.entry(page))
        except LinuxError as error:
            return page - fill.start, error.errno
        cpu.charge("kernel.fault.install")
        fill.uffd.installed(cpu, page)
    return fill.length, None


def _destination(fill: Fill) -> Vma | None:
    """The one registered area that holds the whole range."""
    vma = fill.uffd.mm.vmas.find(fill.start)
    if vma is not None and not vma.shared:
        fill.uffd.mm.prepare_anon(vma)
    return vma if vma is not None and fill.start + fill.length <= vma.end and vma.uffd is not None else None


# -- one page -----------------------------------------------------------------------------------------------------


def _bring_copy(fill: Fill, vma: Vma, page: int, entry: int) -> None:
    mm, cpu = fill.uffd.mm, fill.call.cpu
    source = fill.call.memory.read(fill.given.src + page - fill.start, PAGE_SIZE, "kernel.page.copy")
    _check_absent(entry)
    if vma.shared:
        _check_hole(fill, vma, page)
    frame = mm.frames.take()
    mm.ram.octets[frame : frame + PAGE_SIZE] = source
    cpu.charge("kernel.page.allocate")
    _give(fill, vma, page, frame)


def _bring_zeropage(fill: Fill, vma: Vma, page: int, entry: int) -> None:
    mm = fill.uffd.mm
    if vma.shared:
        _check_absent(entry)
        _check_hole(fill, vma, page)
        frame = mm.frames.take()
        fill.call.cpu.charge("kernel.page.allocate")
        fill.call.cpu.charge("kernel.page.zero", PAGE_SIZE)
        _give(fill, vma, page, frame)
        return
    _check_empty(vma, page, entry)
    if fill.given.mode & uffd_abi.ZEROPAGE_MODE_WRITE:
        fill.call.cpu.charge("kernel.page.allocate")
        fill.call.cpu.charge("kernel.page.zero", PAGE_SIZE)
        _give(fill, vma, page, mm.frames.take())
        return
    mm.install(vma, page, mm.zero_frame, owned=False)


def _bring_cached(fill: Fill, vma: Vma, page: int, entry: int) -> None:
    assert vma.file is not None
    offset = vma.offset + page - vma.start
    fill.call.cpu.charge("kernel.page.lookup")
    frame = vma.file.cached_frame(offset) if offset < vma.file.mapped_size else 0
    if not frame:
        raise LinuxError(Errno.EFAULT)
    _check_absent(entry)
    fill.uffd.mm.install(vma, page, vma.file.frame_at(offset), owned=False, dirty=vma.shared, protect=fill.protect)


def _bring_poison(fill: Fill, vma: Vma, page: int, entry: int) -> None:
    mm = fill.uffd.mm
    _check_empty(vma, page, entry)
    mm.pages.set(page, POISON)


def _check_absent(entry: int) -> None:
    """Raises LinuxError EEXIST if a page is there; markers do not matter."""
    if entry & HELD:
        raise LinuxError(Errno.EEXIST)


def _check_empty(vma: Vma, page: int, entry: int) -> None:
    """Raises LinuxError EEXIST if a page or a marker is there, EFAULT beyond the end of the file."""
    if vma.file is not None and vma.offset + page - vma.start >= vma.file.mapped_size:
        raise LinuxError(Errno.EFAULT)
    if unmarked(entry):
        raise LinuxError(Errno.EEXIST)


def _check_hole(fill: Fill, vma: Vma, page: int) -> None:
    """Shared shmem. Raises LinuxError EFAULT beyond the end of the file, EEXIST if it has the page."""
    assert vma.file is not None
    fill.call.cpu.charge("kernel.page.lookup")
    offset = vma.offset + page - vma.start
    if offset >= vma.file.mapped_size:
        raise LinuxError(Errno.EFAULT)
    if vma.file.cached_frame(offset):
        raise LinuxError(Errno.EEXIST)


def _give(fill: Fill, vma: Vma, page: int, frame: int) -> None:
    """Map a new frame: a private page, or one of the shared file."""
    if vma.shared:
        assert isinstance(vma.file, PageCache)
        vma.file.add(vma.offset + page - vma.start, frame)
    dirty = bool(vma.prot & PROT_WRITE) or not vma.shared
    fill.uffd.mm.install(vma, page, frame, owned=not vma.shared, dirty=dirty, protect=fill.protect)
