"""UFFDIO_DIRECT, REVOKE, DONATE, DRAIN and RINGS: directions for the hardware (docs/hardware-resolution.md).

They are ioctls of the userfaultfd, because it has what they need: the range's registration, the right to give pages to
another process, and an end at which everything is taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioDirect, UffdioDonate, UffdioDrain, UffdioRings
from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.mm.locks import EVERYWHERE
from kernel_model.mm.page_cache import is_shmem
from kernel_model.mm.page_tables import OWNED, UFFD_WP
from kernel_model.uffd import directed_faults
from kernel_model.uffd.answers import Ioctl, NoAnswers, Resolved
from kernel_model.uffd.directed_memory import DirectedMemory, Sizes
from kernel_model.uffd.ranges import checked_range
from pffemu.arch import directed as arch
from pffemu.arch.directed import Kind
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_U, PTE_W, USER_END
from pffemu.arch.registers import MASK64
from pffemu.hw.directive import Directive

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.page_fault import Fault
    from kernel_model.mm.vma import Vma
    from kernel_model.uffd.context import Userfaultfd
    from pffemu.hw.cpu import Cpu

_NO_LIMIT: Final = 1 << 40  # pages
_TABLE_SPAN: Final = 512 * PAGE_SIZE
_AT_ONCE: Final = 512  # records copied to the program in one call


class Directions(NoAnswers):
    """The mechanism's ioctls. `memories`: of address spaces that have or had directives, for the refill interrupt."""

    features: ClassVar[int] = uffd_abi.FEATURE_DIRECTED

    def __init__(self) -> None:
        self._memories: list[DirectedMemory] = []

    def ioctl(self, request: int) -> Ioctl | None:
        return {
            uffd_abi.DIRECT: self._direct, uffd_abi.REVOKE: self._revoke, uffd_abi.DONATE: self._donate,
            uffd_abi.DRAIN: self._drain, uffd_abi.RINGS: self._rings,
        }.get(request)  # fmt: skip

    def answer(self, _uffd: Userfaultfd, fault: Fault, reason: int) -> Resolved | None:
        return directed_faults.answer(fault) if reason == uffd_abi.MODE_MISSING else None

    def closed(self, uffd: Userfaultfd) -> None:
        """Its directives end."""
        if isinstance(uffd.mm.directed, DirectedMemory):
            uffd.mm.directed.closed(uffd)

    def refill(self, cpu: Cpu) -> None:
        """The interrupt of a unit whose frame ring is at its low-water mark."""
        self._memories = [memory for memory in self._memories if memory.mm.directed is memory]
        for memory in self._memories:
            memory.refill(cpu)

    def _memory(self, uffd: Userfaultfd, call: Call) -> DirectedMemory:
        """That of the userfaultfd's address space. Raises LinuxError ESRCH."""
        if uffd.mm.is_gone:
            raise LinuxError(Errno.ESRCH)
        found = uffd.mm.directed
        if found is None:
            found = uffd.mm.directed = DirectedMemory(uffd.mm, call.kernel.cpus)
            self._memories = [memory for memory in self._memories if memory.mm.directed is memory]
            self._memories.append(found)
        assert isinstance(found, DirectedMemory)
        return found

    # -- the ioctls ---------------------------------------------------------------------------------------------

    def _direct(self, uffd: Userfaultfd, call: Call, argument: int) -> int:
        """UFFDIO_DIRECT: from now on the hardware fills the missing pages of a registered range.

        Errors: EFAULT, ESRCH; EINVAL (range, kind, source, flags; not registered for such faults; locked), ENOENT (not
        one area of this userfaultfd), EACCES (rights beyond the area's, or it is executable), EBUSY (directed already),
        ENOMEM (page tables), ENOSPC (no index is free).
        """
        given = call.memory.read_struct(UffdioDirect, argument)
        start, end = checked_range(given.start, given.len)
        call.memory.write_struct(argument, given)  # a fault there comes before any change
        memory, mm = self._memory(uffd, call), uffd.mm
        call.cpu.charge("kernel.mmget")
        with mm.locks.writing(call.cpu, ((start, end),)):
            call.cpu.charge("kernel.uffd.validate")
            _check(uffd, given, start, end)
            mm.settle()
            memory.give_way(start, end)
            index = memory.free_index()
            (part,) = mm.vmas.isolate(start, end)
            listed: list[int] = []
            given.entries = given.len // PAGE_SIZE
            if given.kind == Kind.MAP:
                listed, given.entries = memory.list_pages(part, start, end)
            made = _directive(mm, part, given, memory.generation(index), listed)
            call.cpu.charge("kernel.vma.change")
            mm.prepare_anon(part)
            memory.make(index, made, uffd, listed)
            mm.direct(part, arch.absent(index, made.generation))
            given.index = index
        call.memory.write_struct(argument, given)
        return 0

    def _revoke(self, uffd: Userfaultfd, call: Call, argument: int) -> int:
        """UFFDIO_REVOKE: `argument` points at an index. When it returns, no core installs a page under the directive.

        Errors: EFAULT, ESRCH, ENOENT (no directive of this userfaultfd).
        """
        index = int.from_bytes(call.memory.read(argument, 8), "little")
        memory = self._memory(uffd, call)
        owned = memory.owned.get(index)
        if owned is None or owned.owner is not uffd:
            raise LinuxError(Errno.ENOENT)
        with uffd.mm.locks.writing(call.cpu, EVERYWHERE):
            memory.revoke(index)
        return 0

    def _donate(self, uffd: Userfaultfd, call: Call, argument: int) -> int:
        """UFFDIO_DONATE: frames for a core's ring, from the kernel or from the program's own pages.

        Errors: EFAULT (also: no private page there), ESRCH, EINVAL (core, or pages for each of them).
        """
        given = call.memory.read_struct(UffdioDonate, argument)
        call.memory.write_struct(argument, given)
        memory, cores = self._memory(uffd, call), len(call.kernel.cpus)
        rings = range(cores) if given.core == uffd_abi.DONATE_EACH else range(given.core, given.core + 1)
        if rings.start >= cores or given.start % PAGE_SIZE or (given.start and len(rings) > 1):
            raise LinuxError(Errno.EINVAL)
        if given.start:
            with uffd.mm.locks.writing(call.cpu, ((given.start, given.start + given.frames * PAGE_SIZE),)):
                given.given = memory.donate_pages(call.cpu, rings.start, given.start, given.frames)
        else:
            recycled = sum(memory.recycle(call.cpu, core) for core in rings)
            given.given = recycled + sum(memory.donate(call.cpu, core, given.frames) for core in rings)
        call.memory.write_struct(argument, given)
        return 0

    def _drain(self, uffd: Userfaultfd, call: Call, argument: int) -> int:
        """UFFDIO_DRAIN: the oldest records, as words: a page's address with FILLED, RETURNED and STORED.

        Errors: EFAULT, ESRCH.
        """
        given = call.memory.read_struct(UffdioDrain, argument)
        call.memory.write_struct(argument, given)
        memory = self._memory(uffd, call)
        memory.settle()
        records = [memory.log[i] for i in range(min(given.room, len(memory.log), _AT_ONCE))]
        call.memory.write(given.buffer, b"".join(record.to_bytes(8, "little") for record in records))
        for _ in records:
            memory.log.popleft()
        given.drained, given.lost, memory.lost = len(records), memory.lost, 0
        call.memory.write_struct(argument, given)
        return 0

    def _rings(self, uffd: Userfaultfd, call: Call, argument: int) -> int:
        """UFFDIO_RINGS: sizes of every core's rings, which are empty afterwards.

        Errors: EFAULT, ESRCH, EINVAL (a low-water mark or batch beyond the ring), ENOMEM.
        """
        given = call.memory.read_struct(UffdioRings, argument)
        call.memory.write_struct(argument, given)
        if max(given.low, given.batch) > given.frames:
            raise LinuxError(Errno.EINVAL)
        memory = self._memory(uffd, call)
        with uffd.mm.locks.writing(call.cpu, ()):
            helper = min(given.helper, len(call.kernel.cpus) - 1)
            memory.resize(Sizes(given.frames, given.low, given.batch, helper))
        given.held = memory.held
        call.memory.write_struct(argument, given)
        return 0


