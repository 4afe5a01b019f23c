"""UFFDIO_API, UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WAKE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioApi, UffdioRange, UffdioRegister
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.ipc.shm import ShmSegment
from kernel_model.mm.page_cache import PageCache
from kernel_model.uffd.ranges import checked_range

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.vma import Vma
    from kernel_model.uffd.context import Userfaultfd


def api(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """UFFDIO_API, once a userfaultfd: report every feature, and enable those asked for."""
    given = call.memory.read_struct(UffdioApi, argument)
    wanted, offered = given.features, uffd_abi.FEATURES | uffd.services.answers.features
    if uffd.services.writable_zero:
        offered |= uffd_abi.FEATURE_ZEROPAGE_WRITE
    if wanted & uffd_abi.FEATURE_WP_ASYNC:
        wanted |= uffd_abi.FEATURE_WP_UNPOPULATED
    if given.api != uapi.UFFD_API or wanted & ~offered or uffd.ready:
        call.memory.write_struct(argument, UffdioApi())
        raise LinuxError(Errno.EINVAL)
    call.memory.write_struct(argument, UffdioApi(uapi.UFFD_API, offered, uffd_abi.API_IOCTLS))
    uffd.ready, uffd.features = True, wanted
    return 0


def register(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """UFFDIO_REGISTER: faults of the areas in the range become messages; holes in it are skipped."""
    given = call.memory.read_struct(UffdioRegister, argument)
    mode = given.mode
    if not mode or mode & ~uffd_abi.MODES:
        raise LinuxError(Errno.EINVAL)
    start, end = checked_range(given.start, given.len)
    mm = uffd.mm
    if mm.is_gone:
        raise LinuxError(Errno.ENOMEM)
    call.cpu.charge("kernel.mmget")
    with mm.locks.writing(call.cpu, ((start, end),)):
        _register(uffd, call, argument, given, start, end)
    return 0


def _register(uffd: Userfaultfd, call: Call, argument: int, given: UffdioRegister, start: int, end: int) -> None:
    """UFFDIO_REGISTER with mmap_lock held."""
    mm, mode = uffd.mm, given.mode
    vmas = mm.vmas.overlapping(start, end)
    if not vmas:
        anything_above = any(vma.end > start for vma in mm.vmas)
        raise LinuxError(Errno.EINVAL if anything_above else Errno.ENOMEM)
    for vma in vmas:
        if not can_userfault(uffd, vma, mode):
            raise LinuxError(Errno.EINVAL)
        if not vma.may_write:
            raise LinuxError(Errno.EPERM)
        if vma.uffd not in (None, uffd):
            raise LinuxError(Errno.EBUSY)
    given.ioctls = range_ioctls(mode)
    call.memory.write_struct(argument, given)
    for vma in list(vmas):
        low, high = max(start, vma.start), min(end, vma.end)
        if vma.uffd is uffd and vma.uffd_mode & mode == mode:
            continue
        for part in mm.vmas.isolate(low, high):
            call.cpu.charge("kernel.vma.change")
            mm.set_uffd(call.cpu, part, uffd, mode)
    mm.vmas.merge(start, end)


def can_userfault(uffd: Userfaultfd, vma: Vma, mode: int) -> bool:
    """Linux: vma_can_userfault. Private anonymous memory and shmem; any memory for asynchronous protection alone."""
    is_shmem = isinstance(vma.file, PageCache) and vma.file.is_shmem
    is_shmem = is_shmem and not isinstance(vma.file, ShmSegment)  # Linux looks at vm_ops, which ipc/shm.c replaces
    if mode & uffd_abi.MODE_MINOR and not is_shmem:
        return False
    if uffd.resolves_write_protection and mode == uffd_abi.MODE_WP:
        return True
    return vma.is_anonymous or is_shmem


def range_ioctls(mode: int) -> int:
    """Bits of the ioctls that work on a range registered with `mode`."""
    ioctls = uffd_abi.RANGE_IOCTLS
    if not mode & uffd_abi.MODE_WP:
        ioctls &= ~(1 << uffd_abi.NR_WRITEPROTECT)
    if not mode & uffd_abi.MODE_MINOR:
        ioctls &= ~(1 << uffd_abi.NR_CONTINUE)
    return ioctls


def unregister(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """UFFDIO_UNREGISTER: the kernel resolves the range's faults again; threads that wait there retry."""
    area = call.memory.read_struct(UffdioRange, argument)
    start, end = checked_range(area.start, area.len)
    mm = uffd.mm
    if mm.is_gone:
        raise LinuxError(Errno.ENOMEM)
    call.cpu.charge("kernel.mmget")
    with mm.locks.writing(call.cpu, ((start, end),)):
        _unregister(uffd, call, start, end)
    return 0


def _unregister(uffd: Userfaultfd, call: Call, start: int, end: int) -> None:
    """UFFDIO_UNREGISTER with mmap_lock held."""
    mm = uffd.mm
    vmas = mm.vmas.overlapping(start, end)
    if not vmas:
        raise LinuxError(Errno.EINVAL)
    for vma in vmas:
        if vma.uffd not in (None, uffd) or not can_userfault(uffd, vma, vma.uffd_mode):
            raise LinuxError(Errno.EINVAL)
    for vma in mm.vmas.isolate(start, end):
        if vma.uffd is uffd:
            was_missing = vma.uffd_mode & uffd_abi.MODE_MISSING
            call.cpu.charge("kernel.vma.change")
            uffd.unregister(call.cpu, vma)
            if was_missing:
                uffd.wake_range(call.cpu, vma.start, vma.end)
    mm.vmas.merge(start, end)


def wake(uffd: Userfaultfd, call: Call, argument: int) -> int:
    area = call.memory.read_struct(UffdioRange, argument)
    start, end = checked_range(area.start, area.len)
    uffd.wake_range(call.cpu, start, end)
    return 0
