"""A thread's registers as gdb's bytes, wherever they are now: on its core, or saved in the kernel model."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.task.task import Task
from pffemu.arch.exceptions import PF
from pffemu.debug.gdb.description import SEGMENTS, UINTR_WORDS, X87_CONTROL, Register
from pffemu.engine.saved_registers import SavedRegisters
from pffemu.hw.cpu import Cpu

# where the parts of FXSAVE's 512 bytes are (SDM vol. 1, 10.5.1)
_ST_AT, _XMM_AT, _STEP, _MXCSR_AT = 32, 160, 16, 24
_SELECTORS: Final = {"cs": 0x33, "ss": 0x2B, "ds": 0, "es": 0, "fs": 0, "gs": 0}  # Linux's, for gdb's eyes
_EMPTY: Final = 3  # a register's two bits in the full tag word


def read(register: Register, saved: SavedRegisters, task: Task | None, cpu: Cpu) -> bytes:
    """The value, little-endian. `task` None: the thread is dead, and its core still has its registers."""
    name = register.name
    if name.startswith("xmm"):
        return saved.fxsave()[_XMM_AT + _STEP * int(name[3:]) :][:16]
    if name[:2] == "st" and name[2:].isdigit():
        return saved.fxsave()[_ST_AT + _STEP * int(name[2:]) :][:10]
    if name == "uintr":
        words = _uintr_words(task, cpu)
        return b"".join(words[each].to_bytes(8, "little") for each in UINTR_WORDS)
    return _word(name, saved, task, cpu).to_bytes(register.size, "little")


def write(register: Register, value: bytes, saved: SavedRegisters, task: Task, cpu: Cpu) -> SavedRegisters:
    """The registers with one replaced; UINTR state changes at once. Writes to selectors and x87 control are ignored.

    A negative orig_rax keeps an interrupted system call from restarting; its number lets it restart again.
    """
    name, word = register.name, int.from_bytes(value, "little")
    if name.startswith("xmm"):
        return saved.with_xmm(int(name[3:]), word)
    if name[:2] == "st" and name[2:].isdigit():
        return _with_bytes(saved, _ST_AT + _STEP * int(name[2:]), value)
    if name == "mxcsr":
        return _with_bytes(saved, _MXCSR_AT, value)
    if name == "eflags":
        return saved.replace(rflags=word)
    if name == "uintr":
        for i, each in enumerate(UINTR_WORDS):
            _write_uintr(each, int.from_bytes(value[8 * i : 8 * i + 8], "little"), task, cpu)
    elif name in UINTR_WORDS:
        _write_uintr(name, word, task, cpu)
    elif name == "orig_rax":
        _write_call(word, task)
    elif name not in (*SEGMENTS, *X87_CONTROL):
        return saved.replace(**{name: word})
    return saved


def _write_call(number: int, task: Task) -> None:
    if number >> 63:
        task.set_call_aside()
    elif task.set_aside is not None and task.set_aside.call is not None and task.set_aside.call.number == number:
        task.take_up_call()


def _with_bytes(saved: SavedRegisters, at: int, value: bytes) -> SavedRegisters:
    area = bytearray(saved.fxsave())
    area[at : at + len(value)] = value
    return saved.with_fxsave(bytes(area))


def _word(name: str, saved: SavedRegisters, task: Task | None, cpu: Cpu) -> int:
    if name == "eflags":
        return saved.word("rflags") & 0xFFFF_FFFF
    if name in _SELECTORS:
        return _SELECTORS[name]
    if name in X87_CONTROL or name == "mxcsr":
        return _x87_control(name, saved.fxsave())
    if name == "orig_rax":  # without such a call, gdb reads it only where a system call is caught
        call = task.sleep.call if task is not None and task.sleep is not None else None
        return saved.word("rax") if call is None else call.number
    values = _uintr_words(task, cpu)
    return values[name] if name in values else saved.word(name)


def _x87_control(name: str, area: bytes) -> int:
    fctrl, fstat, tags, fop, fip, fdp, mxcsr = struct.unpack_from("<HHBxHQQI", area)
    if name == "ftag":
        return sum((0 if tags >> n & 1 else _EMPTY) << 2 * n for n in range(8))
    words = {"fctrl": fctrl, "fstat": fstat, "fop": fop & 0x7FF, "fioff": fip & 0xFFFF_FFFF, "fiseg": fip >> 32,
             "fooff": fdp & 0xFFFF_FFFF, "foseg": fdp >> 32, "mxcsr": mxcsr}  # fmt: skip
    return int(words[name])


def _uintr_words(task: Task | None, cpu: Cpu) -> dict[str, int]:
    """The thread's user-interrupt state; forwarding_active is the core's while the thread holds it."""
    state = task.uintr if task is not None else cpu.uintr
    waits = task is not None and cpu.tid != task.tid
    active = task.forward_page_faults if task is not None and waits else cpu.apic.is_active(PF)
    return {
        "uif": int(state.uif), "uirr": state.uirr, "uihandler": state.handler, "uistackadjust": state.stackadjust,
        "uinv": state.uinv, "upidaddr": state.upidaddr, "uittaddr": state.uittaddr,
        "forwarding_enabled_pf": int(cpu.apic.is_enabled(PF)), "forwarding_active_pf": int(active),
        "uintr_vector_pf": cpu.apic.user_vector[PF],
    }  # fmt: skip


def _write_uintr(name: str, value: int, task: Task, cpu: Cpu) -> None:
    state = task.uintr
    match name:
        case "uif":
            state.uif = bool(value & 1)
        case "uirr":
            state.uirr = value
        case "uihandler":
            state.handler = value
        case "uistackadjust":
            state.stackadjust = value
        case "forwarding_enabled_pf":
            cpu.apic.forwarding_enabled = cpu.apic.forwarding_enabled & ~(1 << PF) | (value & 1) << PF
        case "forwarding_active_pf":
            cpu.apic.forwarding_active = cpu.apic.forwarding_active & ~(1 << PF) | (value & 1) << PF
