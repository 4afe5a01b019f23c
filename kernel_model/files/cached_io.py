"""read, write and fsync of files on disk by way of their page cache (mm/filemap.c), or past it (O_DIRECT)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import LinuxError
from kernel_model.files.file import faulted
from kernel_model.files.kernel_buffer import KernelBuffer
from kernel_model.mm import readahead
from kernel_model.wait.queue import Blocked
from pffemu.arch.paging import PAGE_SIZE, page_of, pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.disk_pages import DiskPages
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from kernel_model.mm.reclaim.page import CachedPage

Range = tuple["DiskPages | None", int, int]  # bytes [start, end) of a file; None: of all files
END: Final = 1 << 63  # of a range that has none
_AT_ONCE: Final = 1 << 20  # bytes copied at once


def read(call: Caller, pages: DiskPages, buffer: UserBuffer, offset: int, *, direct: bool, advice: int) -> int:
    """Read from `offset` on, at most to the end of the file; missing pages are read in, with the thread asleep.

    `direct`: past the cache. `advice`: readahead's RANDOM, or 0. Raises LinuxError, Blocked.
    """
    may_wait = not isinstance(buffer, KernelBuffer)
    done = call.pending.progress if may_wait else 0
    buffer.skip(done)
    while True:
        wanted = max(0, min(buffer.size, pages.size - offset - done))
        # a call that goes on has brought in all of its buffer: to look at all of it each time would take long
        near = wanted if not done or direct or call.mm.maps_disk else min(wanted, _AT_ONCE)
        room = buffer.room(near)  # may sleep: it must come before the first byte
        if not room:
            return done if done or not wanted else faulted(0)
        if direct:
            return _read_past(call, pages, buffer, offset, room, may_wait=may_wait)
        at, end, parts, ready = offset + done, offset + done + room, list[bytes](), 0
        last = at + wanted if room == near else end
        try:
            while at < end:
                page = _cached(call, pages, at, last, advice, may_wait=may_wait)
                length = min(PAGE_SIZE - at % PAGE_SIZE, end - at)
                parts.append(pages.bytes_of(page, at % PAGE_SIZE, length))
                at, ready = at + length, ready + length
                if at + PAGE_SIZE <= end and ready < _AT_ONCE:
                    length = _cached_run(call, pages, at, min(end - at, _AT_ONCE - ready), parts, advice)
                    at, ready = at + length, ready + length
                if ready >= _AT_ONCE:
                    done, ready = done + _hand_over(buffer, parts), 0
        except Blocked:
            call.pending.progress = done + _hand_over(buffer, parts)
            raise
        except LinuxError:
            done += _hand_over(buffer, parts)
            if not done:
                raise
            return done
        done += _hand_over(buffer, parts)
        if room == wanted or room < near:
            return done
        call.pending.progress = done


def _hand_over(buffer: UserBuffer, parts: list[bytes]) -> int:
    """Write what was read to the buffer; its bytes."""
    data = b"".join(parts)
    parts.clear()
    if data:
        buffer.scatter(data)
        buffer.skip(len(data))
    return len(data)


def _cached(call: Caller, pages: DiskPages, at: int, end: int, advice: int, *, may_wait: bool) -> CachedPage:
    """The page at byte `at` of a read up to `end`, in the cache and with its content (filemap_get_pages)."""
    cpu, offset, index = call.cpu, page_of(at), at // PAGE_SIZE
    pages.memory.frames.held = 0
    cpu.charge("kernel.page.lookup")
    page = pages.pages.get(offset)
    if page is None:
        wanted = (pages_up(end) - offset) // PAGE_SIZE
        if advice == readahead.RANDOM:
            readahead.read(cpu, pages, index, min(wanted, readahead.RA_PAGES), 0, wanted=index, may_wait=may_wait)
        else:
            readahead.read_missed(cpu, pages, index, wanted, may_wait=may_wait)
        page = pages.pages[offset]
    else:
        pages.memory.frames.held = page.frame
        readahead.used(cpu, page, advice)
    if page.reading is not None:
        if may_wait:
            raise pages.memory.disk.sleep_for(page)
        pages.memory.disk.wait(cpu, page.reading)
    page.awaited = False
    if index != pages.window.previous:
        pages.memory.touched(page)
        pages.window.previous = index
    return page


def _cached_run(call: Caller, pages: DiskPages, at: int, size: int, parts: list[bytes], advice: int) -> int:
    """Add to `parts` the whole pages behind `at`, up to `size` bytes, whose use starts and waits for nothing; their
    bytes. It is as `_cached` of each.
    """
    run: list[CachedPage] = []
    for offset in range(at, at + size - PAGE_SIZE + 1, PAGE_SIZE):
        page = pages.pages.get(offset)
        if page is None or page.marker or page.reading is not None:
            break
        run.append(page)
    if not run:
        return 0
    memory, window = pages.memory, pages.window
    call.cpu.charge("kernel.page.lookup", len(run))
    memory.frames.held = run[-1].frame
    if advice != readahead.RANDOM:
        window.misses = max(0, window.misses - len(run))
    window.previous = run[-1].offset // PAGE_SIZE
    memory.touched_all(run)
    parts += pages.bytes_of_all(run)
    return len(run) * PAGE_SIZE


def _read_past(call: Caller, pages: DiskPages, buffer: UserBuffer, offset: int, size: int, *, may_wait: bool) -> int:
    """O_DIRECT: dirty pages reach the disk first; the thread sleeps for the whole request."""
    _transfer(call, pages, offset, size, write=False, may_wait=may_wait)
    pages.write_back()
    done = 0
    while done < size:
        data = pages.load(offset + done, min(_AT_ONCE, size - done))
        if not data:
            break
        done += _hand_over(buffer, [data])
    return done


def _transfer(call: Caller, pages: DiskPages, offset: int, size: int, *, write: bool, may_wait: bool) -> None:
    """Let the time of one request pass that moves bytes between the disk and user memory. Raises Blocked."""
    if call.pending.cursor:
        return
    disk = pages.memory.disk
    request = disk.transfer(call.cpu, pages, offset, size, write=write)
    if not may_wait:
        disk.wait(call.cpu, request)
        return
    call.pending.cursor = request.number
    raise disk.sleep(request)


def before_write(call: Caller, pages: DiskPages, offset: int, size: int, *, direct: bool) -> None:
    """Wait until a write may begin: for the disk (O_DIRECT), or until fewer pages are dirty. Raises Blocked."""
    if direct and size:
        _transfer(call, pages, offset, size, write=True, may_wait=True)
    elif pages.memory.writeback.is_over_limit:
        raise pages.memory.writeback.throttled(call.cpu)


def wrote(call: Caller, pages: DiskPages, offset: int, data: bytes, *, direct: bool) -> None:
    """`data` was put on disk at `offset`: the cache shows it, and unless `direct` its pages count as dirty."""
    pages.written(offset, data)
    if direct:
        return
    for page_offset in range(page_of(offset), offset + len(data), PAGE_SIZE):
        call.cpu.charge("kernel.page.lookup")
        page = pages.pages.get(page_offset)
        if page is None and pages.memory.spare(call.cpu, 1):
            with suppress(LinuxError):  # the host lets the file be written only
                page = pages.bring(call.cpu, page_offset)
        if page is not None:
            pages.memory.writeback.set_dirty(call.cpu, page)


def sync(call: Caller, memory: FileMemory, ranges: list[Range]) -> None:
    """Write the dirty pages of `ranges`, and wait until they are on disk.

    Raises Blocked; LinuxError, once, for a write that has failed.
    """
    start_writing(call, memory, ranges)
    wait_for_writing(call, memory, ranges)


def start_writing(call: Caller, memory: FileMemory, ranges: list[Range]) -> None:
    """Start to write the dirty pages, once in a call."""
    if not call.pending.cursor:
        dirty = [page for pages, start, end in ranges for page in memory.writeback.dirty_of(pages, start, end)]
        memory.writeback.start(call.cpu, dirty)
        call.pending.cursor = memory.disk.submitted + 1


def wait_for_writing(call: Caller, memory: FileMemory, ranges: list[Range]) -> None:
    """Sleep until no request that was made before this call, or by it, writes pages of the ranges."""
    if not call.pending.cursor:
        call.pending.cursor = memory.disk.submitted + 1
    for request in memory.disk.requests.values():
        if request.write and request.number < call.pending.cursor and _is_in(request.pages, ranges):
            raise memory.disk.sleep(request)
    for pages, _, _ in ranges:
        if pages is not None and pages.error is not None:
            error, pages.error = pages.error, None
            raise LinuxError(error)


def _is_in(written: list[CachedPage], ranges: list[Range]) -> bool:
    return any(
        pages is None or (page.file is pages and start <= page.offset < end)
        for page in written
        for pages, start, end in ranges
    )
