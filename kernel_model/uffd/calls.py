"""userfaultfd(), and /dev/userfaultfd, which does the same for programs that may open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.files import O_CLOEXEC, O_NONBLOCK, S_IFCHR
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import whole
from kernel_model.files.file import File
from kernel_model.files.status import FileStatus
from kernel_model.uffd.context import UffdServices, Userfaultfd

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.files.caller import Caller

_MISC_MAJOR = 10


def userfaultfd(call: Call, flags: int) -> int:
    """A new descriptor. Errors: ENOSYS (mode kernel), EINVAL, EMFILE."""
    if not call.kernel.options.mechanism.userfaultfd:
        raise LinuxError(Errno.ENOSYS)
    if flags & ~(O_NONBLOCK | O_CLOEXEC | uapi.UFFD_USER_MODE_ONLY):
        raise LinuxError(Errno.EINVAL)
    kernel, fd = call.kernel, call.new_fd()
    services = UffdServices(
        kernel.fault_answers, kernel.scheduler, kernel.uffd_readers, kernel.options.pff_uintr,
        kernel.options.writable_zero,
    )  # fmt: skip
    file = Userfaultfd(call.mm, fd, flags, services)
    file.close_on_exec_for_children = bool(flags & O_CLOEXEC)
    return call.process.files.install(fd, file, bool(flags & O_CLOEXEC))


class UserfaultfdDevice(File):
    """An open /dev/userfaultfd."""

    PATH: Final = "/dev/userfaultfd"
    can_poll = False

    def __init__(self, flags: int) -> None:
        self.name, self.flags = self.PATH, flags

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request != uffd_abi.USERFAULTFD_IOC_NEW:
            raise LinuxError(Errno.EINVAL)
        return userfaultfd(whole(call), argument)

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFCHR | 0o600, rdev=_MISC_MAJOR << 8)
