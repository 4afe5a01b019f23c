"""/proc/interrupts and diskstats (fs/proc/interrupts.c, arch/x86/kernel/irq.c; block/genhd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_DISK: Final = ("259", "0", "nvme0n1")  # major and minor number, name: the disk of every host file
_SECTORS: Final = 2  # of 512 bytes, in a KiB


def interrupts(call: Caller) -> str:
    """The rows that this kernel counts: shootdowns are counted by the core that is interrupted."""
    counts = call.kernel.shootdowns
    head = " " * 11 + "".join(f"CPU{core:<8}" for core in range(len(counts)))
    return f"{head}\nTLB: {''.join(f'{count:10} ' for count in counts)}  TLB shootdowns\n"


def diskstats(call: Caller) -> str:
    """Pages read and written of files on disk, one request each; the times are 0."""
    counters = call.kernel.file_memory.counters
    read, written = counters.pgpgin, counters.pgpgout
    fields = (read // 4, 0, read * _SECTORS, 0, written // 4, 0, written * _SECTORS, 0, 0, 0, 0, *(0,) * 6)
    return f"{_DISK[0]:>4} {_DISK[1]:>7} {_DISK[2]} {' '.join(map(str, fields))}\n"
