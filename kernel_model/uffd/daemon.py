"""A daemon answers faults over shared memory (USM, KrakOS): the faulting thread spins in the kernel until it has.

The daemon, a thread of any process that has the userfaultfd, gives the kernel a page of shared memory, the ring, and a
memfd, the pool. A fault takes a slot of the ring and sets its bit in the first word; the daemon writes the number of a
pool page there; the kernel maps that page. No message, no wake, no context switch, and the daemon enters the kernel for
evictions only. A daemon that does not answer in time, or has ended, leaves faults to readers of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioDaemon, UffdioEvict
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.memfd import Memfd
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_fault import Fault, new_frame
from kernel_model.mm.page_tables import HELD
from kernel_model.task.task import Task, TaskState
from kernel_model.uffd.answers import Ioctl, NoAnswers, Resolved
from kernel_model.wait.queue import Blocked, Polled
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_SHIFT, PAGE_SIZE, PTE_D, page_of
from pffemu.events.fields import Hex, Label
from pffemu.events.kernel import MinorFault
from pffemu.events.userfaultfd import PageEvicted
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.uffd.context import Userfaultfd
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.ram import Ram

PATH: Final = Label("daemon")
SLOTS: Final = 64  # in a page, the first of which holds the word of pending bits
PATIENCE: Final = 1 << 20  # cycles that a thread spins
MOST_EVICTED: Final = 512  # pages a call
_SLOT: Final = Struct("<IIQQQ")  # state, write, address, pool page, thread
_SLOT_SIZE: Final = 64
_WORD: Final = Struct("<Q")
FREE, REQUEST, ANSWERED = 0, 1, 2  # states; every other one refuses


@dataclass(slots=True)
class Request:
    """A thread's fault, and the clock at which its patience ends. `slot`: 0: not in the ring yet."""

    address: int
    error_code: int
    number: int
    until: int
    slot: int = 0


class Channel:
    """A daemon's channel. `ring`: the frame; `left`: slots whose threads no longer wait, until the daemon answers."""

    def __init__(
        self, uffd: Userfaultfd, daemon: Task, ring: int, pool: PageCache, ram: Ram, frames: FrameAllocator
    ) -> None:
        self.uffd, self.daemon = uffd, daemon
        self.ring, self.pool = ring, pool
        self.ram, self.frames = ram, frames
        self.requests: dict[Task, Request] = {}
        self.left: set[int] = set()
        self.refused: dict[Task, int] = {}  # the last fault of each thread that was not answered

    @property
    def is_served(self) -> bool:
        return self.daemon.state is not TaskState.DEAD

    def ask(self, fault: Fault) -> None:
        """The thread of `fault` spins from now on. Its request is in the ring at its first look: other cores, whose
        clocks are behind, must not see it before.
        """
        until = fault.cpu.clock + PATIENCE
        self.requests[fault.task] = Request(fault.address, fault.error_code, fault.number, until)

    def _post(self, task: Task, request: Request) -> None:
        """Put the request into a free slot, if there is one."""
        self.left = {slot for slot in self.left if self._state(slot) == REQUEST}
        taken = self.left | {other.slot for other in self.requests.values()}
        slot = next((one for one in range(1, SLOTS) if one not in taken), 0)
        if slot:
            at = self.ring + slot * _SLOT_SIZE
            is_write = int(bool(request.error_code & pagefault.W))
            self.ram.octets[at : at + _SLOT.size] = _SLOT.pack(REQUEST, is_write, page_of(request.address), 0, task.tid)
            self._set_pending(slot, on=True)
            request.slot = slot

    def forget(self, task: Task) -> None:
        """The thread no longer waits. The daemon may be at its request already: the slot is free when it answers."""
        request = self.requests.pop(task, None)
        self.refused.pop(task, None)
        if request is not None and request.slot:
            if self._set_pending(request.slot, on=False):
                self._write_state(request.slot, FREE)
            else:
                self.left.add(request.slot)

    def poll(self, cpu: Cpu, task: Task) -> Polled:
        """Look at the slot of the spinning thread, and map the page that the daemon has named."""
        request = self.requests[task]
        if not request.slot:
            self._post(task, request)
        state = self._state(request.slot) if request.slot else REQUEST
        if state == REQUEST and self.is_served and cpu.clock < request.until:
            return Polled.WAIT
        if state == REQUEST:
            self.forget(task)
        else:
            del self.requests[task]
            self._write_state(request.slot, FREE)
            cpu.charge("kernel.lock.transfer")
        if state == ANSWERED and self._map(cpu, task, request):
            return Polled.RESOLVED
        self.refused[task] = request.number
        return Polled.AGAIN

    def _map(self, cpu: Cpu, task: Task, request: Request) -> bool:
        """Map the pool page; False: the daemon named none, or the area is not the same any more."""
        mm, page = self.uffd.mm, page_of(request.address)
        vma = mm.vmas.find(page)
        at = self.ring + request.slot * _SLOT_SIZE
        number = _SLOT.unpack(bytes(self.ram.octets[at : at + _SLOT.size]))[3]
        offset = number << PAGE_SHIFT
        frame = self.pool.cached_frame(offset) if offset < self.pool.mapped_size else 0
        if vma is None or vma.uffd is not self.uffd or not frame or mm.pages.entry(page) & HELD:
            return False
        cpu.charge("kernel.page.lookup")
        if vma.shared:
            assert isinstance(vma.file, PageCache)
            place = vma.offset + page - vma.start
            if vma.file.cached_frame(place):
                return False
            self.frames.share(frame)
            vma.file.add(place, frame)
        else:
            frame = new_frame(cpu, mm, frame)
        dirty = bool(request.error_code & pagefault.W)
        mm.install(vma, page, frame, owned=not vma.shared, dirty=dirty)
        cpu.charge("kernel.fault.install")
        cpu.bus.faults.take(task.tid, PATH)
        cpu.emit(MinorFault, Hex(page), Label("pool"), request.number)
        return True

    def close(self) -> None:
        self.frames.give_back(self.ring)
        self.pool.open_files -= 1
        self.pool.unmapped()

    def _state(self, slot: int) -> int:
        at = self.ring + slot * _SLOT_SIZE
        return int.from_bytes(self.ram.octets[at : at + 4], "little")

    def _write_state(self, slot: int, state: int) -> None:
        at = self.ring + slot * _SLOT_SIZE
        self.ram.octets[at : at + 4] = state.to_bytes(4, "little")

    def _set_pending(self, slot: int, *, on: bool) -> bool:
        """Set or clear the slot's bit; whether it was set."""
        (word,) = _WORD.unpack(bytes(self.ram.octets[self.ring : self.ring + _WORD.size]))
        changed = word | 1 << slot if on else word & ~(1 << slot)
        self.ram.octets[self.ring : self.ring + _WORD.size] = _WORD.pack(changed)
        return bool(word >> slot & 1)


