"""execve and execveat: another program in the same process (fs/exec.c)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_model.abi.files import AT_EMPTY_PATH, AT_EXECVE_CHECK, AT_FDCWD, AT_SYMLINK_NOFOLLOW
from kernel_model.abi.mman import READ_IMPLIES_EXEC
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call, as_int
from kernel_model.calls.open import open_files
from kernel_model.calls.prctl import NAME_SIZE
from kernel_model.calls.program import Executable, ProgramFiles, content_to_run
from kernel_model.files.tree.opened import place_of_file
from kernel_model.files.tree.permission import MAY_EXEC, check
from kernel_model.process import exit, robust_list
from kernel_model.task import setid, usage
from kernel_model.task.signals import AltStack
from pffemu.errors import OutOfGuestMemory
from pffemu.events.fields import Label
from pffemu.events.kernel import SyscallReturned

if TYPE_CHECKING:
    from kernel_model.files.tree.place import Place
    from kernel_model.mm.mm import Mm
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import SavedRegisters

_STRINGS_MAX: Final = 1 << 20  # bytes of arguments and environment
_POINTERS_MAX: Final = 1 << 16


def execve(call: Call, path: int, arguments: int, environment: int) -> int | None:
    """Errors, before anything changes: EFAULT, E2BIG, ENOENT, EACCES, ENOEXEC, ELOOP, ENOMEM, and those of paths."""
    name = call.memory.read_path(path)
    if not name:
        raise LinuxError(Errno.ENOENT)
    _execute(call, Start("execve", name, name), arguments, environment)
    return None


def execveat(call: Call, directory: int, path: int, arguments: int, environment: int, flags: int) -> int | None:
    """execve of a path from a directory, or of the open file itself (AT_EMPTY_PATH); AT_EXECVE_CHECK only asks.

    Errors as execve's; EINVAL, EBADF, and ELOOP for a link with AT_SYMLINK_NOFOLLOW.
    """
    name = call.memory.read_path(path)
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EXECVE_CHECK):
        raise LinuxError(Errno.EINVAL)
    if not name and not flags & AT_EMPTY_PATH:
        raise LinuxError(Errno.ENOENT)
    fd, closes, place = as_int(directory), False, None
    shown = name
    if not name.startswith(b"/") and fd != AT_FDCWD:
        descriptor = call.process.files.descriptor(fd)
        closes = descriptor.close_on_exec
        shown = b"/dev/fd/%d" % fd + (b"/" + name if name else b"")
        if not name:
            place = place_of_file(call, descriptor.file)
    if place is None:
        place = call.walk(directory, name or b".", follow=not flags & AT_SYMLINK_NOFOLLOW)
        if place.is_link:
            raise LinuxError(Errno.ELOOP)
    if flags & AT_EXECVE_CHECK:
        content_to_run(place)
        return 0
    comm = shown if name else place.name.removeprefix(b"/").removesuffix(b" (deleted)")
    _execute(call, Start("execveat", shown, comm, place, closes), arguments, environment)
    return None


class Start(NamedTuple):
    """What a call executes. `name`: the path as the program gets it (AT_EXECFN); `comm`: what names the thread.

    `place`: what the call has found already; `closes`: by a descriptor that the program will not have.
    """

    call: str
    name: bytes
    comm: bytes
    place: Place | None = None
    closes: bool = False


def _runnable(call: Call, place: Place) -> Place:
    """`place`, if the caller may execute what lies there. Raises LinuxError EACCES, ETXTBSY (open for writing)."""
    if stat.S_ISREG(place.mode):
        if place.mount is None or place.mount.listed:  # not the file that pffemu was told to run: a source, perhaps
            check(call, place, MAY_EXEC)
        if any(file.writable for file in open_files(call, place.identity)):
            raise LinuxError(Errno.ETXTBSY)
    return place


def _execute(call: Call, start: Start, arguments: int, environment: int) -> None:
    words = _strings(call, arguments) or [b""]
    variables = _strings(call, environment)
    if sum(map(len, words)) + sum(map(len, variables)) > _STRINGS_MAX:
        raise LinuxError(Errno.E2BIG)
    kernel, loader = call.kernel, call.kernel.program_loader
    assert loader is not None
    files = ProgramFiles(lambda path: _runnable(call, call.walk(AT_FDCWD, path)), loader, call.process)
    if start.place is None:
        found = files.find(start.name, words)
    else:
        found = files.at(_runnable(call, start.place), start.name, words, closes=start.closes)
    user, group = call.task.credentials.user, call.task.credentials.group
    found = found._replace(ids=(user.real, user.effective, group.real, group.effective))
    mm = kernel.create_mm()
    try:
        rip, rsp = loader.fill(mm, found, start.name, variables, kernel.random)
    except (LinuxError, OutOfGuestMemory) as error:
        kernel.release_mm(call.cpu, mm)
        raise error if isinstance(error, LinuxError) else LinuxError(Errno.ENOMEM) from None
    mm.settings = call.mm.settings.of_new_program()
    if user.real != user.effective or group.real != group.effective:
        mm.settings.dumpable = 0
    _replace(call, mm, found)
    call.task.name = name_of_program(start.comm)
    _start(call, rip, rsp)
    call.cpu.emit(SyscallReturned, Label(start.call), 0)


def name_of_program(path: bytes) -> bytes:
    """The thread's name (comm) after execve of `path`."""
    return path.rpartition(b"/")[2][: NAME_SIZE - 1]


