"""Cores with directed resolution units and a real kernel, without guest code: a test makes every step itself.

A process, forked from the machine's first, has an area registered with userfaultfd, one of sources, and a shared one (a
memfd). Faulting cores are 0 to n - 1; the kernel runs on the last core, which never faults, so that its calls may come
between any two steps of the others' fills. `check` asserts what must hold after every one of them.
"""

from __future__ import annotations

import struct
from collections import Counter
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Final

from kernel_model.abi import mman, uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.syscalls import Sys
from kernel_model.abi.uapi import LinuxError, Signal
from kernel_model.call.call import Call
from kernel_model.calls.mmap_locked import run
from kernel_model.calls.table import TABLE
from kernel_model.files.proc.smaps import clear_refs
from kernel_model.mm.mm import Mm
from kernel_model.mm.page_tables import HELD, OWNED
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.sleep import PendingCall
from kernel_model.task.task import Process
from kernel_model.uffd.directed_memory import DirectedMemory
from kernel_model.wait.queue import Blocked
from pffemu import Machine, Mode
from pffemu.arch import directed as arch
from pffemu.arch.exceptions import PF
from pffemu.arch.pagefault import U, W
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_D, PTE_P, PTE_W
from pffemu.hw import directed_resolution, frame_rings
from pffemu.hw.directed_resolution import Outcome, Result
from pffemu.hw.insns import pageout
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap
from tests.guest_tools import plain_guest

AREA: Final = 0x1000_0000
PAGES: Final = 12
SOURCE: Final = 0x2000_0000
SHARED: Final = 0x3000_0000
SHARED_PAGES: Final = 6
ARGUMENTS: Final = 0x4000_0000
FD: Final = 3
GARBAGE: Final = b"\xa5" * PAGE_SIZE  # what free memory holds
_RWX: Final = uapi.PROT_READ | uapi.PROT_WRITE
_PRIVATE: Final = uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS | uapi.MAP_FIXED


_UNFINISHED: Final[list[object]] = []


@cache
def machine_of(cores: int) -> Machine:
    """A booted machine with `cores` that fault, and one more; its first process is the parent of every world's."""
    machine = Machine(mode=Mode.HW, cpus=cores + 1, ram=32 << 20)
    machine.load(plain_guest("nop"))
    machine.kernel.scheduler.switch_in(machine.cpus[0])
    return machine


