"""--sandbox: what this process may still do on the host once the guest runs, whatever happens to the engine.

Landlock (security/landlock, Linux 5.13) leaves it the files that the guest may reach, Python's own modules to read, and
the files that the user named for output; seccomp leaves it no new program, no network and no other process; rlimits
bound its memory. By ctypes: no kept package offers these without a C library of its own.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pffemu.errors import UsageError
from pffemu.machine.options import MachineOptions

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION, _PATH_BENEATH = 1, 1
_READ: Final = 0b1100  # READ_FILE, READ_DIR
_FILE_RIGHTS: Final = 0x4006  # WRITE_FILE, READ_FILE, TRUNCATE: those that a rule for a file can have
_RIGHTS: Final = {
    1: (1 << 13) - 1,
    2: (1 << 14) - 1,
    3: (1 << 15) - 1,
    5: (1 << 16) - 1,
}  # handled, by the ABI they came with
_NET_RIGHTS: Final = 3  # bind and connect of TCP, from ABI 4 on
_SCOPED: Final = 3  # abstract sockets and signals, from ABI 6 on
_OTHER_HOST_MEMORY: Final = 6 << 30  # bytes of address space besides guest RAM: the engine's buffers, Python, numpy
_PATH_FD: Final = getattr(os, "O_PATH", 0) | os.O_CLOEXEC  # `enter` refuses hosts without it

_AUDIT_ARCH_X86_64: Final = 0xC000_003E
_X32: Final = 0x4000_0000
_DENIED: Final = (  # numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl)
    41, 42, 49, 50, 53, 288,  # socket, connect, bind, listen, socketpair, accept4
    57, 58, 59, 322,  # fork, vfork, execve, execveat
    129, 297, 424,  # rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal
    101, 310, 311, 434, 438, 440,  # ptrace, process_vm_readv and writev, pidfd_open, pidfd_getfd, process_madvise
    155, 161, 165, 166, 272, 308, 428, 429, 430, 432, 442,  # pivot_root, chroot, mounts, unshare, setns
    175, 176, 313, 246, 320, 321, 298, 323, 425, 426, 427,  # modules, kexec, bpf, perf, userfaultfd, io_uring
    248, 249, 250, 303, 304, 160, 302,  # keys, file handles, setrlimit, prlimit64
)  # fmt: skip
_SIGNALS: Final = (62, 200, 234)  # kill, tkill, tgkill: denied where Landlock does not scope them
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: ld [k], jeq k, jge k, ret k
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_EPERM: Final = 1


def enter(options: MachineOptions, outputs: Iterable[str | Path | None], program: str) -> None:
    """Sandbox this thread and those that it starts: once and for all. Raises UsageError where the host cannot.

    `outputs`: files that are still to be written; `program`: the guest's own file.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION) if sys.platform == "linux" else -1
    if abi < 1 or os.uname().machine != "x86_64":
        raise UsageError(
            "this host has no Landlock", remedy="leave --sandbox out, or use a container or virtual machine"
        )
    _limit_memory(options.ram)
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _restrict_files(libc, abi, _readable(options, program), _writable(options, outputs))
    _restrict_calls(libc, _DENIED if abi >= 6 else (*_DENIED, *_SIGNALS))


def _limit_memory(ram: int) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + ram + _OTHER_HOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (min(wanted, hard) if hard >= 0 else wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _readable(options: MachineOptions, program: str) -> set[str]:
    """Python's modules and libraries, pffemu itself, and what the guest may read."""
    modules = {path for path in sys.path if path} | {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    own = {str(Path(__file__).parents[2])}
    system = {
        "/usr/lib",
        "/lib",
        "/lib64",
        "/usr/share/zoneinfo",
        "/etc/ld.so.cache",
        "/proc/self",
        "/sys/devices/system/cpu",
    }
    return modules | own | system | {mount.host for mount in options.mounts} | {program}


def _writable(options: MachineOptions, outputs: Iterable[str | Path | None]) -> set[str]:
    files = {str(Path(output).absolute()) for output in outputs if output is not None and str(output) != "-"}
    for file in files:
        Path(file).touch()  # a rule needs the file; its folder shall have none
    return files | {mount.host for mount in options.roots if not mount.read_only}


def _restrict_files(libc: ctypes.CDLL, abi: int, readable: set[str], writable: set[str]) -> None:
    handled = next(rights for since, rights in reversed(_RIGHTS.items()) if abi >= since)
    words = (handled, _NET_RIGHTS if abi >= 4 else 0, _SCOPED if abi >= 6 else 0)
    attributes = struct.pack("<3Q", *words)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _check(libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        for path in sorted(readable | writable):
            rights = handled & ~1 if path in writable else handled & _READ  # bit 0: EXECUTE
            _allow(libc, ruleset, path, rights)
        _check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, _PATH_FD)
    except OSError:
        return  # what is not there needs no rule
    try:
        rights &= -1 if os.path.isdir(path) else _FILE_RIGHTS
        _check(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("<Qi", rights, fd), 0))
    finally:
        os.close(fd)


def _restrict_calls(libc: ctypes.CDLL, denied: tuple[int, ...]) -> None:
    """A seccomp filter that answers the denied calls with EPERM, and ends what is not of x86-64."""
    count = len(denied)
    code = [
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _AUDIT_ARCH_X86_64), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0), (_AT_LEAST, count + 1, 0, _X32),
        *((_EQUAL, count - i, 0, number) for i, number in enumerate(denied)),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]  # fmt: skip
    octets = b"".join(struct.pack("<HBBI", *each) for each in code)
    buffer = ctypes.create_string_buffer(octets, len(octets))
    program = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(buffer))
    _check(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0))


def _check(result: int) -> int:
    if result < 0:
        why = os.strerror(ctypes.get_errno())
        raise UsageError(f"the host does not let itself be restricted: {why}", where="--sandbox", remedy="leave it out")
    return result
