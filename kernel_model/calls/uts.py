"""uname, sethostname, setdomainname (kernel/sys.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi import utsname
from kernel_model.abi.structs import Utsname
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.call.rights import need
from kernel_model.task.credentials import CAP_SYS_ADMIN

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_UNAME26: Final = 0x0002_0000  # of personality: the release begins with 2.6
_MINOR_OF_26: Final = 60
_NAME_MAX: Final = 64  # bytes, __NEW_UTS_LEN
_HOST, _DOMAIN = "kernel.hostname", "kernel.domainname"  # also in /proc/sys


def uname(call: Call, address: int) -> int:
    release, known = utsname.RELEASE, call.kernel.sysctls
    if call.process.personality & _UNAME26:
        release = f"2.6.{int(release.split('.')[1]) + _MINOR_OF_26}"
    host, domain = known.get(_HOST, utsname.NODE), known.get(_DOMAIN, utsname.DOMAIN)
    fields = (utsname.SYSTEM, host, release, utsname.VERSION, utsname.MACHINE, domain)
    call.memory.write_struct(address, Utsname(*(field.encode(errors="surrogateescape") for field in fields)))
    return 0


def sethostname(call: Call, address: int, length: int) -> int:
    call.kernel.sysctls[_HOST] = _name(call, address, length)
    return 0


def setdomainname(call: Call, address: int, length: int) -> int:
    call.kernel.sysctls[_DOMAIN] = _name(call, address, length)
    return 0


def _name(call: Call, address: int, length: int) -> str:
    """Raises LinuxError EPERM, EINVAL, EFAULT."""
    need(call.task, CAP_SYS_ADMIN)
    if not 0 <= as_int(length) <= _NAME_MAX:
        raise LinuxError(Errno.EINVAL)
    octets = call.memory.read(address, as_int(length)) if as_int(length) else b""
    return octets.split(b"\0")[0].decode(errors="surrogateescape")
