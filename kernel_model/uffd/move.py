"""UFFDIO_MOVE (mm/userfaultfd.c: move_pages): pages change their address, without a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioMove
from kernel_model.abi.uapi import PROT_EXEC, PROT_WRITE, Errno, LinuxError
from kernel_model.mm.page_tables import HELD, OWNED, unmarked
from kernel_model.uffd.ranges import checked_range
from pffemu.arch.directed import RETURNABLE
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS
from pffemu.events.fields import Label
from pffemu.events.userfaultfd import IoctlStep

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.vma import Vma
    from kernel_model.uffd.context import Userfaultfd
    from pffemu.hw.cpu import Cpu

_NAME = Label("UFFDIO_MOVE")


def move(uffd: Userfaultfd, call: Call, argument: int) -> int:
    if uffd.changing:
        given = call.memory.read_struct(UffdioMove, argument)
        given.move = -Errno.EAGAIN
        call.memory.write_struct(argument, given)
        raise LinuxError(Errno.EAGAIN)
    if uffd.mm is not call.mm:
        raise LinuxError(Errno.EINVAL)
    given = call.memory.read_struct(UffdioMove, argument)
    call.cpu.emit(IoctlStep, _NAME, Label("copy_from_user"))
    checked_range(given.dst, given.len)
    checked_range(given.src, given.len)
    if given.mode & ~(uffd_abi.MOVE_MODE_ALLOW_SRC_HOLES | uffd_abi.DONTWAKE):
        raise LinuxError(Errno.EINVAL)
    call.cpu.charge("kernel.uffd.validate")
    call.cpu.emit(IoctlStep, _NAME, Label("validate"))
    call.cpu.charge("kernel.mmget")
    with _areas_read(uffd, call.cpu, given):
        done, error = _move_pages(uffd, call, given)
    given.move = done if done or error is None else -error
    call.memory.write_struct(argument, given)
    call.cpu.emit(IoctlStep, _NAME, Label("put_user"))
    if error is not None and not done:
        raise LinuxError(error)
    if not given.mode & uffd_abi.DONTWAKE:
        uffd.wake_range(call.cpu, given.dst, given.dst + done)
    call.cpu.emit(IoctlStep, _NAME, Label("wake"))
    if done != given.len:
        raise LinuxError(Errno.EAGAIN)
    return 0


@contextmanager
def _areas_read(uffd: Userfaultfd, cpu: Cpu, given: UffdioMove) -> Iterator[None]:
    """The locks of both areas, or mmap_lock for both (uffd_move_lock); then map_changing_lock."""
    locks = uffd.mm.locks
    held = {lock: None for lock in (locks.of_fill(cpu, given.dst), locks.of_fill(cpu, given.src))}
    if locks.mmap_lock in held:
        held = {locks.mmap_lock: None}
    if uffd.map_changing_lock is not None:
        held[uffd.map_changing_lock] = None
    with ExitStack() as stack:
        for lock in held:
            stack.enter_context(lock.reading(cpu))
        yield


def _move_pages(uffd: Userfaultfd, call: Call, given: UffdioMove) -> tuple[int, Errno | None]:
    """(bytes moved, why it ended early)."""
    call.cpu.charge("kernel.fault.vma", 2)
    target, source = uffd.mm.vmas.find(given.dst), uffd.mm.vmas.find(given.src)
    if target is None or source is None:
        return 0, Errno.ENOENT
    if not _compatible(uffd, source, target, given):
        return 0, Errno.EINVAL
    for done in range(0, given.len, PAGE_SIZE):
        error = _move_page(uffd, call, given, source, target, done)
        if error is not None:
            return done, error
    return given.len, None


def _compatible(uffd: Userfaultfd, source: Vma, target: Vma, given: UffdioMove) -> bool:
    """Whether each range lies in one private area, with equal rights, and `uffd` has the target's."""
    return (
        not source.shared
        and not target.shared
        and given.src + given.len <= source.end
        and given.dst + given.len <= target.end
        and source.prot == target.prot
        and source.locked == target.locked
        and bool(source.prot & PROT_WRITE)
        and target.uffd is uffd
        and source.is_anonymous
        and target.is_anonymous
    )


def _move_page(uffd: Userfaultfd, call: Call, given: UffdioMove, source: Vma, target: Vma, done: int) -> Errno | None:
    mm = uffd.mm
    old, new = given.src + done, given.dst + done
    call.cpu.charge("kernel.fault.walk", 2)
    mm.settle()
    if unmarked(mm.pages.entry(new)):
        return Errno.EEXIST
    entry = mm.pages.entry(old)
    if not unmarked(entry):
        return None if given.mode & uffd_abi.MOVE_MODE_ALLOW_SRC_HOLES else Errno.ENOENT
    if not entry & HELD:
        return Errno.EFAULT
    frame, owned = entry & PTE_ADDRESS, bool(entry & OWNED)
    if owned and mm.frames.is_shared(frame):
        return Errno.EBUSY
    mm.pages.set(old, mm.empty_entry(source))
    if entry & RETURNABLE:
        mm.count_directed(source.directed, -1)
    mm.install(target, new, frame, owned=owned, dirty=owned)
    mm.stale = True
    mm.code_changed |= bool(source.prot & PROT_EXEC)
    call.cpu.charge("kernel.fault.install")
    uffd.installed(call.cpu, new)
    return None
