"""Events of userfaultfd: its messages, and the pages that its ioctls bring in."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.events.fields import Hex, Label


class IoctlStep(NamedTuple):
    """One stage inside a userfaultfd ioctl."""

    time: int
    cpu: int
    tid: int
    ioctl: Label
    step: Label


class PageInstalled(NamedTuple):
    time: int
    cpu: int
    tid: int
    address: Hex
    fault: int  # the fault that waits for the page, or in whose handler the thread is; 0: none


class MessageQueued(NamedTuple):
    """A uffd_msg waits to be read; the faulting thread blocks."""

    time: int
    cpu: int
    tid: int
    fd: int
    address: Hex
    flags: int
    fault: int  # 0: an event, or the kernel's own access


class MessageRead(NamedTuple):
    time: int
    cpu: int
    tid: int
    fd: int
    address: Hex
    fault: int  # 0: an event, or the kernel's own access


class PageEvicted(NamedTuple):
    """The kernel threw a page out for a quota's sake; `dirty`: it was written back first."""

    time: int
    cpu: int
    tid: int
    address: Hex
    dirty: int
    fault: int  # the fault that needed the room; 0: none


class PageSynced(NamedTuple):
    """The kernel wrote a dirty page back to the source of its policy, and the page stays (UFFDIO_POLICY_SYNC)."""

    time: int
    cpu: int
    tid: int
    address: Hex