# -- the checks of UFFDIO_DIRECT ----------------------------------------------------------------------------------


def _check(uffd: Userfaultfd, given: UffdioDirect, start: int, end: int) -> None:
    """Whether the range may be directed so. Raises LinuxError as UFFDIO_DIRECT does, but for EBUSY (`give_way`)."""
    mm = uffd.mm
    bad = (
        given.kind not in (Kind.ZERO, Kind.MAP, Kind.COPY)
        or not given.rights
        or given.rights & ~(uffd_abi.DIRECT_READ | uffd_abi.DIRECT_WRITE)
        or given.flags & ~uffd_abi.DIRECT_WP
        or given.around > arch.AROUND_MOST
        or given.quota > _NO_LIMIT
    )
    if bad or (given.kind == Kind.COPY and not _is_source(given.src, given.stride, given.len // PAGE_SIZE)):
        raise LinuxError(Errno.EINVAL)
    vma = mm.vmas.find(start)
    if vma is None or vma.uffd is not uffd or end > vma.end:
        raise LinuxError(Errno.ENOENT)
    _check_area(vma, given)
    tables = 2 + (end - start) // _TABLE_SPAN
    lists = (end - start) // PAGE_SIZE * 8 // PAGE_SIZE if given.kind == Kind.MAP else 0
    if tables + lists > mm.frames.free_frames // 4:
        raise LinuxError(Errno.ENOMEM)


def _check_area(vma: Vma, given: UffdioDirect) -> None:
    maps = given.kind == Kind.MAP
    modes = uffd_abi.MODE_MISSING | (uffd_abi.MODE_MINOR if maps else 0)
    shared = vma.shared and is_shmem(vma)
    if not vma.uffd_mode & modes or not (shared if maps else vma.is_anonymous) or vma.locked:
        raise LinuxError(Errno.EINVAL)
    if given.flags & uffd_abi.DIRECT_WP and not vma.is_write_protected:
        raise LinuxError(Errno.EINVAL)
    wanted = (PROT_READ if given.rights & uffd_abi.DIRECT_READ else 0) | (
        PROT_WRITE if given.rights & uffd_abi.DIRECT_WRITE else 0
    )
    if vma.prot & PROT_EXEC or wanted & ~vma.prot:
        raise LinuxError(Errno.EACCES)


def _is_source(source: int, stride: int, pages: int) -> bool:
    """Whether the source of every page is a page of user space, counted without wrapping around."""
    last = source + (pages - 1) * stride
    return not source % PAGE_SIZE and not stride % PAGE_SIZE and min(source, last) >= 0 and max(source, last) < USER_END


def _directive(mm: Mm, vma: Vma, given: UffdioDirect, generation: int, listed: list[int]) -> Directive:
    owned = OWNED | arch.RETURNABLE if vma.is_anonymous else 0
    protect = UFFD_WP if given.flags & uffd_abi.DIRECT_WP else 0
    leaf = mm.allowed(vma, PTE_U | PTE_A | owned | protect)
    writes = bool(given.rights & uffd_abi.DIRECT_WRITE)
    return Directive(
        tag=mm.pages.root & PTE_ADDRESS,
        start=given.start,
        end=given.start + given.len,
        kind=Kind(given.kind),
        leaf=leaf if writes else leaf & ~PTE_W,
        source=listed[0] if given.kind == Kind.MAP else given.src,
        stride=given.stride & MASK64,
        left=given.quota - mm.returnable(given.start, given.start + given.len) if given.quota else _NO_LIMIT,
        counted=given.quota > 0,
        generation=generation,
        read=bool(given.rights & uffd_abi.DIRECT_READ),
        write=writes,
        around=given.around,
    )