class World:
    """One process on all cores of a machine. `revoked`: memory, index, generation: nothing is installed under them."""

    def __init__(self, cores: int) -> None:
        if _UNFINISHED:  # a test failed: what it left is not another one's
            machine_of.cache_clear()
            _UNFINISHED.clear()
        _UNFINISHED.append(self)
        machine = machine_of(cores)
        self.kernel, self.cpus = machine.kernel, machine.cpus
        self.cores, self.kernel_cpu = machine.cpus[:-1], machine.cpus[-1]
        self.allocator, self.ram = self.kernel.frames, machine.ram
        self.free_before = self._poison()
        parent = self.kernel.first_process
        assert parent is not None
        pid = self._call_of(parent, "FORK")
        assert isinstance(pid, int)
        self.process = self.kernel.processes[pid]
        self.alive, self.children = True, list[Process]()
        self.quotas = dict[int, tuple[DirectedMemory | None, int, int]]()  # by index: generation and quota
        self.revoked: list[tuple[DirectedMemory, int, int]] = []
        self.outcomes: Counter[Any] = Counter()
        self.fill_steps = 0
        self._load()
        self._map(ARGUMENTS, 1)
        self.map_sources()
        self.map_area()
        self.open()
        self.write(ARGUMENTS, b"shared\0")
        self.memfd = self.call("MEMFD_CREATE", ARGUMENTS, 0)
        assert self.call("FTRUNCATE", self.memfd, SHARED_PAGES * PAGE_SIZE) == 0
        self.map_shared()
        self.register()

    @property
    def mm(self) -> Mm:
        return self.process.mm

    @property
    def memory(self) -> DirectedMemory | None:
        found = self.mm.directed
        assert found is None or isinstance(found, DirectedMemory)
        return found

    # -- the kernel ---------------------------------------------------------------------------------------------

    def _call_of(self, process: Process, name: str, *arguments: int) -> int | None:
        """A system call of the process's first thread on the kernel's core; None: it would sleep."""
        task, number = process.tasks[0], Sys[name]
        call = Call(self.kernel, self.kernel_cpu, task, PendingCall(number))
        try:
            return run(TABLE[number][0], number, call, list(arguments))
        except LinuxError as error:
            return -error.errno
        except Blocked:
            return None
        finally:
            self.kernel.flush_stale(self.kernel_cpu)

    def call(self, name: str, *arguments: int) -> int | None:
        return self._call_of(self.process, name, *arguments) if self.alive else None

    def ioctl(self, request: int, *words: int, fd: int = FD) -> int | None:
        """An ioctl of the userfaultfd whose structure is these 64-bit words."""
        if self.alive:
            self.write(ARGUMENTS, b"".join(struct.pack("<Q", word & (1 << 64) - 1) for word in words))
        return self.call("IOCTL", fd, request, ARGUMENTS)

    def result(self, offset: int) -> int:
        """A word of the last ioctl's structure."""
        return int.from_bytes(self.read(ARGUMENTS + offset, 8), "little")

    def clear_references(self) -> None:
        """Of all pages, as a store to /proc/PID/clear_refs does."""
        if self.alive:
            call = Call(self.kernel, self.kernel_cpu, self.process.tasks[0], PendingCall(0))
            subject: Any = SimpleNamespace(living=lambda: self.process.tasks[0])
            clear_refs(call, subject, b"1")
            self.kernel.flush_stale(self.kernel_cpu)

    def name_pages(self, local: int, remote: int) -> None:
        """The arguments of process_vm_readv and process_vm_writev: two pages."""
        self.write(ARGUMENTS, struct.pack("<4Q", local, PAGE_SIZE, remote, PAGE_SIZE))

    def child_writes(self) -> int | None:
        """The first child copies its page of `name_pages` to the process's, on a core that has the child loaded."""
        child, cpu = self.children[0], self.kernel_cpu
        cpu.directed.load(self.ram.words, None)
        cpu.mmu.fill.root = child.mm.pages.root
        cpu.flush_tlb()
        done = self._call_of(child, "PROCESS_VM_WRITEV", self.process.pid, ARGUMENTS, 1, ARGUMENTS + 16, 1, 0)
        cpu.mmu.fill.root = self.mm.pages.root
        cpu.flush_tlb()
        return done

    def transfer(self, local: int, remote: int, *, writes: bool) -> int | None:
        """process_vm_readv or process_vm_writev of a page of the process itself."""
        if not self.alive:
            return None
        self.name_pages(local, remote)
        name = "PROCESS_VM_WRITEV" if writes else "PROCESS_VM_READV"
        return self.call(name, self.process.pid, ARGUMENTS, 1, ARGUMENTS + 16, 1, 0)

    def _map(self, start: int, pages: int) -> None:
        self.call("MMAP", start, pages * PAGE_SIZE, _RWX, _PRIVATE, -1 & (1 << 64) - 1, 0)

    def open(self) -> int | None:
        """The userfaultfd, as descriptor FD."""
        assert self.call("USERFAULTFD", 0) in (FD, None)
        return self.ioctl(uffd_abi.API, uapi.UFFD_API, uffd_abi.FEATURE_WP_UNPOPULATED, 0)

    def map_area(self) -> None:
        self._map(AREA, PAGES)

    def map_sources(self) -> None:
        self._map(SOURCE, PAGES)
        for page in range(PAGES):
            self.store(self.kernel_cpu, SOURCE + page * PAGE_SIZE, 0x5000 + page)

    def map_shared(self) -> None:
        self.call("MMAP", SHARED, SHARED_PAGES * PAGE_SIZE, _RWX, uapi.MAP_SHARED | uapi.MAP_FIXED, self.memfd or 0, 0)

    def register(self) -> None:
        for start, pages, mode in ((AREA, PAGES, uffd_abi.MODE_MISSING | uffd_abi.MODE_WP),
                                   (SHARED, SHARED_PAGES, uffd_abi.MODE_MISSING | uffd_abi.MODE_MINOR)):  # fmt: skip
            self.ioctl(uffd_abi.REGISTER, start, pages * PAGE_SIZE, mode, 0)

    def direct(
        self, kind: int, page: int = 0, pages: int = PAGES, *, rights: int = 3, source: int = SOURCE,
        stride: int = PAGE_SIZE, quota: int = 0, around: int = 0, flags: int = 0, base: int = AREA,
    ) -> int | None:  # fmt: skip
        """UFFDIO_DIRECT; the index, or -errno."""
        done = self.ioctl(
            uffd_abi.DIRECT, base + page * PAGE_SIZE, pages * PAGE_SIZE, kind | rights << 32, flags | around << 32,
            source, stride, quota, 0, 0,
        )  # fmt: skip
        if done == 0 and quota:
            self.quotas[self.result(56)] = self.memory, self.memory.generation(self.result(56)), quota
        return self.result(56) if done == 0 else done

    def rings(self, frames: int, low: int = 0, batch: int = 0) -> int | None:
        return self.ioctl(uffd_abi.RINGS, frames, low, batch, len(self.cpus), 0)

    def donate(self, core: int, frames: int, start: int = 0) -> int | None:
        return self.ioctl(uffd_abi.DONATE, core, frames, start, 0)

    def revoke(self, index: int) -> int | None:
        memory = self.memory
        generation = memory.generation(index) if memory is not None else 0
        done = self.ioctl(uffd_abi.REVOKE, index)
        if done == 0 and memory is not None:
            self.revoked.append((memory, index, generation))
        return done

    def refill(self) -> None:
        """The interrupt of a ring at its low-water mark."""
        self.kernel.entry.interrupt(self.kernel_cpu, directed_resolution.LOW_VECTOR)

    def kill(self) -> None:
        """SIGKILL; the cores then have no address space."""
        if self.alive:
            self.alive = False
            info = SigInfo.from_kernel(Signal.SIGKILL, "the test")
            self.kernel.kill(self.kernel_cpu, self.process.tasks[0], info)
            self.kernel.flush_stale(self.kernel_cpu)
            self.kernel.processes.pop(self.process.pid, None)

    def fork(self) -> int | None:
        """0: there is one more child."""
        pid = self.call("FORK")
        if pid is None or pid < 0:
            return pid
        self.children.append(self.kernel.processes[pid])
        return 0

    def kill_child(self) -> None:
        if self.children:
            child = self.children.pop()
            self.kernel.kill(self.kernel_cpu, child.tasks[0], SigInfo.from_kernel(Signal.SIGKILL, "the test"))
            self.kernel.flush_stale(self.kernel_cpu)
            self.kernel.processes.pop(child.pid, None)

    def end(self) -> None:
        """Kill everything, and assert that all memory has come back."""
        self.kill()
        while self.children:
            self.kill_child()
        parent = self.kernel.first_process
        assert parent is not None
        parent.children.clear()
        self.check()
        assert self.allocator.free_frames == self.free_before
        _UNFINISHED.clear()

    # -- the cores ----------------------------------------------------------------------------------------------

    def become_child(self) -> None:
        """The cores run the child, and calls are the child's, from now on."""
        self.children[0], self.process = self.process, self.children[0]
        self._load()

    def _load(self) -> None:
        """All cores run threads of the process, as the scheduler would load them."""
        for cpu in self.cpus:
            cpu.mmu.fill.root = self.mm.pages.root
            cpu.cr4_uintr = True
            cpu.flush_tlb()
            cpu.directed.load(self.ram.words, None)

    def fault(self, core: int, address: int, error_code: int = U) -> bool:
        """The core's walk is refused there; whether its unit begins a fill. The unit must be idle."""
        cpu = self.cores[core]
        if not self.alive or cpu.directed.fill is not None or cpu.directed.context is None:
            return False
        return directed_resolution.begin(cpu, Trap(PF, error_code, address), 0)

    def step(self, core: int) -> Outcome | None:
        """One step of the core's fill."""
        cpu = self.cores[core]
        fill = cpu.directed.fill
        if fill is None:
            return None
        page, step, entry = fill.page, fill.step, fill.entry
        if step == "publish":
            context = cpu.directed.context
            assert context is not None
            newest = frame_rings.record_ring(self.ram.words, context.records)
            number = self.ram.words[(context.records >> 3) + arch.PRODUCED]
            assert number, "I8: a page is published without a record"
            assert newest._entry(number - 1)[0] & ~0xFFF == page, "I8: the newest record is another page's"
            assert (self.memory, arch.index_of(entry), arch.generation_of(entry)) not in self.revoked, "I5: revoked"
            self._check_content(fill)
        if step == "fill" and fill.source:
            self._check_source(fill)
        outcome = directed_resolution.step(cpu)
        if outcome is not None:
            self.outcomes[outcome.reason or outcome.result] += 1
            now, own = self.ram.words[fill.leaf], arch.BUSY | core << arch.CORE_SHIFT
            if outcome.result is Result.DECLINED:
                assert now & (PTE_P | arch.BUSY | arch.CORE) != own, "I9: declined, but BUSY"
        return outcome

    def finish(self, core: int) -> Outcome | None:
        """The rest of the core's fill, if no other one is in its way."""
        outcome = None
        for _ in range(20):
            outcome = self.step(core)
            if self.cores[core].directed.fill is None:
                return outcome
        return outcome

    def resolve(self, core: int, address: int, error_code: int = U) -> Outcome | None:
        """A whole fault."""
        return self.finish(core) if self.fault(core, address, error_code) else None

    def page_out(self, core: int, page: int, index: int, drop: bool) -> int | Trap:
        """PAGEOUT or PAGEDROP; CF and ZF, or its trap."""
        cpu = self.cores[core]
        if not self.alive or cpu.directed.fill is not None:
            return 0
        cpu.registers["rax"] = page | index
        trap = pageout.execute(cpu, 5, 0, drop)
        return cpu.rflags & 0x41 if trap is None else trap

    def store(self, cpu: Any, address: int, word: int) -> bool:
        """A user store; brought in by the kernel where userfaultfd does not own the page. Whether it went through."""
        data = struct.pack("<Q", word)
        if self.alive and cpu.mmu.store(address, data, USER) is None:
            return True
        return self.alive and cpu is self.kernel_cpu and self.copy_to_user(address, data)

    def load(self, core: int, address: int) -> int | None:
        """A user load; None: it faults."""
        found = self.cores[core].mmu.load(address, 8, USER)
        return int.from_bytes(found, "little") if isinstance(found, bytes) else None

    def copy_to_user(self, address: int, data: bytes) -> bool:
        """A store by the kernel (copy_to_user)."""
        call = Call(self.kernel, self.kernel_cpu, self.process.tasks[0], PendingCall(0))
        try:
            call.memory.write(address, data)
        except (LinuxError, Blocked):
            return False
        finally:
            self.kernel.flush_stale(self.kernel_cpu)
        return True

    def write(self, address: int, data: bytes) -> None:
        assert self.copy_to_user(address, data)

    def read(self, address: int, size: int) -> bytes:
        return Call(self.kernel, self.kernel_cpu, self.process.tasks[0], PendingCall(0)).memory.read(address, size)

    # -- what must hold -----------------------------------------------------------------------------------------

    def _poison(self) -> int:
        """Fill free memory with garbage; the number of free frames."""
        for frame in self.allocator._free:
            self.ram.octets[frame : frame + PAGE_SIZE] = GARBAGE
        return self.allocator.free_frames

    def _check_content(self, fill: Any) -> None:
        """I4, I6: what is about to be published is the page's content and nothing else."""
        content = bytes(self.ram.octets[fill.frame : fill.frame + PAGE_SIZE])
        if fill.directive.kind == uffd_abi.DIRECT_ZERO:
            assert content == bytes(PAGE_SIZE), "I4: old bytes"
        elif fill.directive.kind == uffd_abi.DIRECT_COPY:
            assert content != GARBAGE, "I4: old bytes"

    def _check_source(self, fill: Any) -> None:
        """I3: the frame that COPY reads is one that the user could load from: mapped, or not yet used again."""
        entry = self.mm.pages.entry(fill.directive.source_of(fill.page))
        mapped = entry & PTE_P and entry & PTE_ADDRESS == fill.source
        memory = self.memory
        assert memory is not None
        limbo = {frame for core in range(len(self.cpus)) for frame, _ in memory.return_ring(core).entries()}
        assert mapped or fill.source in limbo, "I3: the source is not the user's"

    def check(self) -> None:
        """I1, I2, I7, I9 over all memory of the process and of its children."""
        self._check_frames()
        if not self.alive:
            return
        memory = self.memory
        fills = [(cpu.directed.fill, cpu.index) for cpu in self.cores if cpu.directed.fill is not None]
        owners = {fill.leaf: core for fill, core in fills if fill.step not in ("check", "claim")}
        assert len(owners) == sum(fill.step not in ("check", "claim") for fill, _ in fills), "I7: two fill one page"
        for address, entry in self.mm.pages.used(0, 1 << 47):
            vma = self.mm.vmas.find(address)
            if entry & PTE_P:
                assert vma is not None, "I2: a page without an area"
                assert not entry & PTE_W or vma.prot & uapi.PROT_WRITE, "I2: more than the area's rights"
                assert vma.prot, "I2: a page of a PROT_NONE area"
            elif arch.is_directed(entry):
                if entry & arch.BUSY:
                    owner = owners.get(self.mm.pages.place(address))
                    assert owner == (entry & arch.CORE) >> arch.CORE_SHIFT, "I9: BUSY for good"
                elif vma is not None and vma.directed == entry and memory is not None:
                    found = memory.directive(arch.index_of(entry))
                    assert found is not None
                    assert found.valid
                    assert not found.write or vma.prot & uapi.PROT_WRITE, "I2: a directive wider than its area"

        ranges = (
            sorted((found.start, found.end) for found in map(memory.directive, memory.owned) if found) if memory else []
        )
        assert all(one[1] <= following[0] for one, following in pairwise(ranges)), "I2: two directives for one page"
        for index, (of, generation, quota) in self.quotas.items():
            if of is memory and memory is not None and index in memory.owned and memory.generation(index) == generation:
                self._check_quota(memory, index, quota)

    def _check_quota(self, memory: DirectedMemory, index: int, quota: int) -> None:
        """What is left, what cores are filling, and the pages that may be returned are the quota."""
        found = memory.directive(index)
        assert found is not None
        if not found.counted:  # a test has written it
            return
        areas = [vma for vma in self.mm.vmas if vma.directed and arch.index_of(vma.directed) == index]
        pages = sum(self.mm.returnable(vma.start, vma.end) for vma in areas)
        fills = [cpu.directed.fill for cpu in self.cores]
        taken = [
            1 for fill in fills if fill is not None and fill.step != "check" and arch.index_of(fill.entry) == index
        ]
        assert found.left + pages + len(taken) == quota, "the quota is not what is there and what is left"

    def settled(self) -> None:
        """I8: the kernel has taken over every record, and its count of pages is right."""
        memory = self.memory
        if not self.alive or memory is None:
            return
        for core in range(len(self.cpus)):
            assert not frame_rings.record_ring(self.ram.words, memory.context(core).records).count, "I8: undrained"
        held = [entry for _, entry in self.mm.pages.used(0, 1 << 47) if entry & HELD]
        zero = self.kernel.zero_frame
        assert self.mm.pages.resident == sum(entry & PTE_ADDRESS != zero for entry in held)

    def _check_frames(self) -> None:
        """I1: each frame has one place: free, a ring, in flight, tables and rings, or the page tables that share it."""
        places: Counter[int] = Counter(self.allocator._free)
        mapped: Counter[int] = Counter()
        processes = [process for process in (self.process, *self.children) if process.tasks]
        for process in processes:
            mm = process.mm
            if mm.is_gone:
                continue
            for _, entry in mm.pages.used(0, 1 << 47):
                if entry & HELD and entry & OWNED:
                    mapped[entry & PTE_ADDRESS] += 1
            tables = {at * 8 & -PAGE_SIZE for at in mm.pages._tables.values()}
            places.update([mm.pages.root, *tables])
            if mm.directed is not None:
                assert isinstance(mm.directed, DirectedMemory)
                places.update(self._frames_of(mm.directed))
        parent = self.kernel.first_process
        assert parent is not None
        for _, entry in parent.mm.pages.used(0, 1 << 47):
            if entry & HELD and entry & OWNED:
                mapped[entry & PTE_ADDRESS] += 1
        twice = [hex(frame) for frame, count in places.items() if count > 1]
        assert not twice, f"I1: in two places: {twice}"
        both = [hex(frame) for frame in mapped if frame in places]
        assert not both, f"I1: mapped, and elsewhere: {both}"
        for frame, count in mapped.items():
            assert count == self.allocator.users(frame), f"I1: {frame:#x} has {count} entries"

    def _frames_of(self, memory: DirectedMemory) -> list[int]:
        found = [*memory._table, *memory._epochs, *(frame for run in memory._rings for frame in run)]
        for owned in memory.owned.values():
            found += owned.listed
        for core in range(len(self.cpus)):
            found += [entry & ~arch.ZEROED for (entry,) in memory.frame_ring(core).entries()]
            found += [frame for frame, _ in memory.return_ring(core).entries()]
        for cpu in self.cores:
            fill = cpu.directed.fill
            if fill is not None and fill.step == "publish" and fill.directive is not None:
                found += [fill.frame] if fill.directive.kind != uffd_abi.DIRECT_MAP else []
        return found


__all__ = ["AREA", "PAGES", "PTE_D", "SHARED", "SHARED_PAGES", "SOURCE", "U", "W", "World", "mman"]
