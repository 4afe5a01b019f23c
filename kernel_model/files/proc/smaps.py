"""/proc/PID/smaps, smaps_rollup and numa_maps (fs/proc/task_mmu.c): the pages of each area by kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.abi.uffd import MODE_MINOR, MODE_MISSING, MODE_WP
from kernel_model.files.proc.maps import is_heap, is_stack, line
from kernel_model.files.proc.rss import is_anon, resident
from kernel_model.mm.page_cache import is_shmem
from kernel_model.mm.page_tables import OWNED
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_D

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma

_PSS_SHIFT: Final = 12
_KIB: Final = 1024
Users = Counter[int]  # frame of the page cache -> page-table entries that hold it


@dataclass(slots=True)
class Pages:
    """Linux: struct mem_size_stats. Bytes; proportional ones (pss) in 2^-12 bytes."""

    rss: int = 0
    shared_clean: int = 0
    shared_dirty: int = 0
    private_clean: int = 0
    private_dirty: int = 0
    referenced: int = 0
    anonymous: int = 0
    pss: int = 0
    pss_anon: int = 0
    pss_file: int = 0
    pss_shmem: int = 0
    pss_dirty: int = 0
    pss_locked: int = 0

    def add(self, other: Pages) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def users_of_cached(call: Caller) -> Users:
    """How many entries hold each page of a page cache, in all address spaces."""
    users: Users = Counter()
    for mm in {id(process.mm): process.mm for process in call.kernel.processes.values() if process.tasks}.values():
        for vma in mm.vmas:
            if vma.file is not None:
                users.update(entry & PTE_ADDRESS for _, entry in resident(mm, vma) if not entry & OWNED)
    return users


def pages_of(mm: Mm, vma: Vma, users: Users) -> Pages:
    found = Pages()
    shmem = is_shmem(vma)
    for _, entry in resident(mm, vma):
        frame = entry & PTE_ADDRESS
        count = max(1, mm.frames.users(frame) if entry & OWNED else users[frame])
        anon, dirty = is_anon(vma, entry), bool(entry & PTE_D)
        share = (PAGE_SIZE << _PSS_SHIFT) // count
        found.rss += PAGE_SIZE
        found.referenced += PAGE_SIZE if entry & PTE_A else 0
        found.pss += share
        found.pss_dirty += share if dirty else 0
        found.pss_locked += share if vma.locked else 0
        if anon:
            found.anonymous += PAGE_SIZE
            found.pss_anon += share
        elif shmem:
            found.pss_shmem += share
        else:
            found.pss_file += share
        kind = f"{'shared' if count > 1 else 'private'}_{'dirty' if dirty else 'clean'}"
        setattr(found, kind, getattr(found, kind) + PAGE_SIZE)
    return found


def smaps(call: Caller, subject: Subject) -> str:
    """For each area its line of maps, what it holds, and its flags."""
    mm = subject.mm
    if mm is None:
        return ""
    users, parts = users_of_cached(call), []
    for vma in mm.vmas:
        parts.append(line(subject.process, vma))
        parts.append(_row("Size", vma.end - vma.start) + _row("KernelPageSize", PAGE_SIZE))
        parts.append(_row("MMUPageSize", PAGE_SIZE) + _rows(pages_of(mm, vma, users), rollup=False))
        parts.append(f"THPeligible:    {0:8}\nVmFlags: {flags(vma)}\n")
    return "".join(parts)


def smaps_rollup(call: Caller, subject: Subject) -> str:
    mm = subject.mm
    if mm is None:
        return ""
    total, users, areas = Pages(), users_of_cached(call), list(mm.vmas)
    for vma in areas:
        total.add(pages_of(mm, vma, users))
    start, end = (areas[0].start, areas[-1].end) if areas else (0, 0)
    return f"{f'{start:08x}-{end:08x} ---p 00000000 00:00 0 ':<73}[rollup]\n" + _rows(total, rollup=True)


def _rows(pages: Pages, *, rollup: bool) -> str:
    rows = [("Rss", pages.rss), ("Pss", pages.pss >> _PSS_SHIFT), ("Pss_Dirty", pages.pss_dirty >> _PSS_SHIFT)]
    if rollup:
        rows += [("Pss_Anon", pages.pss_anon >> _PSS_SHIFT), ("Pss_File", pages.pss_file >> _PSS_SHIFT)]
        rows += [("Pss_Shmem", pages.pss_shmem >> _PSS_SHIFT)]
    rows += [
        ("Shared_Clean", pages.shared_clean), ("Shared_Dirty", pages.shared_dirty),
        ("Private_Clean", pages.private_clean), ("Private_Dirty", pages.private_dirty),
        ("Referenced", pages.referenced), ("Anonymous", pages.anonymous), ("KSM", 0), ("LazyFree", 0),
        ("AnonHugePages", 0), ("ShmemPmdMapped", 0), ("FilePmdMapped", 0), ("Shared_Hugetlb", 0),
        ("Private_Hugetlb", 0), ("Swap", 0), ("SwapPss", 0), ("Locked", pages.pss_locked >> _PSS_SHIFT),
    ]  # fmt: skip
    return "".join(_row(name, value) for name, value in rows)


def _row(name: str, octets: int) -> str:
    return f"{name + ':':<16}{octets // _KIB:8} kB\n"


def flags(vma: Vma) -> str:
    """VmFlags, in the order of Linux's bits, each with a space behind it."""
    uffd = vma.uffd_mode if vma.uffd is not None else 0
    file_can_change = vma.file is None or not vma.shared or vma.may_write
    letters = (
        ("rd", vma.prot & PROT_READ), ("wr", vma.prot & PROT_WRITE), ("ex", vma.prot & PROT_EXEC),
        ("sh", vma.shared and vma.may_write), ("mr", True), ("mw", vma.may_write and file_can_change), ("me", True),
        ("ms", vma.shared), ("gd", vma.grows_down), ("um", uffd & MODE_MISSING), ("uw", uffd & MODE_WP),
        ("lo", vma.locked), ("dc", vma.dont_fork), ("ac", _is_accounted(vma)), ("nr", not vma.reserved),
        ("wf", vma.wipe_on_fork), ("ui", uffd & MODE_MINOR), ("sl", getattr(vma, "sealed", False)),
    )  # fmt: skip
    return "".join(f"{name} " for name, is_set in letters if is_set)


