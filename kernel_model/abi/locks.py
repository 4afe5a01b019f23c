"""Numbers of file locks, leases and the owner of signal-driven I/O (asm-generic/fcntl.h, linux/fcntl.h)."""

from __future__ import annotations

import struct
from typing import Final

# fcntl commands
F_GETLK: Final = 5
F_SETLK: Final = 6
F_SETLKW: Final = 7
F_SETOWN: Final = 8
F_GETOWN: Final = 9
F_SETSIG: Final = 10
F_GETSIG: Final = 11
F_SETOWN_EX: Final = 15
F_GETOWN_EX: Final = 16
F_OFD_GETLK: Final = 36
F_OFD_SETLK: Final = 37
F_OFD_SETLKW: Final = 38
F_SETLEASE: Final = 1024
F_GETLEASE: Final = 1025
F_DUPFD_QUERY: Final = 1027
F_CREATED_QUERY: Final = 1028
F_GET_RW_HINT: Final = 1035
F_SET_RW_HINT: Final = 1036

# types of locks and leases
F_RDLCK: Final = 0
F_WRLCK: Final = 1
F_UNLCK: Final = 2

# struct f_owner_ex
F_OWNER_TID: Final = 0
F_OWNER_PID: Final = 1
F_OWNER_PGRP: Final = 2

# flock
LOCK_SH: Final = 1
LOCK_EX: Final = 2
LOCK_NB: Final = 4
LOCK_UN: Final = 8
LOCK_MAND: Final = 32

FLOCK: Final = struct.Struct("<hh4xqqi4x")  # struct flock: l_type, l_whence, l_start, l_len, l_pid
F_OWNER_EX: Final = struct.Struct("<ii")  # type, pid
RWH_WRITE_LIFE_EXTREME: Final = 5
