"""Interrupts of a core, between two slices: messages and timers are collected, vectors acknowledged and routed.

A vector is the notification vector (SDM, "user-interrupt notification"), forwarded to ring 3 (xUI), or the kernel's.
"""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch import upid
from pffemu.arch.rflags import IF
from pffemu.events.fields import Label
from pffemu.events.hw import InterruptAccepted, NotificationProcessed, Timer
from pffemu.hw.cpu import Cpu
from pffemu.hw.page_walk import WRITE
from pffemu.hw.trap import Trap

_WORDS: Final = struct.Struct("<QQ")
NMI_VECTOR: Final = 2
SUPERVISOR: Final = 0  # an access without USER
_RETRY: Final = 1_000  # cycles until a core with IF=0 checks again
_NOTIFY, _FORWARD, _KERNEL = Label("notify"), Label("forward"), Label("kernel")


def collect(cpu: Cpu) -> None:
    """Collect what is due by now: arrived messages set IRR, expired timers raise their interrupts."""
    now = cpu.clock
    while cpu.arrivals and cpu.arrivals[0].time <= now:
        arrival = cpu.arrivals.pop(0)
        if arrival.device is not None:
            arrival.device.complete()
        if arrival.nmi:
            cpu.apic.nmi = True
        elif arrival.vector is not None:
            cpu.apic.request(arrival.vector, arrival.level)
    if cpu.apic.timer.next_expiry is not None and cpu.apic.timer.expire(now):
        vector = cpu.apic.timer.lvt & 0xFF
        cpu.apic.request(vector)
        cpu.emit(Timer, Label("apic"), Label("expired"), vector)
    if cpu.kb_timer.deadline:
        _expire_kb_timer(cpu, now)


def _expire_kb_timer(cpu: Cpu, now: int) -> None:
    """xUI: an expiry of the running thread's kernel-bypass timer sets a bit of UIRR and nothing else."""
    timer = cpu.kb_timer
    if not timer.enabled or now < timer.deadline:
        return
    cpu.uintr.uirr |= 1 << timer.user_vector
    cpu.emit(Timer, Label("kb"), Label("expired"), timer.user_vector)
    timer.deadline += ((now - timer.deadline) // timer.period + 1) * timer.period if timer.period else -timer.deadline


def accept(cpu: Cpu) -> int | Trap | None:
    """Take interrupts until none can be taken (None) or the kernel must act: a vector, or a trap of a UPID access.

    It is never called while the kernel model runs with interrupts off, so IF is the thread's.
    """
    collect(cpu)
    if cpu.apic.nmi:
        cpu.apic.nmi = False
        return _for_kernel(cpu, NMI_VECTOR)
    while cpu.apic.deliverable() is not None:
        if cpu.tid and not cpu.rflags & IF:
            cpu.event_at = cpu.clock + _RETRY
            return None
        vector = cpu.apic.acknowledge()  # SDM identification.1
        # SDM identification.2
        if cpu.cr4_uintr and vector == cpu.uintr.uinv:
            trap = process_notification(cpu, vector)
            if trap is not None:
                cpu.plan()
                return trap
        elif cpu.cr4_uintr and cpu.apic.is_enabled(vector) and cpu.apic.is_active(vector):
            cpu.apic.eoi()
            cpu.uintr.uirr |= 1 << cpu.apic.user_vector[vector]
            cpu.emit(InterruptAccepted, vector, _FORWARD)
        else:
            return _for_kernel(cpu, vector)
    cpu.plan()
    return None


def _for_kernel(cpu: Cpu, vector: int) -> int:
    cpu.plan()
    cpu.emit(InterruptAccepted, vector, _KERNEL)
    return vector


def process_notification(cpu: Cpu, vector: int) -> Trap | None:
    """User-interrupt notification processing (SDM). A trap of a UPID access leaves UPID and UIRR unchanged."""
    cpu.apic.eoi()  # SDM identification.3
    cpu.emit(InterruptAccepted, vector, _NOTIFY)
    at = cpu.mmu.translate(cpu.uintr.upidaddr, SUPERVISOR | WRITE)
    if isinstance(at, Trap):
        return at
    octets = cpu.mmu.ram.octets
    control, pir = _WORDS.unpack_from(octets, at)
    # SDM processing.1 and SDM processing.2: nothing runs between the loads and the stores
    _WORDS.pack_into(octets, at, control & ~upid.ON, 0)
    cpu.uintr.uirr |= pir  # SDM processing.3
    cpu.charge("cpu.uintr.notify")
    cpu.emit(NotificationProcessed, cpu.uintr.upidaddr, pir)
    return None
