"""Events of fork, mremap, madvise and munmap: the call sleeps until they are read (fs/userfaultfd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi import uffd as uffd_abi
from kernel_model.mm.fork import copy_protection
from kernel_model.uffd.messages import Event
from kernel_model.wait.queue import Blocked, Interruptible

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma
    from kernel_model.uffd.context import Userfaultfd
    from pffemu.hw.cpu import Cpu


def after_events(call: Call, events: list[Event], result: int) -> int:
    """Queue `events` one after the other; the call returns `result` when all were read. Raises Blocked."""
    if not events:
        return result
    first, *rest = events
    first.task, first.then = call.task, rest
    first.uffd.queue_event(call.cpu, first)
    raise Blocked(
        first.uffd.event_waiters, result=result, why=_why(first.uffd), sleep=Interruptible.NO, uffd=first.uffd
    )


def announce_removal(call: Call, vma: Vma, start: int, end: int) -> None:
    """EVENT_REMOVE, before [start, end) of `vma` loses its data; the call starts again when the event was read.

    Raises Blocked.
    """
    uffd = vma.uffd
    if uffd is None or not uffd.has(uffd_abi.FEATURE_EVENT_REMOVE):
        return
    call.events += 1
    if call.events <= call.pending.events_sent:
        return
    call.pending.events_sent = call.events
    event = _event(uffd, uffd_abi.EVENT_REMOVE, start, end)
    event.task = call.task
    uffd.queue_event(call.cpu, event)
    raise Blocked(uffd.event_waiters, why=_why(uffd), sleep=Interruptible.NO, uffd=uffd)


def unmapped(gone: list[Vma], start: int, end: int) -> list[Event]:
    """EVENT_UNMAP for each userfaultfd of the registered areas `gone`, which a call removed with [start, end)."""
    uffds = dict.fromkeys(vma.uffd for vma in gone if vma.uffd is not None)
    return [_event(uffd, uffd_abi.EVENT_UNMAP, start, end) for uffd in uffds if uffd.has(uffd_abi.FEATURE_EVENT_UNMAP)]


def follow_move(call: Call, vma: Vma, moved: Vma, old: int, new: int, length: int) -> list[Event]:
    """EVENT_REMAP: `moved` stays registered only if its userfaultfd has asked for the event."""
    uffd = vma.uffd
    if uffd is None or not uffd.has(uffd_abi.FEATURE_EVENT_REMAP):
        return []
    uffd.mm.set_uffd(call.cpu, moved, uffd, vma.uffd_mode)
    return [_event(uffd, uffd_abi.EVENT_REMAP, old, new, length)]


def register_child(cpu: Cpu, parent: Mm, child: Mm) -> list[Event]:
    """EVENT_FORK: areas whose userfaultfd has asked for it stay registered in the child, with a new one."""
    children: dict[Userfaultfd, Userfaultfd] = {}
    for vma in parent.vmas:
        uffd = vma.uffd
        copy = child.vmas.find(vma.start)
        if uffd is None or copy is None or not uffd.has(uffd_abi.FEATURE_EVENT_FORK):
            continue
        if uffd not in children:
            children[uffd] = uffd.duplicate(child)
        child.set_uffd(cpu, copy, children[uffd], vma.uffd_mode)
        if copy.is_write_protected:
            copy_protection(parent, child, copy)
    for uffd, own in children.items():
        event = _event(uffd, uffd_abi.EVENT_FORK)
        event.child = own
        child.fork_events.append(event)
    return list(child.fork_events)


def await_fork_events(call: Call) -> None:
    """Let the new process sleep until the events of its fork were read. Raises Blocked."""
    for event in call.mm.fork_events:
        if not event.read:
            raise Blocked(event.uffd.children, why=_why(event.uffd), sleep=Interruptible.NO)
    call.mm.fork_events.clear()


def _event(uffd: Userfaultfd, kind: int, first: int = 0, second: int = 0, third: int = 0) -> Event:
    uffd.changing += 1
    return Event(uffd, kind, (first, second, third))


def _why(uffd: Userfaultfd) -> str:
    return f"a reader to take an event of userfaultfd {uffd.fd}"
