"""The fastest Unicorn can be with this page-table layout: no hook but the TLB fill, no slices, no counting.

Its TLB is grown as the machine's is: with the one it begins with, programs of some MiB take twice as long.
"""

from __future__ import annotations

import ctypes
import mmap
import time

import unicorn
import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu import Machine
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, PTE_W, USER_END
from pffemu.arch.registers import GENERAL
from pffemu.engine import boot
from pffemu.engine.add_hook import add_hook
from pffemu.engine.registers import RegisterFile
from pffemu.engine.unicorn_cpu import TLB_FLUSH
from pffemu.hw.fill import SEARCHED
from pffemu.hw.tlb_fill import TlbFill

_RESTARTS = 20_000
_CODE = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
_CODE.write(b"\xc3")  # RET
_RETURN = ctypes.c_char.from_buffer(_CODE)


def run_raw(machine: Machine, *, empty_block_hook: bool = False, memory_hook: tuple[int, int] | None = None) -> float:
    """CPU seconds that bare Unicorn takes from where core 0 of `machine` stands to the symbol `finish`.

    `empty_block_hook`: with a native hook on every block that returns at once: what any counting costs at least.
    `memory_hook`: with such a hook on loads and stores of these physical addresses: what any model of caches costs.
    It works on the machine's memory, through the machine's page tables; the machine cannot be run on afterwards.
    """
    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    for address, size, pointer in machine.ram.pieces():
        uc.mem_map_ptr(address, size, unicorn.UC_PROT_ALL, pointer)
    uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
    _trust_code(machine)
    fill = TlbFill(machine.ram, compiled=True)
    add_hook(uc._uch, unicorn.UC_HOOK_TLB_FILL, fill.callback_address, fill.user_data, (1, 0))  # everywhere
    boot.map_engine_page(uc)
    boot.grow_tlb(uc, RegisterFile(uc._uch), lambda: uclib.uc_ctl(uc._uch, TLB_FLUSH))
    fill.root = machine.cpus[0].mmu.fill.root
    if empty_block_hook:
        add_hook(uc._uch, unicorn.UC_HOOK_BLOCK, ctypes.addressof(_RETURN), 0, (0, (1 << 47) - 1))
    if memory_hook is not None:
        kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
        add_hook(uc._uch, kinds, ctypes.addressof(_RETURN), 0, memory_hook)
    registers = machine.cpus[0].registers
    for name in (*GENERAL, "fs_base"):
        uc.reg_write(getattr(x86, f"UC_X86_REG_{name.upper()}"), registers[name])
    finish = machine.symbols["finish"]
    started = time.thread_time()
    uc.emu_start(registers["rip"], finish)
    seconds = time.thread_time() - started
    assert uc.reg_read(x86.UC_X86_REG_RIP) == finish
    return seconds


def _trust_code(machine: Machine) -> None:
    """Let the fill hook of a new engine grant fetches of all code, without a search for what it cannot translate."""
    ram = machine.ram
    ram.forget_frames()
    for mm in machine.kernel._mms.values():
        for _, entry in mm.pages.used(0, USER_END):
            if entry & PTE_P and entry > 0 and not entry & PTE_W:  # NX is the sign
                ram.frames[(entry & PTE_ADDRESS) // PAGE_SIZE] = SEARCHED


def restart_time() -> float:
    """CPU seconds of one start of Unicorn that executes an instruction and stops: no fault or call costs less."""
    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    uc.mem_map(0x1000, 0x1000, unicorn.UC_PROT_ALL)
    uc.mem_write(0x1000, b"\x90\x90")
    uclib.uc_emu_start(uc._uch, 0x1000, 0x1001, 0, 0)
    started = time.thread_time()
    for _ in range(_RESTARTS):
        uclib.uc_emu_start(uc._uch, 0x1000, 0x1001, 0, 0)
    return (time.thread_time() - started) / _RESTARTS
