"""memfd_create (mm/memfd.c)."""

from __future__ import annotations

from kernel_model.abi import mman
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.files.huge_memfd import HugeMemfd
from kernel_model.files.memfd import Memfd, ShmemInode

_HUGE_SHIFT = 26
_HUGE_SIZE = 0x3F << _HUGE_SHIFT
_HUGE_BITS = (21, 30)  # huge pages of 2 MiB, and of 1 GiB
_NAME_MAX = 249  # NAME_MAX without "memfd:"
_KNOWN = mman.MFD_CLOEXEC | mman.MFD_ALLOW_SEALING | mman.MFD_HUGETLB | mman.MFD_NOEXEC_SEAL | mman.MFD_EXEC


def memfd_create(call: Call, name: int, flags: int) -> int:
    """A descriptor of an empty file in RAM. Errors: EINVAL, EFAULT, EMFILE, ENODEV (a size no huge page has)."""
    flags &= 0xFFFF_FFFF
    huge_size = flags & _HUGE_SIZE if flags & mman.MFD_HUGETLB else 0
    flags &= ~huge_size
    if flags & ~_KNOWN or (flags & mman.MFD_EXEC and flags & mman.MFD_NOEXEC_SEAL):
        raise LinuxError(Errno.EINVAL)
    text = call.memory.read_path(name)
    if len(text) > _NAME_MAX:
        raise LinuxError(Errno.EINVAL)
    bits = huge_size >> _HUGE_SHIFT or _HUGE_BITS[0]
    if bits not in _HUGE_BITS:
        raise LinuxError(Errno.ENODEV)
    fd = call.new_fd()
    sealing = flags & (mman.MFD_ALLOW_SEALING | mman.MFD_NOEXEC_SEAL)
    shared = ShmemInode(call.kernel.new_number(), 0 if sealing else mman.F_SEAL_SEAL)
    if flags & mman.MFD_NOEXEC_SEAL:
        shared.seals |= mman.F_SEAL_EXEC
        shared.mode &= ~0o111
    kind = HugeMemfd if flags & mman.MFD_HUGETLB else Memfd
    file = kind.create(text.decode(errors="surrogateescape"), call.mm.ram, call.mm.frames, shared)
    if isinstance(file, HugeMemfd):
        file.page_size = 1 << bits
    return call.process.files.install(fd, file, bool(flags & mman.MFD_CLOEXEC))
