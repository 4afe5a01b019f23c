"""prctl (kernel/sys.c, security/commoncap.c): one function an option. Arguments are `unsigned long`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from typing import Final

from kernel_model.abi.prctl import PrctlOption
from kernel_model.abi.signal import NSIG
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.rights import need
from kernel_model.mm.settings import MDWE_NO_INHERIT, MDWE_REFUSE_EXEC_GAIN
from kernel_model.task import user_faults
from kernel_model.task.credentials import CAP_SETPCAP, LAST_CAPABILITY
from kernel_model.task.setid import NO_AMBIENT_RAISE
from kernel_model.task.settings import KEEP_CAPS, MCE_DEFAULT

NAME_SIZE: Final = 16  # bytes, TASK_COMM_LEN
_KEEP_CAPS_LOCKED: Final = KEEP_CAPS << 1
_SECURE_BITS: Final = 0x555  # NOROOT to EXEC_DENY_INTERACTIVE; the lock of each is the bit above it
_SECURE_LOCKS: Final = _SECURE_BITS << 1
_TSC_ENABLE, _TSC_SIGSEGV = 1, 2
_AMBIENT_CLEAR_ALL: Final = 4
_THP_EXCEPT_ADVISED: Final = 2
_SPECULATION: Final = {0: 0, 1: 0, 2: 8}  # kind -> PR_SPEC_NOT_AFFECTED, or PR_SPEC_FORCE_DISABLE


class _AmbientOption(IntEnum):
    """PR_CAP_AMBIENT_* that concern one capability."""

    IS_SET = 1
    RAISE = 2
    LOWER = 3


def prctl(call: Call, option: int, *arguments: int) -> int:
    """Options that Linux does not have, or not on x86, are EINVAL."""
    number = as_int(option)
    implementation = _TABLE.get(number)
    if implementation is not None:
        return implementation(call, *arguments)
    if number in PrctlOption._value2member_map_:
        raise call.unsupported(f"prctl({PrctlOption(number).name})", Errno.EINVAL)
    raise LinuxError(Errno.EINVAL)


def _must_be_zero(*arguments: int) -> None:
    if any(arguments):
        raise LinuxError(Errno.EINVAL)


# -- the thread ---------------------------------------------------------------------------------------------------


def _set_name(call: Call, address: int, *_: int) -> int:
    call.task.name = call.memory.read(address, NAME_SIZE).split(b"\0")[0][: NAME_SIZE - 1]
    return 0


def _get_name(call: Call, address: int, *_: int) -> int:
    call.memory.write(address, call.task.name.ljust(NAME_SIZE, b"\0"))
    return 0


def _set_parent_death_signal(call: Call, signal: int, *_: int) -> int:
    if signal > NSIG:
        raise LinuxError(Errno.EINVAL)
    call.task.settings.parent_death_signal = signal
    return 0


def _get_parent_death_signal(call: Call, address: int, *_: int) -> int:
    call.memory.write_u32(address, call.task.settings.parent_death_signal)
    return 0


def _set_timer_slack(call: Call, slack: int, *_: int) -> int:
    """PR_SET_TIMERSLACK; 0: the thread's initial slack."""
    call.task.settings.set_timer_slack(slack, real_time=call.task.scheduling.is_real_time)
    return 0


def _get_timer_slack(call: Call, *_: int) -> int:
    return call.task.settings.timer_slack


def _user_faults(call: Call, what: int, handler: int, *_: int) -> int:
    if not call.cpu.options.user_faults:
        raise LinuxError(Errno.EINVAL)
    return user_faults.prctl(call.task, what, handler)


def _set_no_new_privileges(call: Call, value: int, *rest: int) -> int:
    if value != 1:
        raise LinuxError(Errno.EINVAL)
    _must_be_zero(*rest)
    call.task.settings.no_new_privileges = True
    return 0


def _get_no_new_privileges(call: Call, *arguments: int) -> int:
    _must_be_zero(*arguments)
    return int(call.task.settings.no_new_privileges)


def _set_tsc(call: Call, mode: int, *_: int) -> int:
    """PR_TSC_SIGSEGV: RDTSC and RDTSCP fault in this thread (CR4.TSD)."""
    if as_int(mode) not in (_TSC_ENABLE, _TSC_SIGSEGV):
        raise LinuxError(Errno.EINVAL)
    call.task.settings.tsc_faults = as_int(mode) == _TSC_SIGSEGV
    call.cpu.set_tsd(call.task.settings.tsc_faults)
    return 0


def _get_tsc(call: Call, address: int, *_: int) -> int:
    call.memory.write_u32(address, _TSC_SIGSEGV if call.task.settings.tsc_faults else _TSC_ENABLE)
    return 0


