"""Open files in messages of AF_UNIX sockets, and sockets that only messages still hold (net/unix/garbage.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.sockets.socket import Socket

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from kernel_model.files.sockets.message import Message
    from pffemu.hw.cpu import Cpu


class Holder(Socket):
    """A socket whose inbox may hold open files."""

    inbox: list[Message]

    def messages(self) -> list[Message]:
        """All messages that only this socket holds."""
        return self.inbox

    def take_files(self) -> list[File]:
        """Take the files out of the messages."""
        files = [file for message in self.messages() for file in message.files]
        for message in self.messages():
            message.files = []
        return files


class InFlight:
    """Files in messages of all sockets together: at most RLIMIT_NOFILE (unix_attach_fds)."""

    def __init__(self) -> None:
        self.count = 0
        self._sockets: dict[Holder, int] = {}  # sockets that travel, and in how many messages
        self._abandoned: list[File] = []  # in messages of closed sockets, which may hold sockets that hold sockets
        self._dropping = False

    def check(self, limit: int) -> None:
        """Whether one more message with files may be sent. Raises LinuxError ETOOMANYREFS."""
        if self.count > limit:
            raise LinuxError(Errno.ETOOMANYREFS)

    def attach(self, files: list[File]) -> None:
        for file in files:
            file.references += 1
            if isinstance(file, Holder):
                self._sockets[file] = self._sockets.get(file, 0) + 1
        self.count += len(files)

    def detach(self, files: list[File]) -> None:
        """The files leave their message; their references are now the caller's."""
        self.count -= len(files)
        for file in files:
            if isinstance(file, Holder):
                self._sockets[file] -= 1
                if not self._sockets[file]:
                    del self._sockets[file]

    def abandon(self, cpu: Cpu, files: list[File]) -> None:
        """Drop the files of a closed socket's messages, one after the other: a chain of sockets must not recurse."""
        self.detach(files)
        self._abandoned += files
        if self._dropping:
            return
        self._dropping = True
        while self._abandoned:
            self._abandoned.pop().drop(cpu)
        self._dropping = False

    def collect(self, cpu: Cpu) -> None:
        """Close sockets that can be reached only from messages to each other."""
        if self._dropping or not self._sockets:
            return
        lost = {sock for sock, count in self._sockets.items() if sock.references == count}
        held = {sock: 0 for sock in lost}
        for sock in lost:
            for file in _files_of(sock):
                if file in held:
                    held[file] += 1
        reachable = [sock for sock, count in held.items() if count < self._sockets[sock]]
        while reachable:
            sock = reachable.pop()
            if sock in lost:
                lost.discard(sock)
                reachable += [file for file in _files_of(sock) if file in lost]
        self.abandon(cpu, [file for sock in self._sockets if sock in lost for file in sock.take_files()])


def _files_of(sock: Holder) -> list[Holder]:
    return [file for message in sock.messages() for file in message.files if isinstance(file, Holder)]
