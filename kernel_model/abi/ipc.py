"""Numbers and limits of System V IPC and POSIX message queues (linux/ipc.h, shm.h, sem.h, msg.h, mqueue.h)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.registers import MASK64

IPC_PRIVATE: Final = 0
IPC_CREAT: Final = 0o1000
IPC_EXCL: Final = 0o2000
IPC_NOWAIT: Final = 0o4000
IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO = 0, 1, 2, 3
IPC_64: Final = 0x100  # ignored: the structures are the new ones
ID_BITS: Final = 15  # of an identifier are its index; the rest counts the uses of that index
MIN_CYCLE: Final = 64  # an index is used again only after this many others

# shared memory
SHM_DEST: Final = 0o1000
SHM_LOCKED: Final = 0o2000
SHM_HUGETLB: Final = 0o4000
SHM_NORESERVE: Final = 0o10000
SHM_RDONLY: Final = 0o10000
SHM_RND: Final = 0o20000
SHM_REMAP: Final = 0o40000
SHM_EXEC: Final = 0o100000
SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY = 11, 12, 13, 14, 15
SHMMNI: Final = 4096
SHMMAX: Final = MASK64 - (1 << 24)
SHMALL: Final = MASK64 - (1 << 24)  # pages

# semaphores
SEM_UNDO: Final = 0x1000
GETPID, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL, SEM_STAT, SEM_INFO, SEM_STAT_ANY = range(11, 21)
SEMMNI, SEMMSL, SEMMNS, SEMOPM, SEMVMX = 32_000, 32_000, 1_024_000_000, 500, 32_767

# messages
MSG_NOERROR: Final = 0o10000
MSG_EXCEPT: Final = 0o20000
MSG_COPY: Final = 0o40000
MSG_STAT, MSG_INFO, MSG_STAT_ANY = 11, 12, 13
MSGMNI, MSGMAX, MSGMNB = 32_000, 8192, 16_384
MSGPOOL, MSGTQL, MSGSSZ, MSGSEG = MSGMNI * MSGMNB // 1024, MSGMNB, 16, 0xFFFF
MSGMAP: Final = MSGMNB

# POSIX message queues
MQ_PRIO_MAX: Final = 32_768
DFLT_MSGMAX, DFLT_MSGSIZEMAX, DFLT_MSG, DFLT_MSGSIZE = 10, 8192, 10, 8192
HARD_MSGMAX, HARD_MSGSIZEMAX = 65_536, 16 << 20
DFLT_QUEUESMAX: Final = 256