def _is_accounted(vma: Vma) -> bool:
    """VM_ACCOUNT: private writable memory, unless MAP_NORESERVE."""
    return vma.reserved and not vma.shared and bool(vma.prot & PROT_WRITE)


def clear_refs(call: Caller, subject: Subject, data: bytes) -> None:
    """1: all pages, 2: anonymous, 3: mapped pages are no longer referenced; 5: VmHWM is what is resident now.

    4 (soft-dirty) has no effect, as on a kernel without it. Raises LinuxError EINVAL.
    """
    mm = subject.living().process.mm
    word = data.strip()
    if word not in (b"1", b"2", b"3", b"4", b"5"):
        raise LinuxError(Errno.EINVAL)
    if word == b"5":
        mm.pages.peak = mm.pages.resident
    if word not in (b"1", b"2", b"3"):
        return
    mm.settle()
    for vma in mm.vmas:
        if word == b"1" or (word == b"2") == (vma.file is None):
            for address, entry in list(resident(mm, vma)):
                mm.pages.set(address, entry & ~PTE_A)
    mm.stale = True


def numa_maps(call: Caller, subject: Subject) -> str:
    """One node, default policy (mm/mempolicy.c: show_numa_map)."""
    mm = subject.mm
    if mm is None:
        return ""
    users, lines = users_of_cached(call), []
    for vma in mm.vmas:
        pages = pages_of(mm, vma, users)
        words = [f"{vma.start:08x} default"]
        if vma.file is not None:
            words.append(f"file={line(subject.process, vma)[73:].rstrip()}")
        elif is_heap(mm, vma):
            words.append("heap")
        elif is_stack(mm, vma):
            words.append("stack")
        count, anon = pages.rss // PAGE_SIZE, pages.anonymous // PAGE_SIZE
        if count:
            dirty = (pages.shared_dirty + pages.private_dirty) // PAGE_SIZE
            words += [f"anon={anon}"] if anon else []
            words += [f"dirty={dirty}"] if dirty else []
            words += [f"mapped={count}"] if count != anon and count != dirty else []
            words += [f"N0={count}", "kernelpagesize_kB=4"]
        lines.append(" ".join(words) + "\n")
    return "".join(lines)
