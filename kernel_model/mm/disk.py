"""The disk behind files: requests overlap in latency and share the bandwidth; each completes with an interrupt.

The bytes move when a request is made; only its time passes until it completes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from kernel_model.time.timers import TimedWaker, Timer
from kernel_model.wait.queue import Blocked, Interruptible, WaitQueue
from pffemu.arch.paging import PAGE_SIZE, pages_up
from pffemu.events.fields import Hex, Label
from pffemu.events.page_cache import DiskCompleted, DiskRequested

if TYPE_CHECKING:
    from kernel_model.mm.disk_pages import DiskPages
    from kernel_model.mm.reclaim.page import CachedPage
    from pffemu.hw.cpu import Cpu

WAIT: Final = "wait.disk"


class Requester(Protocol):
    """Who makes requests: the page cache."""

    def completed(self, cpu: Cpu, request: DiskRequest) -> None:
        """The disk is done with `request`."""


class DiskRequest(Timer):
    """A read or write of pages that lie side by side in one file; it interrupts the core that made it."""

    ends: ClassVar[bool] = True

    def __init__(self, disk: Disk, number: int, pages: list[CachedPage], size: int, *, write: bool) -> None:
        """`size`: bytes. Without `pages` they go past the page cache."""
        self.number, self.pages, self.size, self.write = number, pages, size, write
        self.queue = WaitQueue("disk")
        self._disk = disk

    def fire(self, cpu: Cpu) -> None:
        if not cpu.tid:
            cpu.charge("cpu.idle_wake")
        cpu.charge("cpu.exception")
        cpu.charge("kernel.entry")
        self._disk.complete(cpu, self)
        cpu.charge("kernel.exit")
        cpu.charge("cpu.iret")


class Disk:
    """All disks of the machine as one device."""

    def __init__(self, scheduler: TimedWaker, requester: Requester) -> None:
        self._scheduler, self._requester = scheduler, requester
        self.requests: dict[int, DiskRequest] = {}  # in progress, by number
        self.submitted = 0
        self._free_at = 0  # cycles: when the last transfer ends

    def submit(self, cpu: Cpu, pages: list[CachedPage], *, write: bool) -> DiskRequest:
        """Start to move `pages`, whose bytes the caller moves now."""
        first = pages[0]
        request = self._start(cpu, first.file, first.offset, pages, len(pages) * PAGE_SIZE, write=write)
        for page in pages:
            if write:
                page.writing = request
            else:
                page.reading = request
        return request

    def transfer(self, cpu: Cpu, file: DiskPages, offset: int, size: int, *, write: bool) -> DiskRequest:
        """Start to move `size` bytes between `file` and memory other than its page cache."""
        return self._start(cpu, file, offset, [], size, write=write)

    def _start(
        self, cpu: Cpu, file: DiskPages, offset: int, pages: list[CachedPage], size: int, *, write: bool
    ) -> DiskRequest:
        cpu.charge("kernel.disk.submit")
        self.submitted += 1
        request = DiskRequest(self, self.submitted, pages, size, write=write)
        latency = cpu.cycles_of("device.disk.write" if write else "device.disk.read")
        self._free_at = max(cpu.clock + latency, self._free_at) + cpu.cycles_of("device.disk.byte", size)
        self.requests[request.number] = request
        what = Label("write" if write else "read")
        cpu.emit(DiskRequested, what, file.serial, Hex(offset), pages_up(size) // PAGE_SIZE, request.number)
        self._scheduler.timers.arm(cpu, request, self._free_at)
        return request

    def complete(self, cpu: Cpu, request: DiskRequest) -> None:
        """The completion interrupt: the pages are usable, and threads that wait for them wake."""
        cpu.charge("kernel.disk.complete")
        del self.requests[request.number]
        cpu.emit(DiskCompleted, request.number)
        self._requester.completed(cpu, request)
        self._scheduler.wake_all(cpu, request.queue)

    def sleep_for(self, page: CachedPage) -> Blocked:
        """`sleep`, for a page that is being read."""
        assert page.reading is not None
        page.awaited = True
        return self.sleep(page.reading)

    def sleep(self, request: DiskRequest) -> Blocked:
        """What puts the running thread to sleep until `request` completes; only death ends the sleep earlier."""
        what = "write" if request.write else "read"
        return Blocked(
            request.queue, why=f"the disk to {what} {request.size} bytes", sleep=Interruptible.NO, again=True
        )

    def wait(self, cpu: Cpu, request: DiskRequest) -> None:
        """Let the core wait until `request` has completed: its thread holds what it cannot let go."""
        cpu.wait_until(request.deadline, WAIT)
        self._scheduler.timers.disarm(request)
        request.fire(cpu)

    @property
    def earliest(self) -> DiskRequest | None:
        """The request in progress that completes first."""
        return min(self.requests.values(), key=lambda request: (request.deadline, request.number), default=None)
