"""Read-ahead: which pages of a file are read before they are used (mm/readahead.c, mm/filemap.c).

A miss of a mapping reads a window around it; a page in the window carries a marker, and its first use starts the next
window while the pages before it are still to be used. MADV_RANDOM turns it off, MADV_SEQUENTIAL reads forwards only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.mm.side_by_side import side_by_side
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.fields import Hex, Label
from pffemu.events.page_cache import ReadAhead

if TYPE_CHECKING:
    from kernel_model.mm.disk_pages import DiskPages
    from kernel_model.mm.reclaim.page import CachedPage
    from pffemu.hw.cpu import Cpu

RA_PAGES: Final = 32  # the largest window: 128 KiB (bdi->ra_pages)
IO_PAGES: Final = 320  # the most that one piece of advice reads: 1280 KiB (bdi->io_pages)
RANDOM, SEQUENTIAL = 1, 2  # Vma.advice (VM_RAND_READ, VM_SEQ_READ)
_LOTS_OF_MISSES: Final = 100  # MMAP_LOTSAMISS: so many more misses than hits, and windows do not pay


@dataclass(slots=True)
class Window:
    """The latest window of a file, in pages: [start, start + size), its marker `ahead` pages before its end.

    Linux keeps one for each open file (struct file_ra_state); here all of them share it.
    """

    start: int = 0
    size: int = 0
    ahead: int = 0
    misses: int = 0  # less hits
    previous: int = -1  # the page read last


def first_window(wanted: int, most: int) -> int:
    """The size of a first window for `wanted` pages (get_init_ra_size)."""
    size = 1 << (wanted - 1).bit_length()
    if size <= most // 32:
        return size * 4
    return size * 2 if size <= most // 4 else most


def next_window(size: int, most: int) -> int:
    """The size of the window behind one of `size` pages (get_next_ra_size)."""
    if size < most // 16:
        return 4 * size
    return 2 * size if size <= most // 2 else most


def largest_window(file: DiskPages) -> int:
    """RA_PAGES, and fewer where memory for the cache is so short that a window would evict itself."""
    return max(1, min(RA_PAGES, file.memory.most // 4))


def missed(cpu: Cpu, file: DiskPages, offset: int, advice: int, *, may_wait: bool) -> None:
    """A mapping's page at `offset` is not in the cache: read it, with those around it (do_sync_mmap_readahead).

    Raises Blocked, OutOfGuestMemory, LinuxError.
    """
    index, window = offset // PAGE_SIZE, file.window
    if advice == SEQUENTIAL:
        read_missed(cpu, file, index, largest_window(file), may_wait=may_wait)
        return
    most = largest_window(file)
    if advice != RANDOM:
        window.misses = min(window.misses + 1, 10 * _LOTS_OF_MISSES)
    if advice == RANDOM or window.misses > _LOTS_OF_MISSES:
        read(cpu, file, index, 1, 0, wanted=index, may_wait=may_wait)
        return
    window.start, window.size, window.ahead = max(0, index - most // 2), most, most // 4
    _read_window(cpu, file, index, may_wait=may_wait)


def read_missed(cpu: Cpu, file: DiskPages, index: int, wanted: int, *, may_wait: bool) -> None:
    """Page `index`, the first of `wanted`, is not in the cache: read it, and more if it is the next in a sequence."""
    window, most = file.window, largest_window(file)
    if wanted > most:
        most = max(most, min(wanted, IO_PAGES, file.memory.most // 4))
    before = 0
    while before < most and before < index and (index - before - 1) * PAGE_SIZE in file.pages:
        before += 1
    if index == 0 or wanted > most or 0 <= index - window.previous <= 1:
        window.start, window.size = index, first_window(wanted, most)
        window.ahead = window.size - wanted if window.size > wanted else window.size >> 1
    elif before <= wanted:
        read(cpu, file, index, min(wanted, most), 0, wanted=index, may_wait=may_wait)
        return
    else:
        window.start, window.size, window.ahead = index, min(before * (2 if before >= index else 1) + wanted, most), 1
    _read_window(cpu, file, index, may_wait=may_wait)


def used(cpu: Cpu, page: CachedPage, advice: int) -> None:
    """A page in the cache is used: a hit, and if it carries the marker the next window is read."""
    file, window = page.file, page.file.window
    if advice == RANDOM:
        return
    window.misses = max(0, window.misses - 1)
    if page.marker:
        page.marker = False
        _met_marker(cpu, file, page.offset // PAGE_SIZE)


def _met_marker(cpu: Cpu, file: DiskPages, index: int) -> None:
    """page_cache_async_ra: the window behind this one, or behind the first page that is missing."""
    window, most = file.window, largest_window(file)
    if index == window.start + window.size - window.ahead:
        window.start += window.size
        window.size = next_window(window.size, most)
    else:
        start = index + 1
        while start * PAGE_SIZE in file.pages and start <= index + most:
            start += 1
        if start > index + most:
            return
        window.start, window.size = start, next_window(start - index + 1, most)
    window.ahead = window.size
    _read_window(cpu, file, -1, may_wait=False)


def advised(cpu: Cpu, file: DiskPages, start: int, end: int) -> None:
    """Bytes [start, end) will be needed: read them, as far as one piece of advice reaches (force_page_cache_ra)."""
    first, behind = start // PAGE_SIZE, -(-min(end, file.size) // PAGE_SIZE)
    if first < behind:
        read(cpu, file, first, min(behind - first, IO_PAGES), 0, wanted=-1, may_wait=False, why="advice")


def _read_window(cpu: Cpu, file: DiskPages, wanted: int, *, may_wait: bool) -> None:
    window = file.window
    read(cpu, file, window.start, window.size, window.ahead, wanted=wanted, may_wait=may_wait)


def read(
    cpu: Cpu, file: DiskPages, first: int, count: int, ahead: int, *, wanted: int, may_wait: bool, why: str = ""
) -> int:
    """Read the missing pages of [first, first + count), the marker `ahead` before the end; how many were missing.

    `wanted`: the page that is needed (-1: none): without room for it the thread waits, without room for others they
    are left out. Raises Blocked, OutOfGuestMemory, LinuxError.
    """
    end = min(first + count, -(-file.size // PAGE_SIZE))
    missing = [index for index in range(first, end) if index * PAGE_SIZE not in file.pages]
    if not missing:
        return 0
    cpu.charge("kernel.readahead")
    room = (
        file.memory.room(cpu, len(missing), may_wait=may_wait) if wanted >= 0 else file.memory.spare(cpu, len(missing))
    )
    if room < len(missing):
        missing = [wanted] if wanted >= 0 and wanted not in missing[:room] else missing[:room]
    if len(missing) > 1 or wanted < 0:
        cpu.emit(
            ReadAhead,
            Label(why or ("async" if wanted < 0 else "sync")),
            file.serial,
            Hex(missing[0] * PAGE_SIZE if missing else 0),
            len(missing),
        )
    marker = end - ahead if ahead else -1
    for offset, size in side_by_side([index * PAGE_SIZE for index in missing]):
        _read_run(cpu, file, offset // PAGE_SIZE, (offset + size) // PAGE_SIZE, marker)
    return len(missing)


def _read_run(cpu: Cpu, file: DiskPages, start: int, behind: int, marker: int) -> None:
    """Let the disk read the pages of [start, behind), the marker on page `marker`; until one fails."""
    run = file.bring_all(cpu, start * PAGE_SIZE, behind - start)
    if start <= marker < start + len(run):
        run[marker - start].marker = True
    try:
        for index in range(start + len(run), behind):
            page = file.bring(cpu, index * PAGE_SIZE)
            page.marker = index == marker
            run.append(page)
    finally:
        if run:
            file.memory.read(cpu, run)
