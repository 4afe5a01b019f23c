"""Events of the page cache of files on disk: requests to the disk, pages evicted, dirty pages.

`file`: the number of the file's page cache, in the order in which files were first used.
"""

from __future__ import annotations

from typing import NamedTuple

from pffemu.events.fields import Hex, Label


class DiskRequested(NamedTuple):
    """The disk is asked to `what` (read, write) `pages` pages of a file from byte `offset` on.

    `request`: its number, which the completion has, too.
    """

    time: int
    cpu: int
    tid: int
    what: Label
    file: int
    offset: Hex
    pages: int
    request: int


class DiskCompleted(NamedTuple):
    """The completion interrupt of a request; `tid`: the thread that it interrupts (0: the core idles)."""

    time: int
    cpu: int
    tid: int
    request: int


class ReadAhead(NamedTuple):
    """Pages are read before they are used: `why` is sync (a miss), async (the marker was met) or advice."""

    time: int
    cpu: int
    tid: int
    why: Label
    file: int
    offset: Hex
    pages: int


class PageReclaimed(NamedTuple):
    """A clean page leaves the page cache; `entries`: page-table entries that held it."""

    time: int
    cpu: int
    tid: int
    file: int
    offset: Hex
    entries: int


class PageDirtied(NamedTuple):
    """The first store to a clean page of a shared mapping was noticed (page_mkwrite)."""

    time: int
    cpu: int
    tid: int
    file: int
    offset: Hex