def _set_memory_failure_policy(call: Call, what: int, policy: int, *rest: int) -> int:
    """PR_MCE_KILL_CLEAR (0) or SET (1), without effect: memory does not fail here."""
    _must_be_zero(*rest)
    if what > 1 or policy > (MCE_DEFAULT if what else 0):
        raise LinuxError(Errno.EINVAL)
    call.task.settings.memory_failure_policy = policy if what else MCE_DEFAULT
    return 0


def _get_memory_failure_policy(call: Call, *arguments: int) -> int:
    _must_be_zero(*arguments)
    return call.task.settings.memory_failure_policy


def _set_io_flusher(call: Call, value: int, *rest: int) -> int:
    _must_be_zero(*rest)
    if value > 1:
        raise LinuxError(Errno.EINVAL)
    call.task.settings.is_io_flusher = bool(value)
    return 0


def _get_io_flusher(call: Call, *arguments: int) -> int:
    _must_be_zero(*arguments)
    return int(call.task.settings.is_io_flusher)


def _get_tid_address(call: Call, address: int, *_: int) -> int:
    call.memory.write(address, call.task.clear_child_tid.to_bytes(8, "little"))
    return 0


# -- credentials --------------------------------------------------------------------------------------------------


def _set_keep_caps(call: Call, value: int, *_: int) -> int:
    settings = call.task.settings
    if value > 1:
        raise LinuxError(Errno.EINVAL)
    if settings.securebits & _KEEP_CAPS_LOCKED:
        raise LinuxError(Errno.EPERM)
    settings.securebits = settings.securebits & ~KEEP_CAPS | (KEEP_CAPS if value else 0)
    return 0


def _get_keep_caps(call: Call, *_: int) -> int:
    return int(call.task.settings.securebits & KEEP_CAPS != 0)


def _set_securebits(call: Call, bits: int, *_: int) -> int:
    """Errors: EPERM (a locked bit would change, a lock would be cleared, or a bit does not exist)."""
    old = call.task.settings.securebits
    locks = old & _SECURE_LOCKS
    need(call.task, CAP_SETPCAP)
    if locks >> 1 & (old ^ bits) or locks & ~bits or bits & ~(_SECURE_BITS | _SECURE_LOCKS):
        raise LinuxError(Errno.EPERM)
    call.task.settings.securebits = bits
    return 0


def _get_securebits(call: Call, *_: int) -> int:
    return call.task.settings.securebits


def _read_bounding_set(call: Call, capability: int, *_: int) -> int:
    return int(not call.task.settings.dropped_capabilities >> _capability(capability) & 1)


def _drop_from_bounding_set(call: Call, capability: int, *_: int) -> int:
    need(call.task, CAP_SETPCAP)
    call.task.settings.dropped_capabilities |= 1 << _capability(capability)
    return 0


def _capability(number: int) -> int:
    if number > LAST_CAPABILITY:
        raise LinuxError(Errno.EINVAL)
    return number


def _ambient(call: Call, what: int, capability: int, *rest: int) -> int:
    """PR_CAP_AMBIENT: a capability must be permitted and inheritable to be raised."""
    _must_be_zero(*rest)
    old = call.task.credentials
    if what == _AMBIENT_CLEAR_ALL:
        _must_be_zero(capability)
        call.task.credentials = replace(old, ambient=0)
        return 0
    bit = 1 << _capability(capability)
    match what:
        case _AmbientOption.IS_SET:
            return int(old.ambient & bit != 0)
        case _AmbientOption.LOWER:
            call.task.credentials = replace(old, ambient=old.ambient & ~bit)
        case _AmbientOption.RAISE:
            if not old.permitted & old.inheritable & bit or call.task.settings.securebits & NO_AMBIENT_RAISE:
                raise LinuxError(Errno.EPERM)
            call.task.credentials = replace(old, ambient=old.ambient | bit)
        case _:
            raise LinuxError(Errno.EINVAL)
    return 0


# -- the process --------------------------------------------------------------------------------------------------


def _set_dumpable(call: Call, value: int, *_: int) -> int:
    if value > 1:
        raise LinuxError(Errno.EINVAL)
    call.mm.settings.dumpable = value
    return 0


def _get_dumpable(call: Call, *_: int) -> int:
    return call.mm.settings.dumpable


def _set_subreaper(call: Call, value: int, *_: int) -> int:
    call.process.is_subreaper = bool(value)
    return 0


def _get_subreaper(call: Call, address: int, *_: int) -> int:
    call.memory.write_u32(address, int(call.process.is_subreaper))
    return 0


def _set_mdwe(call: Call, bits: int, *rest: int) -> int:
    """PR_SET_MDWE. Errors: EINVAL, EPERM (once set it cannot change)."""
    _must_be_zero(*rest)
    if bits & ~(MDWE_REFUSE_EXEC_GAIN | MDWE_NO_INHERIT) or bits == MDWE_NO_INHERIT:
        raise LinuxError(Errno.EINVAL)
    settings = call.mm.settings
    if settings.write_execute_denied not in (0, bits):
        raise LinuxError(Errno.EPERM)
    settings.write_execute_denied = bits
    return 0


