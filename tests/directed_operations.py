"""Operations of a malicious program on a directed world: each a function of a world and four small numbers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.mm.reclaim import rmap
from pffemu.arch.directed import index_of
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, USER_END
from tests.directed_world import AREA, FD, PAGES, SHARED, SHARED_PAGES, SOURCE, U, W, World, mman

Operation = Callable[[World, int, int, int, int], object]

# sources of COPY: the program's own, beyond it, and what it may not read
SOURCES: Final = (
    SOURCE, SOURCE, SOURCE, SOURCE, SHARED, AREA, AREA + PAGE_SIZE, SOURCE + PAGES // 2 * PAGE_SIZE, 0x5000_0000,
    USER_END - PAGE_SIZE, USER_END, 0xFFFF_8880_0000_0000, SOURCE + 1, 0,
)  # fmt: skip
STRIDES: Final = (
    PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, 0, -PAGE_SIZE, 2 * PAGE_SIZE, 1, 1 << 47, -(1 << 63), (1 << 63) - PAGE_SIZE,
)  # fmt: skip


def _span(a: int, b: int) -> tuple[int, int]:
    """A range in the area: page and pages."""
    page = a % PAGES
    return page, 1 + b % (PAGES - page)


def _direct(w: World, a: int, b: int, c: int, d: int) -> object:
    page, pages = _span(a, b)
    kind = (uffd_abi.DIRECT_ZERO, uffd_abi.DIRECT_COPY, uffd_abi.DIRECT_COPY, uffd_abi.DIRECT_MAP)[c % 4]
    if d % 3:  # what a program means well
        shared = kind == uffd_abi.DIRECT_MAP
        return w.direct(kind, 0, SHARED_PAGES if shared else PAGES, base=SHARED if shared else AREA, around=d % 5 // 4)
    rights = (3, 3, 3, 1, 2, 0, 4)[d % 7]
    options = {"rights": rights, "around": (0, 0, 2, 3, 10)[d % 5], "quota": (0, 0, 1, 3)[d % 4], "flags": d % 9 == 8}
    if kind == uffd_abi.DIRECT_MAP and c % 8 < 7:
        return w.direct(kind, page % SHARED_PAGES, 1 + b % (SHARED_PAGES - page % SHARED_PAGES), base=SHARED, **options)
    source, stride = SOURCES[d % len(SOURCES)], STRIDES[c % len(STRIDES)]
    return w.direct(kind, page, pages, source=source, stride=stride, **options)


def _fault(w: World, a: int, b: int, c: int, _: int) -> object:
    base, pages = ((AREA, PAGES), (AREA, PAGES), (AREA, PAGES), (SHARED, SHARED_PAGES))[c % 4]
    return w.fault(a % len(w.cores), base + b % pages * PAGE_SIZE + 8, U | (W if c & 4 else 0))


def _step(w: World, a: int, b: int, *_: int) -> object:
    for _i in range(1 + b % 3):
        w.step(a % len(w.cores))
    return None


def _unmap(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b % 4)
    base = (AREA, AREA, SOURCE, SHARED)[c % 4]
    return w.call("MUNMAP", base + page * PAGE_SIZE, pages * PAGE_SIZE)


def _map(w: World, a: int, *_: int) -> object:
    if a % 4 == 0:
        w.map_shared()
    elif a % 4 < 3:
        w.map_area()
    else:
        w.map_sources()
    return w.register()


def _renew(w: World, a: int, b: int, c: int, _: int) -> object:
    """The area as a program sets it up: mapped anew, registered, directed, with frames in every ring."""
    w.map_area()
    w.map_sources()
    w.register()
    w.donate(uffd_abi.DONATE_EACH, 2 + b % 5)
    kind = (uffd_abi.DIRECT_ZERO, uffd_abi.DIRECT_COPY)[a % 2]
    return w.direct(kind, around=(0, 0, 0, 2)[c % 4], quota=(0, 0, 9)[c % 3])


def _empty(w: World, *_: int) -> object:
    return w.call("MADVISE", AREA, PAGES * PAGE_SIZE, uapi.MADV_DONTNEED)


def _protect(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b)
    base = (AREA, AREA, SOURCE, SHARED)[c % 4]
    return w.call("MPROTECT", base + page * PAGE_SIZE, pages * PAGE_SIZE, (0, 1, 3, 1)[c // 4 % 4])


def _move(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b)
    old, new = AREA + page * PAGE_SIZE, SOURCE + (c % PAGES) * PAGE_SIZE
    flags = mman.MREMAP_MAYMOVE | mman.MREMAP_FIXED | (mman.MREMAP_DONTUNMAP if c % 3 == 0 else 0)
    return w.call("MREMAP", old, pages * PAGE_SIZE, pages * PAGE_SIZE, flags, new)


def _advise(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b)
    base = (AREA, AREA, SOURCE, SHARED)[c % 4]
    advice = (
        uapi.MADV_DONTNEED, mman.MADV_GUARD_INSTALL, mman.MADV_GUARD_REMOVE, mman.MADV_REMOVE, mman.MADV_FREE,
    )  # fmt: skip
    return w.call("MADVISE", base + page * PAGE_SIZE, pages * PAGE_SIZE, advice[c // 4 % 5])


def _lock(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b)
    if c % 8 == 0:
        return w.call("MLOCK2", AREA + page * PAGE_SIZE, pages * PAGE_SIZE, 1)
    return w.call("MUNLOCK" if c % 2 else "MLOCK", SOURCE + page * PAGE_SIZE, pages * PAGE_SIZE)


def _truncate(w: World, a: int, *_: int) -> object:
    return w.call("FTRUNCATE", w.memfd or 0, a % (SHARED_PAGES + 2) * PAGE_SIZE)


def _fill(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b)
    start, length = AREA + page * PAGE_SIZE, pages * PAGE_SIZE
    if c % 4 == 0:
        return w.ioctl(uffd_abi.ZEROPAGE, start, length, 0, 0)
    if c % 4 == 1:
        return w.ioctl(uffd_abi.COPY, start, SOURCE + page * PAGE_SIZE, PAGE_SIZE, 0, 0)
    if c % 4 == 2:
        return w.ioctl(uffd_abi.WRITEPROTECT, start, length, c >> 2 & 1)
    return w.ioctl(uffd_abi.MOVE, start, SOURCE + page * PAGE_SIZE, PAGE_SIZE, 0, 0)


def _unregister(w: World, a: int, b: int, c: int, _: int) -> object:
    page, pages = _span(a, b)
    if c % 8 == 0:
        w.call("CLOSE", FD)
        return w.open()
    return w.ioctl(uffd_abi.UNREGISTER, AREA + page * PAGE_SIZE, pages * PAGE_SIZE)


def _store(w: World, a: int, b: int, c: int, d: int) -> object:
    base = (AREA, SOURCE)[c % 2]
    return w.store(w.cores[a % len(w.cores)], base + b % PAGES * PAGE_SIZE, 0x7000 + d)


def _page_out(w: World, a: int, b: int, c: int, d: int) -> object:
    base = (AREA, AREA, AREA, SHARED, SOURCE)[c % 5]
    w.finish(a % len(w.cores))
    vma = w.mm.vmas.find(base) if w.alive else None
    own = index_of(vma.directed) if vma is not None else 1
    index = (own, own, own, own, 1, 0, 255, 300)[d % 8]
    return w.page_out(a % len(w.cores), base + b % PAGES * PAGE_SIZE, index, bool(c & 8))


def _donate(w: World, a: int, b: int, c: int, _: int) -> object:
    core = uffd_abi.DONATE_EACH if c % 4 == 0 else a % (len(w.cpus) + 1)
    start = (0, 0, SOURCE + b % PAGES * PAGE_SIZE, AREA + b % PAGES * PAGE_SIZE)[c % 4]
    return w.donate(core, b % 9, start)


def _rings(w: World, a: int, b: int, c: int, _: int) -> object:
    w.rings((0, 1, 4, 64, 1 << 21)[a % 5], b % 5, c % 5)
    return w.donate(uffd_abi.DONATE_EACH, b)


def _transfer(w: World, a: int, b: int, c: int, _: int) -> object:
    here, there = SOURCE + a % PAGES * PAGE_SIZE, AREA + b % PAGES * PAGE_SIZE
    return w.transfer(here, there, writes=bool(c & 1))


def _reclaim(w: World, a: int, *_: int) -> object:
    """The kernel's reclaim takes a page of the shared file out of the mapping."""
    page = SHARED + a % SHARED_PAGES * PAGE_SIZE
    vma = w.mm.vmas.find(page) if w.alive else None
    if vma is None:
        return None
    reclaimed: Any = SimpleNamespace(offset=vma.offset + page - vma.start, frame=w.mm.pages.entry(page) & PTE_ADDRESS)
    found = rmap.unmap(reclaimed, [(w.mm, vma)])
    w.kernel.flush_stale(w.kernel_cpu)
    return found


