"""Events of directed resolution: the steps of a fill, declined faults, and pages that an instruction returns."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.events.fields import Hex, Label


class DirectedStep(NamedTuple):
    """The core's unit made one step of a fill: check, claim, frame, source, fill, record or publish."""

    time: int
    cpu: int
    tid: int
    step: Label
    page: Hex
    directive: int
    fault: int


class DirectedWait(NamedTuple):
    """The entry is BUSY: core `owner` fills the page, and this one reads the entry again.

    `owner` -1: the kernel is changing the address space, and the access is made again.
    """

    time: int
    cpu: int
    tid: int
    page: Hex
    owner: int
    fault: int


class DirectedDecline(NamedTuple):
    """The unit gave the fault up, with the entry as it was before; the fault is forwarded, or an ordinary #PF."""

    time: int
    cpu: int
    tid: int
    address: Hex
    directive: int
    reason: Label
    fault: int


class PageReturned(NamedTuple):
    """PAGEOUT or PAGEDROP made the page absent; its frame may be used again once every core is at `epoch`."""

    time: int
    cpu: int
    tid: int
    page: Hex
    directive: int
    epoch: int


class RecordsTaken(NamedTuple):
    """The kernel has taken over `records` of the completion rings: pages that came and went since it looked last."""

    time: int
    cpu: int
    tid: int
    records: int


class FramesDonated(NamedTuple):
    """The kernel put `frames` frames into the frame ring of core `ring`."""

    time: int
    cpu: int
    tid: int
    ring: int
    frames: int