def _get_mdwe(call: Call, *arguments: int) -> int:
    _must_be_zero(*arguments)
    return call.mm.settings.write_execute_denied


def _set_thp_disable(call: Call, value: int, flags: int, *rest: int) -> int:
    """PR_SET_THP_DISABLE, without effect: the model has no huge pages."""
    _must_be_zero(*rest)
    if flags & ~_THP_EXCEPT_ADVISED or (flags and not value):
        raise LinuxError(Errno.EINVAL)
    call.mm.settings.huge_pages_disabled = 1 | flags if value else 0
    return 0


def _get_thp_disable(call: Call, *arguments: int) -> int:
    _must_be_zero(*arguments)
    return call.mm.settings.huge_pages_disabled


# -- options with a fixed answer ----------------------------------------------------------------------------------


def _nothing(call: Call, *_: int) -> int:
    return 0


def _set_timing(call: Call, value: int, *_: int) -> int:
    """PR_SET_TIMING: PR_TIMING_STATISTICAL (0) is the only mode."""
    _must_be_zero(value)
    return 0


def _get_speculation(call: Call, kind: int, *rest: int) -> int:
    """PR_GET_SPECULATION_CTRL: the model does not speculate."""
    _must_be_zero(*rest)
    if kind not in _SPECULATION:
        raise LinuxError(Errno.ENODEV)
    return _SPECULATION[kind]


def _set_speculation(call: Call, kind: int, _value: int, *rest: int) -> int:
    _must_be_zero(*rest)
    raise LinuxError(Errno.ENXIO if kind in _SPECULATION else Errno.ENODEV)


_TABLE: Final[dict[int, Callable[..., int]]] = {
    PrctlOption.PR_SET_PDEATHSIG: _set_parent_death_signal,
    PrctlOption.PR_GET_PDEATHSIG: _get_parent_death_signal,
    PrctlOption.PR_GET_DUMPABLE: _get_dumpable,
    PrctlOption.PR_SET_DUMPABLE: _set_dumpable,
    PrctlOption.PR_GET_KEEPCAPS: _get_keep_caps,
    PrctlOption.PR_SET_KEEPCAPS: _set_keep_caps,
    PrctlOption.PR_GET_TIMING: _nothing,
    PrctlOption.PR_SET_TIMING: _set_timing,
    PrctlOption.PR_SET_NAME: _set_name,
    PrctlOption.PR_GET_NAME: _get_name,
    PrctlOption.PR_GET_SECCOMP: _nothing,
    PrctlOption.PR_CAPBSET_READ: _read_bounding_set,
    PrctlOption.PR_CAPBSET_DROP: _drop_from_bounding_set,
    PrctlOption.PR_GET_TSC: _get_tsc,
    PrctlOption.PR_SET_TSC: _set_tsc,
    PrctlOption.PR_GET_SECUREBITS: _get_securebits,
    PrctlOption.PR_SET_SECUREBITS: _set_securebits,
    PrctlOption.PR_SET_TIMERSLACK: _set_timer_slack,
    PrctlOption.PR_GET_TIMERSLACK: _get_timer_slack,
    PrctlOption.PR_TASK_PERF_EVENTS_DISABLE: _nothing,
    PrctlOption.PR_TASK_PERF_EVENTS_ENABLE: _nothing,
    PrctlOption.PR_MCE_KILL: _set_memory_failure_policy,
    PrctlOption.PR_MCE_KILL_GET: _get_memory_failure_policy,
    PrctlOption.PR_SET_CHILD_SUBREAPER: _set_subreaper,
    PrctlOption.PR_GET_CHILD_SUBREAPER: _get_subreaper,
    PrctlOption.PR_SET_NO_NEW_PRIVS: _set_no_new_privileges,
    PrctlOption.PR_GET_NO_NEW_PRIVS: _get_no_new_privileges,
    PrctlOption.PR_USER_FAULTS: _user_faults,
    PrctlOption.PR_GET_TID_ADDRESS: _get_tid_address,
    PrctlOption.PR_SET_THP_DISABLE: _set_thp_disable,
    PrctlOption.PR_GET_THP_DISABLE: _get_thp_disable,
    PrctlOption.PR_CAP_AMBIENT: _ambient,
    PrctlOption.PR_GET_SPECULATION_CTRL: _get_speculation,
    PrctlOption.PR_SET_SPECULATION_CTRL: _set_speculation,
    PrctlOption.PR_SET_IO_FLUSHER: _set_io_flusher,
    PrctlOption.PR_GET_IO_FLUSHER: _get_io_flusher,
    PrctlOption.PR_SET_MDWE: _set_mdwe,
    PrctlOption.PR_GET_MDWE: _get_mdwe,
    PrctlOption.PR_GET_MEMORY_MERGE: _nothing,
}
