"""/proc/PID/maps (fs/proc/task_mmu.c: show_map_vma). The kernel's own areas are not in it."""

from __future__ import annotations

from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE
from kernel_model.mm.mm import Mm
from kernel_model.mm.vma import Vma
from kernel_model.task.task import Process

_NAME_AT = 73  # column of the name: 25 + 6 * sizeof(void *)
_RIGHTS = (("r", PROT_READ), ("w", PROT_WRITE), ("x", PROT_EXEC))


def maps(process: Process) -> str:
    """Empty of a zombie."""
    return "".join(line(process, vma) for vma in process.mm.vmas) if process.tasks else ""


def line(process: Process, vma: Vma) -> str:
    """One line, with its newline."""
    rights = "".join(letter if vma.prot & bit else "-" for letter, bit in _RIGHTS)
    major, minor, inode = _file_of(vma)
    head = (
        f"{vma.start:08x}-{vma.end:08x} {rights}{'s' if vma.shared else 'p'} "
        f"{vma.offset if vma.file is not None else 0:08x} {major:02x}:{minor:02x} {inode} "
    )
    name = name_of(process, vma)
    return f"{head:<{_NAME_AT}}{name}\n" if name else f"{head}\n"


def name_of(process: Process, vma: Vma) -> str:
    """The name in the last column; "" of anonymous memory without one. A newline in it is escaped, as on Linux."""
    mm = process.mm
    if vma.file is not None:
        return vma.name.replace("\n", "\\012")
    if is_heap(mm, vma):
        return "[heap]"
    return "[stack]" if is_stack(mm, vma) else ""


def is_heap(mm: Mm, vma: Vma) -> bool:
    return vma.start < mm.brk and vma.end > mm.brk_start


def is_stack(mm: Mm, vma: Vma) -> bool:
    return vma.start <= mm.layout.start_stack <= vma.end and mm.layout.start_stack != 0


def _file_of(vma: Vma) -> tuple[int, int, int]:
    """(major, minor, inode) of the mapped file's device and number."""
    return (0, 0, 0) if vma.file is None else (vma.file.device >> 8, vma.file.device & 0xFF, vma.file.number)