def _text(word: bytes) -> str:
    return word.decode(errors="surrogateescape")


def _strings(call: Call, address: int) -> list[bytes]:
    """The strings of a list of pointers that ends with a null. Raises LinuxError EFAULT, E2BIG."""
    strings: list[bytes] = []
    size = 0
    while address:
        pointer = int.from_bytes(call.memory.read(address, 8), "little")
        if not pointer:
            break
        strings.append(call.memory.read_string(pointer, _STRINGS_MAX))
        size += len(strings[-1]) + 1
        if size > _STRINGS_MAX or len(strings) > _POINTERS_MAX:
            raise LinuxError(Errno.E2BIG)
        address += 8
    return strings


def _replace(call: Call, mm: Mm, found: Executable) -> None:
    """The point of no return: end the other threads; replace memory, handlers, close-on-exec descriptors."""
    kernel, cpu, process, task = call.kernel, call.cpu, call.process, call.task
    for other in [other for other in process.tasks if other is not task]:
        exit.kill_thread(kernel, cpu, other)
    robust_list.release(kernel, cpu, task)
    exit.forget_mm(kernel, cpu, task)
    kernel.uintr.forget(task)
    exit.abandon_faults(cpu, task)
    usage.keep_peak(process)
    task.settings.start_program()
    process.posix_timers.remove_all()
    task.credentials = setid.of_new_program(task.credentials, task.settings)
    old, process.mm = process.mm, mm
    process.image, process.exe, process.name = found.image, _text(found.path), _text(found.path)
    process.program = found.inode
    process.arguments = [_text(word) for word in found.arguments]
    process.has_execed, process.exit_signal = True, int(Signal.SIGCHLD)
    for child in process.children:
        child.parent_has_execed = True
    process.personality &= ~READ_IMPLIES_EXEC
    process.signals.handlers = process.signals.handlers.copy()
    process.signals.handlers.reset()
    if any(other.files is process.files for other in kernel.processes.values() if other is not process and other.tasks):
        process.files = process.files.copy()
    process.files.close_on_exec(cpu)
    if task.tid != process.pid:
        exit.close_accounts(kernel, task.tid)
    _reset(task)
    kernel.scheduler.change_program(cpu, task)
    exit.leave_mm(kernel, cpu, process, old)


def _reset(task: Task) -> None:
    task.tid, task.signals.altstack = task.process.pid, AltStack()
    task.clear_child_tid = task.robust_list = 0
    task.uintr.uif = False  # also of a thread that was not a receiver


def _start(call: Call, rip: int, rsp: int) -> None:
    engine = call.cpu.engine
    engine.load_registers(cleared(engine.save_registers()).replace(rip=rip, rsp=rsp))


def cleared(registers: SavedRegisters) -> SavedRegisters:
    """The registers that a program starts with, except for RIP and RSP."""
    names = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{n}" for n in range(8, 16)), "fs_base", "gs_base")
    return registers.with_fxsave(None).replace(**dict.fromkeys(names, 0), rflags=0x202)
