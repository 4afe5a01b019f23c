"""The ioctls of terminals (drivers/tty/tty_io.c, tty_ioctl.c, pty.c). At both ends the modes are the slave's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_model.abi import terminal as abi
from kernel_model.abi.files import O_CLOEXEC, O_NOCTTY
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.files.terminals import jobs
from kernel_model.files.terminals.modes import (
    TERMIO_SIZE,
    TERMIOS2_SIZE,
    TERMIOS_SIZE,
    Modes,
    WindowSize,
    check_discipline,
)
from kernel_model.files.terminals.terminal import AT_ONCE
from kernel_model.task.credentials import CAP_SYS_ADMIN

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.terminals.end import TerminalEnd

_CLOCAL: Final = 0x800
_WINSIZE, _SERIAL = 8, 72  # bytes of struct winsize, struct serial_struct
_KEYS: Final = (Signal.SIGINT, Signal.SIGQUIT, Signal.SIGTSTP)
_CHANGES: Final = (  # those that stop a process in the background
    abi.TIOCSETD, abi.TIOCSBRK, abi.TIOCCBRK, abi.TCSBRK, abi.TCSBRKP, abi.TCXONC, abi.TCFLSH, abi.TCSETS, abi.TCSETSW,
    abi.TCSETSF, abi.TCSETS2, abi.TCSETSW2, abi.TCSETSF2, abi.TCSETA, abi.TCSETAW, abi.TCSETAF, abi.TIOCSPGRP,
)  # fmt: skip
Request = Callable[["TerminalEnd", "Caller", int], int]


def ioctl(end: TerminalEnd, call: Caller, request: int, argument: int) -> int:
    """Raises LinuxError ENOTTY for what terminals have not; Blocked."""
    setter = _SETTERS.get(request)
    found = _REQUESTS.get(request) or (_OF_MASTERS.get(request) if end.is_master else None)
    if request == abi.TIOCGPTPEER and not end.is_master:
        raise LinuxError(Errno.EIO)
    if setter is None and found is None:
        raise LinuxError(Errno.ENOTTY)
    if request in _CHANGES:
        _check_change(end, call, request)
    if setter is not None:
        size, change, flushes = setter
        end.terminal.change(call.cpu, change(end.terminal.modes, call.memory.read(argument, size)))
        if flushes:
            end.terminal.flush_input(call.cpu)
        return 0
    assert found is not None
    return found(end, call, argument)


def _check_change(end: TerminalEnd, call: Caller, request: int) -> None:
    """Raises LinuxError EIO (ENOTTY of TIOCSPGRP) for what may not change it from the background; Blocked."""
    try:
        jobs.check_foreground(call, end.terminal, Signal.SIGTTOU)
    except LinuxError:
        if request == abi.TIOCSPGRP:
            raise LinuxError(Errno.ENOTTY) from None
        raise


def _read_int(call: Caller, argument: int) -> int:
    return int(struct.unpack("<i", call.memory.read(argument, 4))[0])


def _privileged(call: Caller) -> None:
    """Raises LinuxError EPERM."""
    if not call.task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(Errno.EPERM)


def _nothing(end: TerminalEnd, call: Caller, argument: int) -> int:
    return 0


# -- modes ----------------------------------------------------------------------------------------------------------


def _get_termios(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write(argument, end.terminal.modes.termios())
    return 0


def _get_termios2(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write(argument, end.terminal.modes.termios2())
    return 0


def _get_termio(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write(argument, end.terminal.modes.termio())
    return 0


def _get_locked(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write(argument, end.terminal.locked_modes)
    return 0


def _set_locked(end: TerminalEnd, call: Caller, argument: int) -> int:
    """Kept, without effect."""
    _privileged(call)
    end.terminal.locked_modes = call.memory.read(argument, TERMIOS_SIZE)
    return 0


def _get_carrier(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, int(bool(end.terminal.modes.control & _CLOCAL)))
    return 0


def _set_carrier(end: TerminalEnd, call: Caller, argument: int) -> int:
    _read_int(call, argument)
    return 0


def _get_size(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write(argument, end.terminal.size.pack())
    return 0


def _set_serial(end: TerminalEnd, call: Caller, argument: int) -> int:
    """TIOCSSERIAL. Raises LinuxError ENOTTY, behind the copy."""
    call.memory.read(argument, _SERIAL)
    raise LinuxError(Errno.ENOTTY)


def _set_size(end: TerminalEnd, call: Caller, argument: int) -> int:
    end.terminal.resize(call.cpu, WindowSize.unpack(call.memory.read(argument, _WINSIZE)))
    return 0


def _get_discipline(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, abi.N_TTY)
    return 0


def _set_discipline(end: TerminalEnd, call: Caller, argument: int) -> int:
    check_discipline(_read_int(call, argument))
    return 0


# -- bytes ----------------------------------------------------------------------------------------------------------


def _waiting(end: TerminalEnd, call: Caller, argument: int) -> int:
    terminal = end.terminal
    count = min(len(terminal.written), AT_ONCE) if end.is_master else terminal.line.input.waiting(terminal.modes)
    call.memory.write_u32(argument, count)
    return 0


def _unsent(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, 0)
    return 0


def _flush(end: TerminalEnd, call: Caller, argument: int) -> int:
    """TCFLSH."""
    terminal, cpu = end.terminal, call.cpu
    what = argument & 0xFFFF_FFFF
    if what not in (abi.TCIFLUSH, abi.TCOFLUSH, abi.TCIOFLUSH):
        raise LinuxError(Errno.EINVAL)
    if end.is_master:
        if what != abi.TCOFLUSH:
            terminal.read_by_master(cpu, len(terminal.written))
        if what != abi.TCIFLUSH:
            terminal.typed.clear()
        return 0
    if what != abi.TCOFLUSH:
        terminal.flush_input(cpu)
    if what != abi.TCIFLUSH:
        terminal.flushed(cpu, abi.TIOCPKT_FLUSHWRITE)
    return 0


def _flow(end: TerminalEnd, call: Caller, argument: int) -> int:
    """TCXONC: stop and start output, or ask the other end to."""
    terminal, cpu, what = end.terminal, call.cpu, argument & 0xFFFF_FFFF
    if what not in (abi.TCOOFF, abi.TCOON, abi.TCIOFF, abi.TCION):
        raise LinuxError(Errno.EINVAL)
    if what in (abi.TCIOFF, abi.TCION):
        character = terminal.modes.characters[abi.VSTOP if what == abi.TCIOFF else abi.VSTART]
        if character != abi.DISABLED:
            end.put(call, bytes((character,)))
    elif end.is_master:
        return 0
    elif what == abi.TCOOFF:
        terminal.stop(cpu)
        terminal.stopped_by_call = True
    elif terminal.stopped_by_call:
        terminal.stopped_by_call = False
        terminal.start(cpu)
    return 0


def _type(end: TerminalEnd, call: Caller, argument: int) -> int:
    """TIOCSTI: a byte as if it was typed. Raises LinuxError EPERM."""
    if call.process.terminal is not end.terminal:
        _privileged(call)
    character = call.memory.read(argument, 1)
    if end.is_master:
        end.terminal.written += character
        end.terminal.wake(call.cpu, end.terminal.master_queue)
    else:
        end.terminal.type(call.cpu, character)
    return 0


# -- jobs -----------------------------------------------------------------------------------------------------------


def _take(end: TerminalEnd, call: Caller, argument: int) -> int:
    jobs.take(call, end.terminal, end, steal=argument == 1)
    return 0


def _give_up(end: TerminalEnd, call: Caller, argument: int) -> int:
    if end.is_master:
        raise LinuxError(Errno.ENOTTY)
    jobs.give_up(call, end.terminal)
    return 0


def _foreground(end: TerminalEnd, call: Caller, argument: int) -> int:
    group = end.terminal.group if end.is_master else jobs.foreground(call, end.terminal)
    call.memory.write_u32(argument, group)
    return 0


def _set_foreground(end: TerminalEnd, call: Caller, argument: int) -> int:
    group = _read_int(call, argument)
    jobs.check_own(call, end.terminal)
    jobs.set_foreground(call, end.terminal, group)
    return 0


def _session(end: TerminalEnd, call: Caller, argument: int) -> int:
    if not end.is_master:
        jobs.foreground(call, end.terminal)
    if not end.terminal.session:
        raise LinuxError(Errno.ENOTTY)
    call.memory.write_u32(argument, end.terminal.session)
    return 0


def _set_exclusive(end: TerminalEnd, call: Caller, argument: int) -> int:
    end.terminal.exclusive = True
    return 0


def _set_shared(end: TerminalEnd, call: Caller, argument: int) -> int:
    end.terminal.exclusive = False
    return 0


def _get_exclusive(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, int(end.terminal.exclusive))
    return 0


def _hang_up(end: TerminalEnd, call: Caller, argument: int) -> int:
    _privileged(call)
    if end.is_master:
        end.terminal.terminals.close_master(call.cpu, end.terminal)
    else:
        end.terminal.terminals.hang_up(call.cpu, end.terminal)
    return 0


def _device(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, end.terminal.device)
    return 0


# -- of masters -----------------------------------------------------------------------------------------------------


def _number(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, end.terminal.number)
    return 0


def _lock(end: TerminalEnd, call: Caller, argument: int) -> int:
    end.terminal.locked = bool(_read_int(call, argument))
    return 0


def _is_locked(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, int(end.terminal.locked))
    return 0


def _packets(end: TerminalEnd, call: Caller, argument: int) -> int:
    terminal, on = end.terminal, bool(_read_int(call, argument))
    if on and not terminal.packets:
        terminal.status = 0
    terminal.packets = on
    return 0


def _has_packets(end: TerminalEnd, call: Caller, argument: int) -> int:
    call.memory.write_u32(argument, int(end.terminal.packets))
    return 0


def _signal(end: TerminalEnd, call: Caller, argument: int) -> int:
    """TIOCSIG: a key's signal. Raises LinuxError EINVAL."""
    signo = argument & 0xFFFF_FFFF
    if signo not in _KEYS:
        raise LinuxError(Errno.EINVAL)
    if end.terminal.group:
        jobs.send_to_group(call.kernel, call.cpu, end.terminal.group, Signal(signo))
    return 0


