"""/proc/sysvipc (ipc/shm.c, sem.c, msg.c): the segments, sets of semaphores and message queues of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.files.proc.text import Folder, Text

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_FORMATS: Final = {  # kind -> heading, format of a line
    "shm": (
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime"
        "      dtime      ctime                   rss                  swap\n",
        "%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d %10d %21d %21d\n",
    ),
    "sem": (
        "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n",
        "%10d %10d  %4o %10d %5d %5d %5d %5d %10d %10d\n",
    ),
    "msg": (
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime"
        "      ctime\n",
        "%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d %10d\n",
    ),
}


def _text(kind: str) -> Text:
    heading, line = _FORMATS[kind]

    def make(call: Caller) -> str:
        return heading + "".join(line % row for row in call.kernel.ipc.rows(kind))

    return Text(make)


SYSVIPC: Final[Folder] = {kind.encode(): _text(kind) for kind in _FORMATS}
