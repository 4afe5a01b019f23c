"""One userfaultfd: the threads that wait for pages, the messages about them, and their readers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.files import O_CLOEXEC, O_NONBLOCK, O_RDONLY
from kernel_model.abi.signal import BUS_ADRERR
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import whole
from kernel_model.files.file import File, faulted
from kernel_model.files.user_buffer import UserBuffer
from kernel_model.mm.page_fault import Answer, BadAccess, Fault, SleepsAfterwards
from kernel_model.task.task import TaskState
from kernel_model.uffd.answers import Answers, Resolved
from kernel_model.uffd.ioctls import IOCTLS, TIMED_IOCTLS
from kernel_model.uffd.messages import MESSAGE_SIZE, Event, WaitingFault
from kernel_model.wait.lock import Lock, RwLock
from kernel_model.wait.queue import Blocked, WaitQueue
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_MASK, USER_END
from pffemu.events.faults import USERFAULTFD
from pffemu.events.fields import Hex
from pffemu.events.userfaultfd import MessageQueued, MessageRead, PageInstalled

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.files.caller import Caller
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma
    from kernel_model.sched.scheduler import Scheduler
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

_FAULT_FLAGS: Final = {
    uffd_abi.MODE_MISSING: 0,
    uffd_abi.MODE_WP: uffd_abi.PAGEFAULT_FLAG_WP,
    uffd_abi.MODE_MINOR: uffd_abi.PAGEFAULT_FLAG_MINOR,
}


@dataclass(frozen=True, slots=True)
class UffdServices:
    """What all userfaultfds of a kernel share. `reader_tids` collects the threads that have read a message.

    `says_durations`: the ioctls that fill pages return how long they took. `writable_zero`: ZEROPAGE has a mode that
    gives a page of its own instead of the shared zero page.
    """

    answers: Answers

    scheduler: Scheduler
    reader_tids: set[int]
    says_durations: bool
    writable_zero: bool


class Userfaultfd(File):
    """The open file. `mm`: the address space it was opened in, not a later holder's. `fd`: its first descriptor."""

    def __init__(self, mm: Mm, fd: int, flags: int, services: UffdServices) -> None:
        """`flags` of the system call."""
        self.name = "userfaultfd"
        self.mm, self.fd, self.services = mm, fd, services
        self.user_mode_only = bool(flags & uapi.UFFD_USER_MODE_ONLY)
        self.flags = O_RDONLY | flags & O_NONBLOCK
        self.ready = False  # UFFDIO_API done
        self.features = 0
        self.changing = 0  # events not read yet: the memory is changing, filling must wait (Linux: mmap_changing)
        self.added: Any = None  # what the mechanism keeps for it (Answers)
        self._faults: list[WaitingFault] = []  # oldest first
        self._events: list[Event] = []  # oldest first
        self.readers = WaitQueue(f"userfaultfd {fd} (message)")
        self.event_waiters = WaitQueue(f"userfaultfd {fd} (event)")
        self.children = WaitQueue(f"userfaultfd {fd} (fork)")
        self._faulters = WaitQueue(f"userfaultfd {fd} (page)")
        self._lock = Lock("wait.uffd_lock")  # fault_pending_wqh and fault_wqh of Linux in one
        self._event_lock = Lock("wait.uffd_lock")  # event_wqh
        self._reader_lock = Lock("wait.uffd_lock", charged=False)  # fd_wqh: part of kernel.uffd.enqueue and read
        self.map_changing_lock = RwLock("wait.uffd_lock") if mm.locks.by_area else None  # what fills pages reads it

    # -- the fault path -----------------------------------------------------------------------------------------

    def has(self, feature: int) -> bool:
        return bool(self.features & feature)

    @property
    def resolves_write_protection(self) -> bool:
        """WP_ASYNC: the kernel lets a store to a protected page through; only PAGEMAP_SCAN reports it."""
        return self.has(uffd_abi.FEATURE_WP_ASYNC)

    def handle_fault(self, fault: Fault, reason: int) -> Answer | SleepsAfterwards:
        """Linux: handle_userfault. Queue a message, let go of the address space's lock, wake a reader and sleep.

        `reason`: the MODE_* that the fault falls under. Raises Blocked where a mechanism waits otherwise.
        """
        user = fault.error_code & pagefault.U
        if self.features & uffd_abi.FEATURE_SIGBUS:
            return BadAccess(Signal.SIGBUS, f"userfaultfd {self.fd} answers with SIGBUS", BUS_ADRERR)
        if self.user_mode_only and not user:
            return BadAccess(Signal.SIGBUS, "userfaultfd is for user-mode faults only", BUS_ADRERR)
        if not fault.may_wait:
            return BadAccess(Signal.SIGBUS, f"userfaultfd {self.fd} cannot be waited for here", BUS_ADRERR)
        answer = self.services.answers.answer(self, fault, reason)
        if answer is not None:
            return None if isinstance(answer, Resolved) else answer
        cpu, task = fault.cpu, fault.task
        shown = fault.address if self.features & uffd_abi.FEATURE_EXACT_ADDRESS else fault.page
        flags = _FAULT_FLAGS[reason] | (uffd_abi.PAGEFAULT_FLAG_WRITE if fault.is_write else 0)
        cpu.charge("kernel.uffd.enqueue")
        self._lock.release(cpu, self._lock.acquire(cpu))  # only the queues are changed under it
        new = WaitingFault(task, shown, flags, cpu.clock, number=fault.number)
        self._faults = [*(old for old in self._live_faults() if old.task is not task), new]
        if fault.number:
            cpu.bus.faults.take(task.tid, USERFAULTFD)
        cpu.emit(MessageQueued, self.fd, Hex(shown), flags, fault.number)
        where = "" if user else " on behalf of a system call"
        if user and task.handler_registered and not task.uintr.uif:
            where = ", with UIF=0: a page fault inside the user-interrupt handler is not forwarded"
        why = f"userfaultfd {self.fd} to bring in {fault.address:#x}{where}"
        return SleepsAfterwards(partial(self._sleep, cpu, why))

    def _sleep(self, cpu: Cpu, why: str) -> NoReturn:
        self._wake_readers(cpu)
        raise Blocked(self._faulters, why=why, uffd=self)

    def _wake_readers(self, cpu: Cpu) -> None:
        since = self._reader_lock.acquire(cpu)
        self.services.scheduler.wake_all(cpu, self.readers)
        self._reader_lock.release(cpu, since)

    def _live_faults(self) -> list[WaitingFault]:
        return [fault for fault in self._faults if self._waits(fault)] if self._faults else []

    def _waits(self, fault: WaitingFault) -> bool:
        """Whether its thread still waits; a thread that a signal woke faults again if it must."""
        sleep = fault.task.sleep
        return sleep is not None and self._faulters in sleep.queues

    def installed(self, cpu: Cpu, page: int) -> None:
        """Emit PageInstalled for `page` with its fault: one that waits for the page, or the running thread's."""
        number = 0
        for fault in self._faults:
            if fault.address & PAGE_MASK == page and self._waits(fault):
                number = fault.number
                break
        cpu.emit(PageInstalled, Hex(page), number or cpu.bus.faults.number(cpu.tid))

    def wake_range(self, cpu: Cpu, start: int, end: int) -> None:
        """Linux: wake_userfault. Without a sleeper it takes no lock: forwarding saves that."""
        if not self._faults:
            return
        self._faults = self._live_faults()
        woken = [fault for fault in self._faults if start <= fault.address & PAGE_MASK < end]
        if not woken:
            return
        since = self._lock.acquire(cpu)
        cpu.charge("kernel.uffd.wake", len(woken))
        self._faults = [fault for fault in self._faults if fault not in woken]
        for fault in woken:
            self.services.scheduler.wake(cpu, fault.task)
        self._lock.release(cpu, since)

    # -- events -------------------------------------------------------------------------------------------------

    def queue_event(self, cpu: Cpu, event: Event) -> None:
        """Queue `event` for readers; its thread sleeps on `event_waiters`."""
        cpu.charge("kernel.uffd.enqueue")
        self._event_lock.release(cpu, self._event_lock.acquire(cpu))  # only the queue is changed under it
        self._events.append(event)
        if event.task is not None and event.task.sleep is not None:
            event.task.sleep.uffd = self
        cpu.emit(MessageQueued, self.fd, Hex(event.arguments[0]), event.kind, 0)
        self._wake_readers(cpu)

    def _complete(self, cpu: Cpu, event: Event) -> None:
        """`event` was read, or never will be: queue the next one of its call, or wake the thread."""
        self._drop(cpu, event)
        task = event.task
        if event.then:
            following, *rest = event.then
            following.task, following.then = task, rest
            following.uffd.queue_event(cpu, following)
        elif task is not None and task.state is TaskState.BLOCKED:
            cpu.charge("kernel.uffd.wake")
            self.services.scheduler.wake(cpu, task)

    def _drop(self, cpu: Cpu, event: Event) -> None:
        self._events.remove(event)
        self.changing -= 1
        event.read = True
        self.services.scheduler.wake_all(cpu, self.children)

    def forget_task(self, cpu: Cpu, task: Task) -> None:
        """The thread no longer waits: a signal, a user interrupt or its death ended the sleep."""
        self._faults = [fault for fault in self._faults if fault.task is not task]
        self.services.answers.forget(self, task)
        for event in [event for event in self._events if event.task is task]:
            for unread in (event, *event.then):
                if unread.child is not None:
                    unread.child.close(cpu)  # no reader can have it any more
            for following in event.then:
                following.uffd.changing -= 1
                following.read = True
            self._drop(cpu, event)

    # -- file operations ----------------------------------------------------------------------------------------

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """Whole messages, oldest first, page faults before events; at least one, unless non-blocking."""
        if not self.ready or buffer.size < MESSAGE_SIZE:
            raise LinuxError(Errno.EINVAL)
        room = buffer.size // MESSAGE_SIZE
        faults: list[WaitingFault] = []
        queued_at = 0
        for fault in self._live_faults():
            if not fault.read and len(faults) < room:
                faults.append(fault)
                queued_at = max(queued_at, fault.queued_at)
        events = self._events[: room - len(faults)]
        if not faults and not events:
            if self.nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(self.readers, why=f"a message on userfaultfd {self.fd}")
        # a reader that comes before another core has queued a message, in virtual time, waits for it
        call.cpu.wait_until(queued_at, self._lock.waits)
        room = buffer.room(MESSAGE_SIZE * (len(faults) + len(events)))
        done = 0
        messages: list[WaitingFault | Event] = [*faults, *events]
        for message in messages:
            since = self._reader_lock.acquire(call.cpu)
            self._lock.release(call.cpu, self._lock.acquire(call.cpu))
            self._reader_lock.release(call.cpu, since)
            call.cpu.charge("kernel.uffd.read")  # the message is encoded when the locks are free again
            encoded = self._take(whole(call), message)
            if done + MESSAGE_SIZE > room:  # a message that cannot be copied is lost, as on Linux
                return faulted(done)
            buffer.scatter(encoded)
            buffer.skip(MESSAGE_SIZE)
            done += MESSAGE_SIZE
        return done

    def _take(self, call: Call, message: WaitingFault | Event) -> bytes:
        """The encoded message for its reader; it is not given to a later read."""
        self.services.reader_tids.add(call.task.tid)
        if isinstance(message, WaitingFault):
            message.read = True
            call.cpu.emit(MessageRead, self.fd, Hex(message.address), message.number)
            return message.encoded(self.has(uffd_abi.FEATURE_THREAD_ID))
        encoded = message.encoded(self._receive_child(call, message))
        call.cpu.emit(MessageRead, self.fd, Hex(message.arguments[0]), 0)
        since = self._event_lock.acquire(call.cpu)
        self._complete(call.cpu, message)
        self._event_lock.release(call.cpu, since)
        return encoded

    def _receive_child(self, call: Call, event: Event) -> int:
        """EVENT_FORK: the reader gets a descriptor for the child's memory."""
        if event.child is None:
            return 0
        fd = event.child.fd = call.new_fd()
        flags = O_CLOEXEC if self.close_on_exec_for_children else 0
        return call.process.files.install(fd, event.child, bool(flags))

    close_on_exec_for_children = False  # the system call had O_CLOEXEC

    def poll(self) -> int:
        """Linux: polling a blocking or unready userfaultfd is an error."""
        if not self.ready or not self.nonblocking:
            return uapi.POLLERR
        waiting = self._events or any(not fault.read for fault in self._live_faults())
        return uapi.POLLIN if waiting else 0

    def poll_queue(self) -> WaitQueue:
        return self.readers

    def close(self, cpu: Cpu) -> None:
        """Linux: userfaultfd_release. Unregister all areas and wake all threads."""
        areas = tuple((vma.start, vma.end) for vma in self.mm.vmas if vma.uffd is self)
        with self.mm.locks.writing(cpu, areas):
            for vma in list(self.mm.vmas):
                if vma.uffd is self:
                    cpu.charge("kernel.vma.change")
                    self.unregister(cpu, vma)
            self.mm.vmas.merge(0, USER_END)
        self.services.answers.closed(self)
        self.wake_range(cpu, 0, 1 << 47)
        for event in list(self._events):
            if event.child is not None:
                event.child.close(cpu)
            self._complete(cpu, event)

    def unregister(self, cpu: Cpu, vma: Vma) -> None:
        """Unregister `vma` from this userfaultfd."""
        if vma.is_write_protected:
            self.mm.unprotect(vma, vma.start, vma.end)
        self.mm.set_uffd(cpu, vma, None, 0)

    def ioctl(self, call: Caller, request: int, argument: int) -> int | None:
        table = TIMED_IOCTLS if self.services.says_durations else IOCTLS
        handler = table.get(request) or self.services.answers.ioctl(request)
        if handler is None or (not self.ready and request != uffd_abi.API):
            raise LinuxError(Errno.EINVAL)
        return handler(self, whole(call), argument)

    def fdinfo(self, cpu: Cpu) -> str:
        """`pending`: faults that no reader has seen; `total`: with those that wait for an answer."""
        pending = sum(not fault.read for fault in self._faults)
        ready = 0x8000_0000 if self.ready else 0
        ioctls = uffd_abi.API_IOCTLS | uffd_abi.RANGE_IOCTLS
        return (
            f"pending:\t{pending}\ntotal:\t{len(self._faults)}\n"
            f"API:\t{uapi.UFFD_API:x}:{self.features & 0x7FFF_FFFF | ready:x}:{ioctls:x}\n"
        )

    # -- fork ---------------------------------------------------------------------------------------------------

    def duplicate(self, mm: Mm) -> Userfaultfd:
        """EVENT_FORK: a userfaultfd with the same features for the child's address space."""
        flags = self.flags & O_NONBLOCK | (uapi.UFFD_USER_MODE_ONLY if self.user_mode_only else 0)
        child = Userfaultfd(mm, self.fd, flags, self.services)
        child.ready, child.features = True, self.features
        child.close_on_exec_for_children = self.close_on_exec_for_children
        return child