def _peer(end: TerminalEnd, call: Caller, argument: int) -> int:
    fd, flags = call.new_fd(), argument & 0xFFFF_FFFF
    call.without_terminal = bool(flags & O_NOCTTY)
    file = call.kernel.terminals.open_peer(call, end.terminal, flags & ~O_NOCTTY)
    return call.process.files.install(fd, file, bool(flags & O_CLOEXEC))


Setter = Callable[[Modes, bytes], Modes]
_SETTERS: Final[dict[int, tuple[int, Setter, bool]]] = {  # bytes, how, whether it drops what was typed
    abi.TCSETS: (TERMIOS_SIZE, Modes.with_termios, False), abi.TCSETSW: (TERMIOS_SIZE, Modes.with_termios, False),
    abi.TCSETSF: (TERMIOS_SIZE, Modes.with_termios, True), abi.TCSETS2: (TERMIOS2_SIZE, Modes.with_termios2, False),
    abi.TCSETSW2: (TERMIOS2_SIZE, Modes.with_termios2, False), abi.TCSETSF2: (TERMIOS2_SIZE, Modes.with_termios2, True),
    abi.TCSETA: (TERMIO_SIZE, Modes.with_termio, False), abi.TCSETAW: (TERMIO_SIZE, Modes.with_termio, False),
    abi.TCSETAF: (TERMIO_SIZE, Modes.with_termio, True),
}  # fmt: skip
_REQUESTS: Final[dict[int, Request]] = {
    abi.TCGETS: _get_termios, abi.TCGETS2: _get_termios2, abi.TCGETA: _get_termio, abi.TIOCGLCKTRMIOS: _get_locked,
    abi.TIOCSLCKTRMIOS: _set_locked, abi.TIOCGSOFTCAR: _get_carrier, abi.TIOCSSOFTCAR: _set_carrier,
    abi.TIOCGWINSZ: _get_size, abi.TIOCSWINSZ: _set_size, abi.TIOCGETD: _get_discipline, abi.TIOCSETD: _set_discipline,
    abi.TIOCINQ: _waiting, abi.TIOCOUTQ: _unsent, abi.TCFLSH: _flush, abi.TCXONC: _flow, abi.TIOCSTI: _type,
    abi.TCSBRK: _nothing, abi.TCSBRKP: _nothing, abi.TIOCSBRK: _nothing, abi.TIOCCBRK: _nothing,
    abi.TIOCSCTTY: _take, abi.TIOCNOTTY: _give_up, abi.TIOCGPGRP: _foreground, abi.TIOCSPGRP: _set_foreground,
    abi.TIOCGSID: _session, abi.TIOCEXCL: _set_exclusive, abi.TIOCNXCL: _set_shared, abi.TIOCGEXCL: _get_exclusive,
    abi.TIOCVHANGUP: _hang_up, abi.TIOCGDEV: _device, abi.TIOCSSERIAL: _set_serial,
}  # fmt: skip
_OF_MASTERS: Final[dict[int, Request]] = {
    abi.TIOCGPTN: _number, abi.TIOCSPTLCK: _lock, abi.TIOCGPTLCK: _is_locked, abi.TIOCPKT: _packets,
    abi.TIOCGPKT: _has_packets, abi.TIOCSIG: _signal, abi.TIOCGPTPEER: _peer,
}  # fmt: skip
