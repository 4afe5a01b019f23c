"""/proc/cpuinfo and stat (arch/x86/kernel/cpu/proc.c, fs/proc/stat.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.cpu_flags import FLAGS, flags
from kernel_model.files.proc.state import state_of_thread
from kernel_model.files.proc.subject import ticks
from kernel_model.time.realtime import EPOCH
from pffemu.events.kernel import ContextSwitch

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from pffemu.hw.cpu import Cpu

_BRAND_LEAVES: Final = (0x8000_0002, 0x8000_0003, 0x8000_0004)


def cpuinfo(call: Caller) -> str:
    """What CPUID says; bogomips as where the frequency of the time-stamp counter is known."""
    return "".join(_processor(cpu, call.kernel.scheduler.cores) for cpu in call.kernel.cpus)


def _processor(cpu: Cpu, cores: int) -> str:
    signature, ebx, _, _ = cpu.cpuid(1, 0)
    top, b, c, d = cpu.cpuid(0, 0)
    brand = b"".join(struct.pack("<4I", *cpu.cpuid(leaf, 0)) for leaf in _BRAND_LEAVES)
    family, model = signature >> 8 & 15, signature >> 4 & 15
    if family in (6, 15):
        model |= signature >> 12 & 0xF0
    if family == 15:
        family += signature >> 20 & 0xFF
    line, sizes = (ebx >> 8 & 0xFF) * 8, cpu.cpuid(0x8000_0008, 0)[0]
    names = flags({(leaf, subleaf): cpu.cpuid(leaf, subleaf) for leaf, subleaf, _, _ in FLAGS})
    kilohertz = cpu.profile.frequency // 1000
    bogomips = 2 * cpu.profile.frequency // 10_000
    rows = (
        ("processor\t", cpu.index), ("vendor_id\t", struct.pack("<3I", b, d, c).decode()), ("cpu family\t", family),
        ("model\t\t", model), ("model name\t", brand.rstrip(b"\0").decode()), ("stepping\t", signature & 15),
        ("cpu MHz\t\t", f"{kilohertz // 1000}.{kilohertz % 1000:03}"),
        ("physical id\t", 0), ("siblings\t", cores), ("core id\t\t", cpu.index), ("cpu cores\t", cores),
        ("apicid\t\t", cpu.index), ("initial apicid\t", ebx >> 24), ("fpu\t\t", "yes"), ("fpu_exception\t", "yes"),
        ("cpuid level\t", top), ("wp\t\t", "yes"), ("flags\t\t", " ".join(names)), ("bugs\t\t", ""),
        ("bogomips\t", f"{bogomips // 100}.{bogomips % 100:02}"), ("clflush size\t", line),
        ("cache_alignment\t", line),
        ("address sizes\t", f"{sizes & 0xFF} bits physical, {sizes >> 8 & 0xFF} bits virtual"),
    )  # fmt: skip
    return "".join(f"{name}: {value}\n" for name, value in rows) + "power management:\n\n"


def stat(call: Caller) -> str:
    """Ticks (1/100 s) of each core since reset. What instructions did not take is system time."""
    kernel, now = call.kernel, call.cpu.clock
    cores = [(cpu.instruction_clock, cpu.busy, max(now, cpu.clock)) for cpu in kernel.cpus]
    user, busy, total = (sum(times) for times in zip(*cores, strict=True))
    lines = [_times(call, "cpu ", user, busy, total)]
    lines += [_times(call, f"cpu{i}", *times) for i, times in enumerate(cores)]
    states = [state_of_thread(task) for process in kernel.processes.values() for task in process.tasks]
    lines += [
        "intr 0", f"ctxt {call.cpu.bus.counts[ContextSwitch]}",
        f"btime {EPOCH // 10**9}", f"processes {kernel.peek_tid() - 1}",
        f"procs_running {states.count('R')}", f"procs_blocked {states.count('D')}", "softirq" + 11 * " 0",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _times(call: Caller, name: str, user: int, busy: int, total: int) -> str:
    return f"{name} {ticks(call, user)} 0 {ticks(call, busy - user)} {ticks(call, total - busy)} 0 0 0 0 0 0"
