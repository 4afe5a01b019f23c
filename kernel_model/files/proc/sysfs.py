"""/sys, as far as allocators, thread pools and tests of memory read it (drivers/base/cpu.c, node.c; mm/)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.proc.memory import memory
from kernel_model.files.proc.status import mask_words, ranges
from kernel_model.files.proc.text import Folder, Text
from kernel_model.files.proc.vmstat import vmstat
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_KERNEL_MAX: Final = 63  # the highest core number that this kernel can have
_HUGE_PAGE: Final = 2 << 20
_NO_CLUSTER: Final = 0xFFFF


def _text(make: Callable[[Caller], str], store: Callable[[Caller, bytes], None] | None = None) -> Text:
    mode = 0o444 if store is None else 0o644
    return Text(lambda call: make(call) + "\n", store, mode, PAGE_SIZE, checks_rights=True, seeks_end=True)


def _fixed(value: str | int) -> Text:
    return _text(lambda _call: str(value))


def _cores(call: Caller) -> str:
    return ranges((1 << call.kernel.scheduler.cores) - 1)


def _mask(call: Caller) -> str:
    cores = call.kernel.scheduler.cores
    return mask_words((1 << cores) - 1, cores)


def _choice(key: str, words: str, first: str) -> Text:
    """One of several words; the chosen one is in brackets. Writing another word is EINVAL."""

    def make(call: Caller) -> str:
        chosen = call.kernel.sysctls.get(key, first)
        return " ".join(f"[{word}]" if word == chosen else word for word in words.split())

    def store(call: Caller, data: bytes) -> None:
        word = data.decode(errors="surrogateescape").rstrip("\n")
        if word not in words.split():
            raise LinuxError(Errno.EINVAL)
        call.kernel.sysctls[key] = word

    return _text(make, store)


def _setting(key: str, value: int, high: int = (1 << 31) - 1) -> Text:
    def store(call: Caller, data: bytes) -> None:
        if not data.strip().isdigit() or int(data) > high:
            raise LinuxError(Errno.EINVAL)
        call.kernel.sysctls[key] = str(int(data))

    return _text(lambda call: call.kernel.sysctls.get(key, str(value)), store)


def _none_of_them() -> Text:
    """A number of huge pages: more than 0 are asked for in vain, as when memory is fragmented."""

    def store(_call: Caller, data: bytes) -> None:
        if not data.strip().isdigit():
            raise LinuxError(Errno.EINVAL)

    return _text(lambda _call: "0", store)


def _huge_pages(*, of_node: bool) -> Folder:
    files: Folder = {name: _fixed(0) for name in (b"free_hugepages", b"surplus_hugepages")}
    extra = {} if of_node else {b"nr_hugepages_mempolicy": _none_of_them(), b"resv_hugepages": _fixed(0)}
    extra |= {} if of_node else {b"nr_overcommit_hugepages": _none_of_them()}
    return {b"hugepages-2048kB": {**files, **extra, b"nr_hugepages": _none_of_them()}}


@cache
def core_folder(number: int) -> Folder:
    """/sys/devices/system/cpu/cpuN: every core is one of its own, all are in one package."""
    own = {
        **dict.fromkeys((b"cluster_cpus", b"core_cpus", b"thread_siblings"), _own_mask(number)),
        **dict.fromkeys((b"cluster_cpus_list", b"core_cpus_list", b"thread_siblings_list"), _fixed(number)),
        **dict.fromkeys((b"core_siblings", b"die_cpus", b"package_cpus"), _text(_mask)),
        **dict.fromkeys((b"core_siblings_list", b"die_cpus_list", b"package_cpus_list"), _text(_cores)),
        b"cluster_id": _fixed(_NO_CLUSTER), b"core_id": _fixed(number), b"die_id": _fixed(0),
        b"physical_package_id": _fixed(0),
    }  # fmt: skip
    return {b"topology": dict(sorted(own.items()))}


def _own_mask(number: int) -> Text:
    return _text(lambda call: mask_words(1 << number, call.kernel.scheduler.cores))


def _node_meminfo(call: Caller) -> str:
    found = memory(call)
    rows = (
        ("MemTotal", found.total), ("MemFree", found.free), ("MemUsed", found.total - found.free), ("SwapCached", 0),
        ("Active", found.file), ("Inactive", found.anon + found.shmem), ("Active(anon)", 0),
        ("Inactive(anon)", found.anon + found.shmem), ("Active(file)", found.file), ("Inactive(file)", 0),
        ("Unevictable", found.locked), ("Mlocked", found.locked), ("Dirty", 0), ("Writeback", 0),
        ("FilePages", found.file + found.shmem), ("Mapped", found.mapped), ("AnonPages", found.anon),
        ("Shmem", found.shmem), ("KernelStack", 0), ("PageTables", found.tables),
    )  # fmt: skip
    lines = [f"Node 0 {name + ':':<15} {value // 1024:8} kB" for name, value in rows]
    return "\n".join([*lines, *(f"Node 0 HugePages_{name}     0" for name in ("Total:", "Free: ", "Surp: "))])


def _numastat(call: Caller) -> str:
    return "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0"


CPU: Final[Folder] = {  # cpuN are added as many as there are
    b"enabled": _text(_cores), b"isolated": _fixed(""), b"kernel_max": _fixed(_KERNEL_MAX), b"offline": _fixed(""),
    b"online": _text(_cores), b"possible": _text(_cores), b"present": _text(_cores),
}  # fmt: skip
NODE: Final[Folder] = {
    **dict.fromkeys((b"has_cpu", b"has_memory", b"has_normal_memory", b"online", b"possible"), _fixed(0)),
    b"node0": {
        b"cpulist": _text(_cores), b"cpumap": _text(_mask), b"distance": _fixed(10),
        b"hugepages": _huge_pages(of_node=True), b"meminfo": _text(_node_meminfo), b"numastat": _text(_numastat),
        b"vmstat": _text(lambda call: vmstat(call).rstrip("\n")),
    },
}  # fmt: skip
_KHUGEPAGED: Final = {
    b"alloc_sleep_millisecs": 60_000, b"defrag": 1, b"full_scans": 0, b"max_ptes_none": 511, b"max_ptes_shared": 256,
    b"max_ptes_swap": 64, b"pages_collapsed": 0, b"pages_to_scan": 4096, b"scan_sleep_millisecs": 10_000,
}  # fmt: skip
THP: Final[Folder] = {
    b"defrag": _choice("thp.defrag", "always defer defer+madvise madvise never", "never"),
    b"enabled": _choice("thp.enabled", "always madvise never", "never"),
    b"hpage_pmd_size": _fixed(_HUGE_PAGE),
    b"khugepaged": {name: _setting(f"khugepaged.{name.decode()}", value) for name, value in _KHUGEPAGED.items()},
    b"shmem_enabled": _choice("thp.shmem_enabled", "always within_size advise never deny force", "never"),
    b"use_zero_page": _setting("thp.use_zero_page", 1, 1),
}
SYSFS: Final[Folder] = {
    b"devices": {b"system": {b"cpu": CPU, b"node": NODE}},
    b"kernel": {
        b"mm": {
            b"hugepages": _huge_pages(of_node=False),
            b"transparent_hugepage": THP,
        },
    },
}  # fmt: skip
