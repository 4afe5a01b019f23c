"""Job control: which group may use a terminal, what a session's end or a hang-up does (drivers/tty/tty_jobctrl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.signal import SIG_IGN
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.signal.send import send_to_process
from kernel_model.task.credentials import CAP_SYS_ADMIN
from kernel_model.task.groups import is_orphaned, members
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.signals import bit
from kernel_model.wait.queue import Blocked

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.terminals.terminal import Terminal
    from kernel_model.task.controlling_terminal import ControllingTerminal
    from kernel_model.task.kernel import Kernel
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu


def send_to_group(kernel: Kernel, cpu: Cpu, group: int, signo: Signal) -> None:
    """Send a signal of the kernel to every process of `group`."""
    for process in members(kernel.processes, group):
        send_to_process(kernel, cpu, SigInfo.from_kernel(signo), process)


def is_leader(process: Process) -> bool:
    """Whether it leads its session."""
    return process.session == process.pid


def check_foreground(call: Caller, terminal: ControllingTerminal, signo: Signal) -> None:
    """Linux: tty_check_change; stop the caller's group with SIGTTIN or SIGTTOU if it is in the background.

    Raises LinuxError EIO for what cannot be stopped; Blocked: the call starts again behind the signal.
    """
    process = call.process
    if process.terminal is not terminal or not terminal.group or process.group == terminal.group:
        return
    blocked = bool(call.task.signals.blocked & bit(signo))
    if blocked or process.signals.handlers.actions[signo].handler == SIG_IGN:
        if signo == Signal.SIGTTIN:
            raise LinuxError(Errno.EIO)
        return
    if is_orphaned(call.kernel.processes, process.group):
        raise LinuxError(Errno.EIO)
    send_to_group(call.kernel, call.cpu, process.group, signo)
    raise Blocked(deadline=call.cpu.clock, why="the terminal's foreground")


def take_if_free(call: Caller, terminal: Terminal, file: File) -> None:
    """open without O_NOCTTY: a session's leader without a terminal gets this one, if no session has it."""
    if is_leader(call.process) and call.process.terminal is None and not terminal.session and file.readable:
        _control(call, terminal)


def take(call: Caller, terminal: Terminal, file: File, *, steal: bool) -> None:
    """TIOCSCTTY. `steal`: from another session, as root. Raises LinuxError EPERM."""
    process, privileged = call.process, call.task.credentials.has(CAP_SYS_ADMIN)
    if is_leader(process) and terminal.session == process.session:
        return
    if not is_leader(process) or process.terminal is not None:
        raise LinuxError(Errno.EPERM)
    if terminal.session:
        if not steal or not privileged:
            raise LinuxError(Errno.EPERM)
        _clear_session(call.kernel, terminal.session)
    if not file.readable and not privileged:
        raise LinuxError(Errno.EPERM)
    _control(call, terminal)


def _control(call: Caller, terminal: Terminal) -> None:
    terminal.session, terminal.group = call.process.session, call.process.group
    call.process.terminal, call.process.lost_group = terminal, 0


def _clear_session(kernel: Kernel, session: int) -> None:
    for process in kernel.processes.values():
        if process.session == session:
            process.terminal = None


def give_up(call: Caller, terminal: Terminal) -> None:
    """TIOCNOTTY. Raises LinuxError ENOTTY when it is not the caller's terminal."""
    if call.process.terminal is not terminal:
        raise LinuxError(Errno.ENOTTY)
    leave_session(call.kernel, call.cpu, call.process, exits=False)
    call.process.terminal = None


def leave_session(kernel: Kernel, cpu: Cpu, process: Process, *, exits: bool) -> None:
    """Linux: disassociate_ctty; a session's leader exits, or gives its terminal up: SIGHUP for the foreground group."""
    if not is_leader(process):
        return
    terminal, lost = process.terminal, process.lost_group
    process.lost_group = 0
    if terminal is None:
        if exits and lost:
            send_to_group(kernel, cpu, lost, Signal.SIGHUP)
            send_to_group(kernel, cpu, lost, Signal.SIGCONT)
        return
    group = terminal.group
    terminal.session = terminal.group = 0
    _clear_session(kernel, process.session)
    if group:
        send_to_group(kernel, cpu, group, Signal.SIGHUP)
        if not exits:
            send_to_group(kernel, cpu, group, Signal.SIGCONT)


def hang_up(kernel: Kernel, cpu: Cpu, terminal: Terminal) -> None:
    """Linux: __tty_hangup; the session has no terminal any more, and its leader gets SIGHUP and SIGCONT."""
    session, group = terminal.session, terminal.group
    terminal.session = terminal.group = 0
    for process in list(kernel.processes.values()):
        if process.terminal is terminal:
            process.terminal = None
            if session and is_leader(process):
                process.lost_group = group
                for signo in (Signal.SIGHUP, Signal.SIGCONT):
                    send_to_process(kernel, cpu, SigInfo.from_kernel(signo), process)


def foreground(call: Caller, terminal: Terminal) -> int:
    """TIOCGPGRP. Raises LinuxError ENOTTY when it is not the caller's terminal."""
    if call.process.terminal is not terminal:
        raise LinuxError(Errno.ENOTTY)
    return terminal.group


def set_foreground(call: Caller, terminal: Terminal, group: int) -> None:
    """TIOCSPGRP. Raises LinuxError EINVAL, ESRCH, EPERM (a group of another session)."""
    if group < 0:
        raise LinuxError(Errno.EINVAL)
    found = [process for process in call.kernel.processes.values() if process.group == group]
    if not found:
        raise LinuxError(Errno.ESRCH)
    if all(process.session != call.process.session for process in found):
        raise LinuxError(Errno.EPERM)
    terminal.group = group


def check_own(call: Caller, terminal: Terminal) -> None:
    """TIOCSPGRP: raises LinuxError ENOTTY unless the terminal controls the caller's session."""
    if call.process.terminal is not terminal or terminal.session != call.process.session:
        raise LinuxError(Errno.ENOTTY)
