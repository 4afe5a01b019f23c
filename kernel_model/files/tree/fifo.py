"""Named pipes (fs/pipe.c, fifo_open): the ends of a pipe that processes find by a name.

A thread whose open waits for the other end is on a queue of the node; the thread that opens that end completes the
open for it, with the descriptor as its result. So the end exists at once, whenever the waiting thread runs.
"""

from __future__ import annotations

import stat
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_model.abi.files import O_ACCMODE, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from kernel_model.abi.limits import NOFILE
from kernel_model.abi.uapi import POLLHUP, Errno, LinuxError
from kernel_model.files.pipe import Pipe, PipeReader, PipeWriter, new_pipe
from kernel_model.files.tree.node import Node
from kernel_model.files.tree.notify import opened
from kernel_model.wait.queue import Blocked, WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.status import FileStatus
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu


@dataclass(frozen=True, slots=True)
class _Opening:
    """An open that waits: what it will return."""

    place: Place
    flags: int
    close_on_exec: bool


class FifoNode(Node):
    """The inode. `pipe`: while an end is open; `writers_seen`: write ends opened so far."""

    def __init__(self, fs: FileSystem, number: int, mode: int, now: int) -> None:
        super().__init__(fs, number, stat.S_IFIFO | mode & 0o7777, now)
        self.pipe: Pipe | None = None
        self.writers_seen = 0
        self.readers_to_be = WaitQueue("a writer of a FIFO")
        self.writers_to_be = WaitQueue("a reader of a FIFO")
        self._openings: dict[Task, _Opening] = {}

    def open(self, call: Caller, place: Place, flags: int) -> File:
        """Raises LinuxError ENXIO (a non-blocking writer without a reader), EINVAL (access mode 3), and Blocked."""
        access = flags & O_ACCMODE
        if access == O_ACCMODE:
            raise LinuxError(Errno.EINVAL)
        self._forget_interrupted()
        if access == O_RDONLY and not flags & O_NONBLOCK and not self._has_writer():
            self._wait(call, place, flags, self.readers_to_be)
        if access == O_WRONLY and not self._has_reader():
            if flags & O_NONBLOCK:
                raise LinuxError(Errno.ENXIO)
            self._wait(call, place, flags, self.writers_to_be)
        file = self._end(call, place, flags)
        if access != O_WRONLY:
            self._complete(call, self.writers_to_be)
        if access != O_RDONLY:
            self._complete(call, self.readers_to_be)
        return file

    def _has_writer(self) -> bool:
        return bool((self.pipe is not None and self.pipe.writers) or self.writers_to_be.tasks)

    def _has_reader(self) -> bool:
        return bool((self.pipe is not None and self.pipe.readers) or self.readers_to_be.tasks)

    def _wait(self, call: Caller, place: Place, flags: int, queue: WaitQueue) -> None:
        self._openings[call.task] = _Opening(place, flags, call.closes_on_exec)
        raise Blocked(queue, why=queue.name)

    def _forget_interrupted(self) -> None:
        """Drop what is known of threads that a signal has woken."""
        waiting = (*self.readers_to_be.tasks, *self.writers_to_be.tasks)
        self._openings = {task: opening for task, opening in self._openings.items() if task in waiting}

    def _end(self, call: Caller, place: Place, flags: int) -> File:
        """Another open end, which is counted."""
        if self.pipe is None:
            self.pipe = new_pipe(call.kernel.scheduler, call.kernel.pipes)
            self.pipe.space = self.pipe.data  # one queue: an open file of both ends polls it for both
        access = flags & O_ACCMODE
        if access != O_WRONLY:
            self.pipe.readers += 1
        if access != O_RDONLY:
            self.pipe.writers += 1
            self.writers_seen += 1
        kind = {O_RDONLY: FifoReader, O_WRONLY: FifoWriter, O_RDWR: FifoBoth}[access]
        return kind(self, self.pipe, place, flags)

    def _complete(self, call: Caller, queue: WaitQueue) -> None:
        """Open the end of every thread that waits on `queue`, and wake it."""
        for task in list(queue.tasks):
            opening, process = self._openings.pop(task), task.process
            file = self._end(call, opening.place, opening.flags)
            assert task.sleep is not None
            opened(call.cpu, call.kernel.tree, file)
            try:
                fd = process.files.add(file, opening.close_on_exec, process.limits[NOFILE][0])
                task.sleep.answer(fd)
            except LinuxError as error:
                task.sleep.answer(-error.errno)
                file.references = 1
                file.drop(call.cpu)
            call.kernel.scheduler.wake(call.cpu, task)

    def closed(self) -> None:
        """An end was closed: with the last one the content is gone."""
        if self.pipe is not None and not self.pipe.readers and not self.pipe.writers:
            self.pipe = None


class _FifoEnd:
    """What the ends of a FIFO have besides a pipe's."""

    node: FifoNode
    pipe: Pipe

    def status(self) -> FileStatus:
        return self.node.status()

    @property
    def attributes(self) -> Attributes:
        return self.node

    @property
    def inode(self) -> Hashable:
        return self.node.identity


class FifoReader(_FifoEnd, PipeReader):
    def __init__(self, node: FifoNode, pipe: Pipe, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
        self.node, self.pipe = node, pipe
        self._writers_before = node.writers_seen if not pipe.writers else -1

    def poll(self) -> int:
        """No hang-up before the first writer has come."""
        return super().poll() & ~(POLLHUP if self._writers_before == self.node.writers_seen else 0)

    def close(self, cpu: Cpu) -> None:
        super().close(cpu)
        self.node.closed()


class FifoWriter(_FifoEnd, PipeWriter):
    def __init__(self, node: FifoNode, pipe: Pipe, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
        self.node, self.pipe = node, pipe

    def close(self, cpu: Cpu) -> None:
        super().close(cpu)
        self.node.closed()


class FifoBoth(_FifoEnd, PipeReader, PipeWriter):
    """Open for reading and writing: never at the end of the file, never broken."""

    def __init__(self, node: FifoNode, pipe: Pipe, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
        self.node, self.pipe = node, pipe

    def poll(self) -> int:
        return PipeReader.poll(self) | PipeWriter.poll(self)

    def close(self, cpu: Cpu) -> None:
        self.pipe.readers -= 1
        self.pipe.writers -= 1
        self.pipe.closed(cpu)
        self.node.closed()
