"""Linux ABI numbers of asynchronous input and output (linux/aio_abi.h)."""

from __future__ import annotations

import struct
from typing import Final

# data, key, rw_flags, opcode, priority, descriptor, buffer, bytes, offset, reserved, flags, eventfd
IOCB: Final = struct.Struct("<QIIHhIQQqQII")
IOCB_KEY_AT: Final = 8
IO_EVENT: Final = struct.Struct("<QQqq")  # data, iocb, result, second result
AIO_RING: Final = struct.Struct("<8I")  # id, events, head, tail, magic, compatible, incompatible, bytes of this header
PREAD, PWRITE, FSYNC, FDSYNC, POLL, PREADV, PWRITEV = 0, 1, 2, 3, 5, 7, 8  # IOCB_CMD_*
IOCB_FLAG_RESFD: Final = 1
IOCB_FLAG_IOPRIO: Final = 2
AIO_MAX_NR: Final = 65_536  # fs.aio-max-nr
EVENTS_LIMIT: Final = 0x1000_0000 // IO_EVENT.size