def _copy_to_user(w: World, a: int, *_: int) -> object:
    return w.alive and w.copy_to_user(AREA + a % PAGES * PAGE_SIZE, b"copied!!")


OPERATIONS: Final[dict[str, tuple[Operation, int]]] = {  # and how often each is chosen
    "fault": (_fault, 16),
    "renew": (_renew, 4),
    "empty": (_empty, 2),
    "step": (_step, 40),
    "finish": (lambda w, a, *_: w.finish(a % len(w.cores)), 5),
    "direct": (_direct, 6),
    "revoke": (lambda w, a, *_: w.revoke(a % 5), 1),
    "donate": (_donate, 4),
    "rings": (_rings, 1),
    "refill": (lambda w, *_: w.refill(), 1),
    "drain": (lambda w, a, *_: w.ioctl(uffd_abi.DRAIN, SOURCE, a, 0, 0), 1),
    "page out": (_page_out, 5),
    "store": (_store, 4),
    "munmap": (_unmap, 1),
    "map": (_map, 1),
    "mprotect": (_protect, 1),
    "mremap": (_move, 1),
    "madvise": (_advise, 1),
    "mlock": (_lock, 1),
    "truncate": (_truncate, 1),
    "userfaultfd": (_fill, 3),
    "unregister": (_unregister, 1),
    "copy to user": (_copy_to_user, 2),
    "transfer": (_transfer, 1),
    "reclaim": (_reclaim, 1),
    "store shared": (
        lambda w, a, *_: w.alive and w.copy_to_user(SHARED + a % SHARED_PAGES * PAGE_SIZE, b"written!"),
        1,
    ),
    "clear references": (lambda w, *_: w.clear_references(), 1),
    "fork": (lambda w, *_: w.fork() if len(w.children) < 3 else w.kill_child(), 1),
    "kill": (lambda w, a, *_: w.kill() if a % 8 == 0 else None, 1),
}
SETTLES: Final = ("munmap", "mprotect", "empty", "revoke", "fork")  # those that must take over all records
NAMES: Final = [name for name, (_, weight) in OPERATIONS.items() for _ in range(weight)]


def apply(world: World, name: str, numbers: tuple[int, int, int, int]) -> None:
    """Make the operation, then check everything."""
    result = OPERATIONS[name][0](world, *numbers)
    if name in SETTLES and result == 0:
        world.settled()
    world.check()
