"""/proc/meminfo, and the counters that vmstat and zoneinfo have of it (fs/proc/meminfo.c, mm/vmstat.c)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_model.abi.uapi import PROT_WRITE
from kernel_model.files.proc.rss import is_anon, resident, rss
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_tables import OWNED
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_VMALLOC_TOTAL: Final = 34_359_738_367  # KiB
_KIB: Final = 1024


class Memory(NamedTuple):
    """The use of RAM, in bytes."""

    total: int
    free: int
    anon: int
    mapped: int
    file: int  # page cache of files
    shmem: int
    tables: int
    locked: int
    committed: int
    active: int  # of `file`
    unevictable: int
    dirty: int
    writeback: int

    @property
    def available(self) -> int:
        """What programs can take without swapping: free memory, and the page cache of files."""
        return self.free + self.file

    @property
    def inactive(self) -> int:
        """Inactive page cache of files."""
        return self.file - self.active - self.unevictable


def memory(call: Caller) -> Memory:
    frames = call.kernel.frames
    anon = mapped = tables = locked = committed = 0
    caches: dict[int, PageCache] = {}
    images: set[int] = set()  # frames of programs' files, which lie outside of page caches
    processes = [process for process in call.kernel.processes.values() if process.tasks]
    for mm in {id(process.mm): process.mm for process in processes}.values():
        pages = rss(mm)
        anon += pages.anon * PAGE_SIZE
        mapped += (pages.file + pages.shmem) * PAGE_SIZE
        tables += mm.pages.tables * PAGE_SIZE
        for vma in mm.vmas:
            size = vma.end - vma.start
            locked += size if vma.locked else 0
            committed += size if vma.reserved and vma.prot & PROT_WRITE and not vma.shared else 0
            if isinstance(vma.file, PageCache):
                caches[id(vma.file)] = vma.file
            if vma.file is not None:
                entries = (entry for _, entry in resident(mm, vma) if entry & OWNED and not is_anon(vma, entry))
                images.update(entry & PTE_ADDRESS for entry in entries)
    for process in processes:
        for file in process.files.files():
            cache = getattr(file, "cache", None)
            if isinstance(cache, PageCache):
                caches[id(cache)] = cache
    shmem = sum(cache.cached_bytes for cache in caches.values() if cache.is_shmem)
    others = sum(
        cache.cached_bytes for cache in caches.values() if not cache.is_shmem and not isinstance(cache, DiskPages)
    )
    others += len(images) * PAGE_SIZE
    cache, lists = call.kernel.file_memory, call.kernel.file_memory.lists
    files = others + len(lists) * PAGE_SIZE
    free = frames.free_frames * PAGE_SIZE
    return Memory(
        frames.total * PAGE_SIZE, free, anon, mapped, files, shmem, tables, locked, committed + shmem,
        others + len(lists.active) * PAGE_SIZE, len(lists.unevictable) * PAGE_SIZE,
        len(cache.writeback.dirty) * PAGE_SIZE, cache.writeback.writing * PAGE_SIZE,
    )  # fmt: skip


def meminfo(call: Caller) -> str:
    """Linux's lines. What the model does not have (swap, huge pages) is 0."""
    found = memory(call)
    slab = max(0, found.total - found.free - found.anon - found.file - found.shmem - found.tables)
    rows = (
        ("MemTotal", found.total), ("MemFree", found.free), ("MemAvailable", found.available), ("Buffers", 0),
        ("Cached", found.file + found.shmem), ("SwapCached", 0), ("Active", found.active),
        ("Inactive", found.anon + found.shmem + found.inactive), ("Active(anon)", 0),
        ("Inactive(anon)", found.anon + found.shmem),
        ("Active(file)", found.active), ("Inactive(file)", found.inactive), ("Unevictable", found.locked),
        ("Mlocked", found.locked),
        ("SwapTotal", 0), ("SwapFree", 0), ("Zswap", 0), ("Zswapped", 0), ("Dirty", found.dirty),
        ("Writeback", found.writeback),
        ("AnonPages", found.anon), ("Mapped", found.mapped), ("Shmem", found.shmem), ("KReclaimable", 0),
        ("Slab", slab), ("SReclaimable", 0), ("SUnreclaim", slab), ("KernelStack", 0), ("PageTables", found.tables),
        ("SecPageTables", 0), ("NFS_Unstable", 0), ("Bounce", 0), ("WritebackTmp", 0),
        ("CommitLimit", found.total // 2), ("Committed_AS", found.committed), ("VmallocTotal", _VMALLOC_TOTAL * _KIB),
        ("VmallocUsed", 0), ("VmallocChunk", 0), ("Percpu", 0), ("AnonHugePages", 0), ("ShmemHugePages", 0),
        ("ShmemPmdMapped", 0), ("FileHugePages", 0), ("FilePmdMapped", 0),
    )  # fmt: skip
    text = "".join(f"{name + ':':<15} {value // _KIB:8} kB\n" for name, value in rows)
    text += "".join(f"HugePages_{name + ':':<8}{0:5}\n" for name in ("Total", "Free", "Rsvd", "Surp"))
    text += f"Hugepagesize:   {2048:8} kB\nHugetlb:        {0:8} kB\n"
    return text + f"DirectMap4k:    {0:8} kB\nDirectMap2M:    {found.total // _KIB:8} kB\nDirectMap1G:    {0:8} kB\n"


def counters(call: Caller) -> dict[str, int]:
    """The counters of vmstat that the model knows; every other one is 0. Pages, and events since the start."""
    found = memory(call)
    minor = major = 0
    for process in call.kernel.processes.values():
        for usage in (process.dead_usage, process.children_usage, *(task.usage for task in process.tasks)):
            minor, major = minor + usage.minor_faults, major + usage.major_faults
    pages = {
        "nr_free_pages": found.free, "nr_zone_inactive_anon": found.anon + found.shmem,
        "nr_zone_active_file": found.active, "nr_zone_inactive_file": found.inactive,
        "nr_inactive_file": found.inactive, "nr_dirty": found.dirty, "nr_writeback": found.writeback,
        "nr_zone_write_pending": found.dirty + found.writeback, "nr_zone_unevictable": found.locked,
        "nr_mlock": found.locked,
        "nr_inactive_anon": found.anon + found.shmem, "nr_active_file": found.active, "nr_unevictable": found.locked,
        "nr_anon_pages": found.anon, "nr_mapped": found.mapped, "nr_file_pages": found.file + found.shmem,
        "nr_shmem": found.shmem, "nr_page_table_pages": found.tables,
    }  # fmt: skip
    events = call.kernel.file_memory.counters
    background, limit = call.kernel.file_memory.writeback.thresholds
    return {name: octets // PAGE_SIZE for name, octets in pages.items()} | asdict(events) | {
        "pgfault": minor + major, "pgmajfault": major, "pgscan_file": events.pgscan_direct + events.pgscan_kswapd,
        "pgsteal_file": events.pgsteal_direct + events.pgsteal_kswapd, "nr_dirty_background_threshold": background,
        "nr_dirty_threshold": limit,
    }  # fmt: skip