class Daemons(NoAnswers):
    """The daemon mechanism. A userfaultfd's channel is its `added`."""

    features: ClassVar[int] = uffd_abi.FEATURE_DAEMON

    def ioctl(self, request: int) -> Ioctl | None:
        return {uffd_abi.DAEMON: _serve, uffd_abi.EVICT: _evict}.get(request)

    def answer(self, uffd: Userfaultfd, fault: Fault, reason: int) -> Resolved | None:
        """Ask the daemon; raises Blocked: the thread spins. For missing pages of ring 3 only."""
        channel: Channel | None = uffd.added
        if channel is None or reason != uffd_abi.MODE_MISSING or not fault.error_code & pagefault.U:
            return None
        if not channel.is_served:
            self.closed(uffd)
            return None
        if channel.refused.pop(fault.task, 0) == fault.number:
            return None
        fault.cpu.charge("kernel.daemon.post")
        channel.ask(fault)
        why = f"the daemon, thread {channel.daemon.tid}, to answer for {fault.address:#x}"
        raise Blocked(why=why, uffd=uffd, spin=channel)

    def forget(self, uffd: Userfaultfd, task: Task) -> None:
        if uffd.added is not None:
            uffd.added.forget(task)

    def closed(self, uffd: Userfaultfd) -> None:
        if uffd.added is not None:
            uffd.added.close()
            uffd.added = None


def _serve(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """UFFDIO_DAEMON: the calling thread answers the userfaultfd's faults from now on.

    Errors: EFAULT, EBADF; EINVAL (the ring is not a page of shared memory, the pool is not a memfd), EBUSY (there is
    a daemon).
    """
    given = call.memory.read_struct(UffdioDaemon, argument)
    if given.ring % PAGE_SIZE or given.flags:
        raise LinuxError(Errno.EINVAL)
    pool = call.file(given.pool)
    if not isinstance(pool, Memfd):
        raise LinuxError(Errno.EINVAL)
    channel: Channel | None = uffd.added
    if channel is not None and channel.is_served:
        raise LinuxError(Errno.EBUSY)
    area = call.mm.vmas.find(given.ring)
    if area is None or not area.shared:
        raise LinuxError(Errno.EINVAL)
    ((ring, _),) = call.memory.parts(given.ring, PAGE_SIZE, WRITE)
    if channel is not None:
        channel.close()
    frames, ram = call.mm.frames, call.mm.ram
    frames.share(ring)
    pool.cache.open_files += 1
    ram.octets[ring : ring + PAGE_SIZE] = bytes(PAGE_SIZE)
    call.task.polls_memory = True
    uffd.added = Channel(uffd, call.task, ring, pool.cache, ram, frames)
    return 0


def _evict(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """UFFDIO_EVICT: unmap pages of registered areas; bit 0 of each address says afterwards whether it was stored to.

    Returns their number; one flush of the TLBs for all. Errors: EFAULT, EINVAL (count), ENOENT (not registered here;
    none has been unmapped), ESRCH.
    """
    given = call.memory.read_struct(UffdioEvict, argument)
    if not 0 < given.count <= MOST_EVICTED:
        raise LinuxError(Errno.EINVAL)
    mm = uffd.mm
    if mm.is_gone:
        raise LinuxError(Errno.ESRCH)
    octets = call.memory.read(given.pages, 8 * given.count)
    pages = [page_of(int.from_bytes(octets[at : at + 8], "little")) for at in range(0, len(octets), 8)]
    call.memory.parts(given.pages, len(octets), WRITE)
    areas = [mm.vmas.find(page) for page in pages]
    if any(vma is None or vma.uffd is not uffd for vma in areas):
        raise LinuxError(Errno.ENOENT)
    call.cpu.charge("kernel.uffd.validate")
    told = bytearray()
    with mm.locks.mmap_lock.reading(call.cpu):
        for page, vma in zip(pages, areas, strict=True):
            assert vma is not None
            call.cpu.charge("kernel.fault.walk")
            entry = mm.pages.entry(page)
            dirty = bool(entry & HELD and entry & PTE_D)
            told += _WORD.pack(page | int(dirty))
            if vma.shared and vma.file is not None:
                place = vma.offset + page - vma.start
                vma.file.punch(place, place + PAGE_SIZE)
            else:
                mm.zap(vma, page, page + PAGE_SIZE)
            if entry & HELD:
                call.cpu.emit(PageEvicted, Hex(page), int(dirty), 0)
    call.memory.write(given.pages, bytes(told))
    return len(pages)
