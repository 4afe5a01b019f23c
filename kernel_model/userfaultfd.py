"""userfaultfd (fs/userfaultfd.c, mm/userfaultfd.c): registration, the message queue, COPY, ZEROPAGE, WAKE.

Missing-page mode on private anonymous memory. The other modes answer EINVAL, as in a kernel built without them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from kernel_model import uapi
from kernel_model.abi_structs import UffdioApi, UffdioCopy, UffdioRange, UffdioRegister, UffdioZeropage, UffdMsg
from kernel_model.files import File, UserBuffer
from kernel_model.lock import Lock
from kernel_model.page_fault import BadAccess, Fault
from kernel_model.uapi import Errno, LinuxError, Signal
from kernel_model.uapi_files import O_RDONLY
from kernel_model.uapi_signal import BUS_ADRERR
from kernel_model.vma import Vma, is_user_range
from kernel_model.wait_queue import Blocked, WaitQueue
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_SIZE, page_of
from pffemu.events import Hex, IoctlStep, Label, MessageQueued, MessageRead, PageInstalled

if TYPE_CHECKING:
    from kernel_model.mm import Mm
    from kernel_model.pff_driver import PffDriver
    from kernel_model.scheduler import Scheduler
    from kernel_model.syscall import Call
    from kernel_model.task import Task
    from pffemu.hw.cpu import Cpu

FEATURES: Final = uapi.UFFD_FEATURE_THREAD_ID | uapi.UFFD_FEATURE_EXACT_ADDRESS
_API_IOCTLS: Final = 1 << uapi.UFFDIO_NR_REGISTER | 1 << uapi.UFFDIO_NR_UNREGISTER | 1 << uapi.UFFDIO_NR_API
_RANGE_IOCTLS: Final = 1 << uapi.UFFDIO_NR_WAKE | 1 << uapi.UFFDIO_NR_COPY | 1 << uapi.UFFDIO_NR_ZEROPAGE
_MSG_SIZE: Final = 32


@dataclass(slots=True, eq=False)
class WaitingFault:
    """A thread asleep in handle_userfault, and whether its message was read."""

    task: Task
    address: int
    flags: int
    read: bool = False


class Userfaultfd(File):
    """One userfaultfd. `fd` is its first descriptor, for events."""

    def __init__(
        self, mm: Mm, fd: int, flags: int, scheduler: Scheduler, driver: PffDriver, reader_tids: set[int]
    ) -> None:
        """`reader_tids` collects the threads that have read a message."""
        self.name = "userfaultfd"
        self._mm, self.fd = mm, fd
        self._user_mode_only = bool(flags & uapi.UFFD_USER_MODE_ONLY)
        self.flags = O_RDONLY | flags & uapi.O_NONBLOCK
        self._scheduler, self._driver, self._reader_tids = scheduler, driver, reader_tids
        self._ready = False  # UFFDIO_API done
        self._features = 0
        self._faults: list[WaitingFault] = []  # oldest first
        self._readers = WaitQueue(f"userfaultfd {fd} (message)")
        self._faulters = WaitQueue(f"userfaultfd {fd} (page)")
        self._lock = Lock("wait.uffd_lock")  # fault_pending_wqh and fault_wqh of Linux in one

    # -- the fault path -----------------------------------------------------------------------------------------

    resolves_write_protection = False

    def handle_fault(self, fault: Fault, reason: int) -> BadAccess | None:
        """Linux: handle_userfault. Queue a message, wake a reader, sleep until the range is woken."""
        cpu, task, _, _, address, error_code = fault
        user = error_code & pagefault.U
        if self._user_mode_only and not user:
            return BadAccess(Signal.SIGBUS, "userfaultfd is for user-mode faults only", BUS_ADRERR)
        shown = address if self._features & uapi.UFFD_FEATURE_EXACT_ADDRESS else page_of(address)
        flags = uapi.UFFD_PAGEFAULT_FLAG_WRITE if error_code & pagefault.W else 0
        since = self._lock.acquire(cpu)
        cpu.charge("kernel.uffd.enqueue")
        self._lock.release(cpu, since)
        self._faults.append(WaitingFault(task, shown, flags))
        cpu.emit(MessageQueued, self.fd, Hex(shown), flags)
        self._scheduler.wake_all(cpu, self._readers)
        where = "" if user else " on behalf of a system call"
        if user and task.handler_registered and not task.uintr.uif:
            where = ", with UIF=0: a page fault inside the user-interrupt handler is not forwarded"
        raise Blocked(self._faulters, why=f"userfaultfd {self.fd} to bring in {address:#x}{where}")

    # -- file operations ----------------------------------------------------------------------------------------

    def read(self, call: Call, buffer: UserBuffer) -> int:
        """Whole messages, oldest first; at least one, unless non-blocking."""
        if not self._ready or buffer.size < _MSG_SIZE:
            raise LinuxError(Errno.EINVAL)
        fresh = [fault for fault in self._faults if not fault.read][: buffer.size // _MSG_SIZE]
        if not fresh:
            if self.nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(self._readers, why=f"a message on userfaultfd {self.fd}")
        since = self._lock.acquire(call.cpu)
        call.cpu.charge("kernel.uffd.read", len(fresh))
        self._lock.release(call.cpu, since)
        fresh = fresh[: buffer.room(_MSG_SIZE * len(fresh)) // _MSG_SIZE]
        if not fresh:
            raise LinuxError(Errno.EFAULT)
        buffer.scatter(b"".join(bytes(self._message(fault)) for fault in fresh))
        for fault in fresh:
            fault.read = True
            call.cpu.emit(MessageRead, self.fd, Hex(fault.address))
        self._reader_tids.add(call.task.tid)
        return _MSG_SIZE * len(fresh)

    def _message(self, fault: WaitingFault) -> UffdMsg:
        ptid = fault.task.tid if self._features & uapi.UFFD_FEATURE_THREAD_ID else 0
        return UffdMsg(event=uapi.UFFD_EVENT_PAGEFAULT, flags=fault.flags, address=fault.address, ptid=ptid)

    def poll(self) -> int:
        """Linux: polling a blocking or unready userfaultfd is an error."""
        if not self._ready or not self.nonblocking:
            return uapi.POLLERR
        return uapi.POLLIN if any(not fault.read for fault in self._faults) else 0

    def poll_queue(self) -> WaitQueue:
        return self._readers

    def close(self, cpu: Cpu) -> None:
        """Linux: userfaultfd_release. Everything is unregistered, everybody woken."""
        for vma in self._mm.vmas:
            if vma.uffd is self:
                self._unregister(cpu, vma)
        self._wake_range(cpu, 0, 1 << 47)

    def ioctl(self, call: Call, request: int, argument: int) -> int:
        handler = _IOCTLS.get(request)
        if handler is None or (not self._ready and request != uapi.UFFDIO_API):
            raise LinuxError(Errno.EINVAL)
        return handler(self, call, argument)

    # -- ioctls -------------------------------------------------------------------------------------------------

    def _ioctl_api(self, call: Call, argument: int) -> int:
        api = call.memory.read_struct(UffdioApi, argument)
        if api.api != uapi.UFFD_API or api.features & ~FEATURES or self._ready:
            call.memory.write_struct(argument, UffdioApi())
            raise LinuxError(Errno.EINVAL)
        wanted = api.features
        call.memory.write_struct(argument, UffdioApi(uapi.UFFD_API, FEATURES, _API_IOCTLS))
        self._ready, self._features = True, wanted
        return 0

    def _ioctl_register(self, call: Call, argument: int) -> int:
        register = call.memory.read_struct(UffdioRegister, argument)
        if register.mode != uapi.UFFDIO_REGISTER_MODE_MISSING:
            raise LinuxError(Errno.EINVAL)
        start, end = _checked(register.start, register.len)
        vmas = self._mm.vmas.overlapping(start, end)
        if not vmas:
            anything_above = any(vma.end > start for vma in self._mm.vmas)
            raise LinuxError(Errno.EINVAL if anything_above else Errno.ENOMEM)
        for vma in vmas:
            if vma.file is not None:
                raise LinuxError(Errno.EINVAL)
            if vma.uffd not in (None, self):
                raise LinuxError(Errno.EBUSY)
        register.ioctls = _RANGE_IOCTLS
        call.memory.write_struct(argument, register)
        for vma in self._mm.vmas.isolate(start, end):
            self._mm.set_uffd(vma, self, register.mode)
            self._driver.add(call.cpu, self._mm, vma.start, vma.end)
        return 0

    def _ioctl_unregister(self, call: Call, argument: int) -> int:
        area = call.memory.read_struct(UffdioRange, argument)
        start, end = _checked(area.start, area.len)
        vmas = self._mm.vmas.overlapping(start, end)
        if not vmas or any(vma.file is not None or vma.uffd not in (None, self) for vma in vmas):
            raise LinuxError(Errno.EINVAL)
        for vma in self._mm.vmas.isolate(start, end):
            if vma.uffd is self:
                self._unregister(call.cpu, vma)
                self._wake_range(call.cpu, vma.start, vma.end)
        return 0

    def _ioctl_wake(self, call: Call, argument: int) -> int:
        area = call.memory.read_struct(UffdioRange, argument)
        start, end = _checked(area.start, area.len)
        self._wake_range(call.cpu, start, end)
        return 0

    def _ioctl_copy(self, call: Call, argument: int) -> int:
        step = _steps(call, "UFFDIO_COPY")
        copy = call.memory.read_struct(UffdioCopy, argument)
        step("copy_from_user")
        _checked(copy.dst, copy.len)
        if copy.src + copy.len >= 1 << 64 or copy.mode & ~uapi.UFFDIO_COPY_MODE_DONTWAKE:
            raise LinuxError(Errno.EINVAL)
        call.cpu.charge("kernel.uffd.validate")
        step("validate")
        if copy.len > PAGE_SIZE and self._destination(copy.dst, copy.len) is not None:
            self._bring_in_source(call, copy)

        def bring(vma: Vma, page: int) -> None:
            source = call.memory.read(copy.src + page - copy.dst, PAGE_SIZE, "kernel.page.copy")
            frame = self._mm.frames.take()
            self._mm.ram.octets[frame : frame + PAGE_SIZE] = source
            call.cpu.charge("kernel.page.allocate")
            self._mm.install(vma, page, frame, owned=True, dirty=True)

        def report(done: int) -> None:
            copy.copy = done
            call.memory.write_struct(argument, copy)

        return self._fill(call, copy.dst, copy.len, copy.mode, bring, report, step)

    @staticmethod
    def _bring_in_source(call: Call, copy: UffdioCopy) -> None:
        """A fault on a later source page may sleep and start the call again: it must come before the first install."""
        with suppress(LinuxError):
            call.memory.parts(copy.src, copy.len, 0)

    def _ioctl_zeropage(self, call: Call, argument: int) -> int:
        step = _steps(call, "UFFDIO_ZEROPAGE")
        zero = call.memory.read_struct(UffdioZeropage, argument)
        step("copy_from_user")
        _checked(zero.start, zero.len)
        if zero.mode & ~uapi.UFFDIO_ZEROPAGE_MODE_DONTWAKE:
            raise LinuxError(Errno.EINVAL)
        call.cpu.charge("kernel.uffd.validate")
        step("validate")

        def bring(vma: Vma, page: int) -> None:
            self._mm.install(vma, page, self._mm.zero_frame, owned=False)

        def report(done: int) -> None:
            zero.zeropage = done
            call.memory.write_struct(argument, zero)

        return self._fill(call, zero.start, zero.len, zero.mode, bring, report, step)

    def _fill(
        self, call: Call, start: int, length: int, mode: int,
        bring: Callable[[Vma, int], None], report: Callable[[int], None], step: Callable[[str], None],
    ) -> int:  # fmt: skip
        """mfill_atomic and what surrounds it: install, tell user space how far it got, wake what was installed."""
        since = self._mm.mmap_lock.acquire_read(call.cpu)
        try:
            done, error = self._fill_pages(call, start, length, bring)
        finally:
            self._mm.mmap_lock.release_read(call.cpu, since)
        step("mfill")
        report(done if done or error is None else -error)
        step("put_user")
        if error is not None and not done:
            raise LinuxError(error)
        if not mode & uapi.UFFDIO_COPY_MODE_DONTWAKE:
            self._wake_range(call.cpu, start, start + done)
        step("wake")
        if done != length:
            raise LinuxError(Errno.EAGAIN)
        return 0

    def _fill_pages(
        self, call: Call, start: int, length: int, bring: Callable[[Vma, int], None]
    ) -> tuple[int, Errno | None]:
        """(bytes installed, why it ended early)."""
        call.cpu.charge("kernel.fault.vma")
        vma = self._destination(start, length)
        if vma is None:
            return 0, Errno.ENOENT
        for page in range(start, start + length, PAGE_SIZE):
            call.cpu.charge("kernel.fault.walk")
            if self._mm.pages.entry(page) & ~self._mm.empty_entry(vma):
                return page - start, Errno.EEXIST
            try:
                bring(vma, page)
            except LinuxError as error:
                return page - start, error.errno
            call.cpu.charge("kernel.fault.install")
            call.cpu.emit(PageInstalled, Hex(page))
        return length, None

    def _destination(self, start: int, length: int) -> Vma | None:
        """The one registered area that holds all of [start, start + length)."""
        vma = self._mm.vmas.find(start)
        return vma if vma is not None and start + length <= vma.end and vma.uffd is not None else None

    # -- waking -------------------------------------------------------------------------------------------------

    def _wake_range(self, cpu: Cpu, start: int, end: int) -> None:
        """Linux: wake_userfault. Without a sleeper it takes no lock and wakes nobody: what forwarding saves."""
        woken = [fault for fault in self._faults if start <= page_of(fault.address) < end]
        if not woken:
            return
        since = self._lock.acquire(cpu)
        cpu.charge("kernel.uffd.wake", len(woken))
        self._faults = [fault for fault in self._faults if fault not in woken]
        for fault in woken:
            self._scheduler.wake(cpu, fault.task)
        self._lock.release(cpu, since)

    def forget_task(self, task: Task) -> None:
        """The thread died asleep."""
        self._faults = [fault for fault in self._faults if fault.task is not task]

    def _unregister(self, cpu: Cpu, vma: Vma) -> None:
        self._mm.set_uffd(vma, None, 0)
        self._driver.remove(cpu, self._mm, vma.start, vma.end)


_IOCTLS: Final[dict[int, Callable[[Userfaultfd, Call, int], int]]] = {
    uapi.UFFDIO_API: Userfaultfd._ioctl_api,
    uapi.UFFDIO_REGISTER: Userfaultfd._ioctl_register,
    uapi.UFFDIO_UNREGISTER: Userfaultfd._ioctl_unregister,
    uapi.UFFDIO_WAKE: Userfaultfd._ioctl_wake,
    uapi.UFFDIO_COPY: Userfaultfd._ioctl_copy,
    uapi.UFFDIO_ZEROPAGE: Userfaultfd._ioctl_zeropage,
}


def _checked(start: int, length: int) -> tuple[int, int]:
    """Linux: validate_range."""
    if not is_user_range(start, length):
        raise LinuxError(Errno.EINVAL)
    return start, start + length


def _steps(call: Call, ioctl: str) -> Callable[[str], None]:
    return partial(call.cpu.emit, IoctlStep, Label(ioctl))
