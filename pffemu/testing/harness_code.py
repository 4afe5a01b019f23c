"""The guest code around a block: real system calls that map, register and ask for forwarding, then the block.

It is appended to an assembly file, so it follows the block: a block without an exit falls through to `test.end`, where
the run stops. For a block in C it is a program of its own that calls the function. A set-up step that fails jumps to
`test.failed` with the result in RAX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel_model.abi import signal as uapi_signal
from kernel_model.abi import uapi
from kernel_model.abi.uapi import Signal, Sys
from kernel_model.mechanisms import HANDLER as REGISTERED_HANDLER
from kernel_model.mechanisms import UFFD as OPEN_UFFD
from kernel_model.mechanisms import Registration
from pffemu.testing.blocks import BEGIN, END
from pffemu.testing.directives import Directive
from pffemu.testing.fault_claims import RIP_AT, SIGNALS
from pffemu.testing.setup import Area, Setup, SignalHandler

SETUP: Final = "test.setup"
FAILED: Final = "test.failed"
HANDLER: Final = "handler"
RESTORER: Final = "test.restorer"
ACTION: Final = "test.sigaction"
SURVIVED: Final = "test.survived"  # the handler of `# fault: ... then LABEL`
STACK: Final = "test.sigstack"
NEXT: Final = "test.next"  # how many faults there were, and the labels to go on at
OWN_LABELS: Final = (SETUP, FAILED, RESTORER, ACTION, SURVIVED, STACK, NEXT, "test.api", "test.range")
_STACK: Final = 8192  # bytes
_THREAD_STACK: Final = 64 << 10  # bytes
_THREAD_FLAGS: Final = (
    uapi.CLONE_VM | uapi.CLONE_FS | uapi.CLONE_FILES | uapi.CLONE_SIGHAND | uapi.CLONE_THREAD | uapi.CLONE_SYSVSEM
)
_ANONYMOUS: Final = uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS


@dataclass(frozen=True, slots=True)
class HarnessCode:
    """Source lines, and the directive that each of them implements."""

    lines: tuple[str, ...]
    origins: tuple[Directive | None, ...]

    def origin(self, line: int) -> Directive | None:
        """The directive of the line with this index."""
        return self.origins[line] if 0 <= line < len(self.origins) else None


def harness_code(setup: Setup, function: str = "") -> HarnessCode:
    """The code behind an assembly file's text; the whole program when the block is the C function `function`."""
    begin = f".text\n{BEGIN}: {'jmp' if setup.libc else 'call'} {function}\n" if function else ".text\n"
    pieces: list[tuple[Directive | None, str]] = [(None, f"{begin}{END}: nop\n{_exit(0)}\n{FAILED}: nop\n{_exit(99)}")]
    if setup.signals or setup.survives:
        pieces.append((None, f"{RESTORER}: mov eax, {Sys.RT_SIGRETURN.value}\nsyscall"))
    if setup.survives:
        pieces.append((None, _survived()))
    pieces.append((None, f"{SETUP}: nop"))
    pieces += [(area.directive, _map(area)) for area in setup.areas]
    registered = [area for area in setup.areas if area.uffd is not None and setup.mode.mechanism.userfaultfd]
    if registered:
        place = "[uffd]" if function else "[rip + uffd]"  # C's own variable lies elsewhere
        pieces.append((registered[0].uffd, _open_userfaultfd(place)))
        pieces += [(area.uffd, _register(area, place)) for area in registered]
    registration = setup.mode.mechanism.registration
    if setup.forward is not None and registration is not None:
        pieces.append((setup.forward, _forward(registration, is_function=bool(function))))
    pieces += [(handler.directive, _signal(handler)) for handler in setup.signals]
    if setup.survives:
        taken = {handler.signal for handler in setup.signals}
        pieces.append((None, _checked(f"movabs rdi, {STACK}\n{_call(Sys.SIGALTSTACK, None, 0)}")))
        pieces += [(None, _action(each, SURVIVED, uapi_signal.SA_ONSTACK)) for each in SIGNALS if each not in taken]
    pieces += [(thread, _thread(thread.text, calls=bool(function))) for thread in setup.threads]
    pieces.append((None, f"jmp {BEGIN}\n.data\n.balign 8"))
    if setup.signals or setup.survives:
        pieces.append((setup.signals[0].directive if setup.signals else None, f"{ACTION}: .quad 0, 0, 0, 0"))
    if setup.survives:
        pieces.append((None, f"{NEXT}: .quad 0"))
        pieces += [(directive, f".quad {label}") for label, directive in setup.survives]
        pieces.append((None, f".quad {FAILED}\n{STACK}: .quad {STACK} + 24, 0, {_STACK}\n.skip {_STACK}"))
    if any(area.uffd for area in setup.areas):
        pieces.append((None, _uffd_data() if function else f"uffd: .quad -1\n{_uffd_data()}"))
    lines, origins = [], []
    for origin, text in pieces:
        for line in text.split("\n"):
            lines.append(line)
            origins.append(origin)
    return HarnessCode(tuple(lines), tuple(origins))


