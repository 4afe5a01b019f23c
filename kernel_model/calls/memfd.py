"""memfd_create (mm/memfd.c)."""

from __future__ import annotations

from kernel_model.abi import mman
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.files.memfd import Memfd

_NAME_MAX = 249  # NAME_MAX without "memfd:"
_KNOWN = mman.MFD_CLOEXEC | mman.MFD_ALLOW_SEALING | mman.MFD_HUGETLB | mman.MFD_NOEXEC_SEAL | mman.MFD_EXEC


def memfd_create(call: Call, name: int, flags: int) -> int:
    """A descriptor of an empty file in RAM. Errors: EINVAL, EFAULT, EMFILE; huge pages are ENOSYS."""
    flags &= 0xFFFF_FFFF
    if flags & ~_KNOWN or (flags & mman.MFD_EXEC and flags & mman.MFD_NOEXEC_SEAL):
        raise LinuxError(Errno.EINVAL)
    text = call.memory.read_path(name)
    if len(text) > _NAME_MAX:
        raise LinuxError(Errno.EINVAL)
    if flags & mman.MFD_HUGETLB:
        raise LinuxError(Errno.ENOSYS)
    fd = call.new_fd()
    sealing = flags & (mman.MFD_ALLOW_SEALING | mman.MFD_NOEXEC_SEAL)
    file = Memfd(text.decode(errors="surrogateescape"), call.mm.ram, call.mm.frames, 0 if sealing else mman.F_SEAL_SEAL)
    if flags & mman.MFD_NOEXEC_SEAL:
        file.seals |= mman.F_SEAL_EXEC
        file.mode &= ~0o111
    return call.process.files.install(fd, file, bool(flags & mman.MFD_CLOEXEC))