def _exit(status: int) -> str:
    return f"mov eax, {Sys.EXIT_GROUP.value}\nmov edi, {status}\nsyscall"


def _call(number: Sys, *arguments: object) -> str:
    """A system call with immediate arguments; None leaves that register as it is."""
    names = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
    loads = [f"mov {name}, {value}" for name, value in zip(names, arguments, strict=False) if value is not None]
    return "\n".join([*loads, f"mov eax, {number.value}", "syscall"])


def _checked(call: str) -> str:
    """`call`, followed by a jump to `test.failed` on an error."""
    return f"{call}\ncmp rax, -4096\nja {FAILED}"


def _map(area: Area) -> str:
    sharing = uapi.MAP_SHARED if area.shared else uapi.MAP_PRIVATE
    flags = sharing | uapi.MAP_ANONYMOUS | uapi.MAP_FIXED_NOREPLACE | uapi.MAP_NORESERVE
    return _checked(_call(Sys.MMAP, hex(area.start), hex(area.size), area.prot, flags, -1, 0))


def _open_userfaultfd(place: str) -> str:
    opening = _checked(_call(Sys.USERFAULTFD, uapi.O_CLOEXEC)) + f"\nmov {place}, rax"
    api = _call(Sys.IOCTL, None, uapi.UFFDIO_API)
    return f"{opening}\nmov rdi, rax\nlea rdx, [rip + test.api]\n{_checked(api)}"


def _register(area: Area, place: str) -> str:
    fields = f"mov rax, {area.start:#x}\nmov [rip + test.range], rax\nmov rax, {area.size:#x}\n"
    fields += f"mov qword ptr [rip + test.range + 16], {area.uffd_mode}\n"
    fields += f"mov [rip + test.range + 8], rax\nmov rdi, {place}\nlea rdx, [rip + test.range]\n"
    return fields + _checked(_call(Sys.IOCTL, None, uapi.UFFDIO_REGISTER))


def _forward(registration: Registration, *, is_function: bool) -> str:
    loads = []
    for name, value in zip(("rdi", "rsi", "rdx"), registration.arguments, strict=False):
        if value == REGISTERED_HANDLER:
            loads.append(f"mov {name}, {HANDLER}" if is_function else f"lea {name}, [rip + {HANDLER}]")
        elif value == OPEN_UFFD:
            loads.append(f"mov {name}, [{'' if is_function else 'rip + '}uffd]")
        else:
            loads.append(f"mov {name}, {value}")
    return "\n".join([*loads, _checked(_call(registration.call)), *[registration.then] * bool(registration.then)])


def _signal(handler: SignalHandler) -> str:
    return _action(handler.signal, handler.label, handler.flags)


def _action(signal: Signal, label: str, given: int) -> str:
    flags = given | uapi_signal.SA_SIGINFO | uapi_signal.SA_RESTORER
    values = (f"movabs rax, {label}", f"mov eax, {flags:#x}", f"movabs rax, {RESTORER}")
    stores = "".join(f"{load}\nmov [{ACTION} + {8 * i}], rax\n" for i, load in enumerate(values))
    call = _call(Sys.RT_SIGACTION, signal.value, None, 0, 8)
    return f"{stores}movabs rsi, {ACTION}\n{_checked(call)}"


def _survived() -> str:
    """The handler: the thread goes on at the next label of the table."""
    load = f"{SURVIVED}: movabs rax, {NEXT}\nmov rcx, [rax]\nmov rsi, [rax + 8 * rcx + 8]"
    return f"{load}\nmov [rdx + {RIP_AT}], rsi\ninc qword ptr [rax]\nret"


def _thread(label: str, *, calls: bool) -> str:
    """The new thread starts at its label with a stack of its own; its RAX is 0 there. A C function is called."""
    stack = _call(Sys.MMAP, 0, _THREAD_STACK, uapi.PROT_READ | uapi.PROT_WRITE, _ANONYMOUS | uapi.MAP_POPULATE, -1, 0)
    clone = _call(Sys.CLONE, _THREAD_FLAGS, None, 0, 0, 0)
    start = f"jnz 1f\ncall {label}\n{_call(Sys.EXIT, 0)}\n1:" if calls else f"jz {label}"
    return f"{_checked(stack)}\nlea rsi, [rax + {_THREAD_STACK}]\n{_checked(clone)}\ntest rax, rax\n{start}"


def _uffd_data() -> str:
    return f"test.api: .quad {uapi.UFFD_API}, 0, 0\ntest.range: .quad 0, 0, 0, 0"
