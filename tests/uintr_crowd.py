"""Guests of many threads that send each other user interrupts, and move, sleep, fork, give up and end meanwhile.

Thread i answers to vector i. Before each SENDUIPI a sender counts `sent[i]` up; the handler notes the count it finds in
`seen[i]`. All of it lies in memory that forked children share. SIGSEGV skips a SENDUIPI whose entry was given
back, SIGILL a SETTIMER whose leave was.
"""

from __future__ import annotations

from dataclasses import dataclass

from pffemu import Program
from tests.guest_tools import handle, plain_guest
from tests.uintr_guests import CLONE

SHARED = 0x5000_0000
SENT, SEEN, TABLE, FDS, UIPI_FD, DONE, SKIPPED = (SHARED + 512 * i for i in range(7))
_STACK, _ALT_STACK = 8192, 1024  # bytes, each thread


@dataclass(frozen=True)
class Member:
    """One thread: what it does, in order (see `step`), and whether it ends or stays to take what comes."""

    flags: int | None  # of uintr_register_handler; None: it is not a receiver
    steps: tuple[tuple[str, int], ...]
    ends: bool = False


@dataclass(frozen=True)
class Crowd:
    members: tuple[Member, ...]
    cores: int

    def loses_none(self) -> bool:
        """Whether no thread gives up a registration or an entry, which may drop interrupts sent through it."""
        return not any(
            name in ("again", "give up", "disconnect") for member in self.members for name, _ in member.steps
        )

    def program(self) -> Program:
        count = len(self.members)
        start = _START + "".join(CLONE.format(top=_STACK * (i + 1), entry=f"thread_{i}") for i in range(1, count))
        text = start + "".join(f"thread_{i}:\n{self._thread(i)}" for i in range(count)) + _HANDLERS
        data = (
            f"action: .quad skip, 0x04000004, restorer, 0\nspan: .quad 0, 2000\n.balign 16\n"
            f"stacks: .zero {_STACK * (count + 1)}\nalt_stacks: .zero {_ALT_STACK * (count + 1)}\n"
        )
        return plain_guest(_NAMES + text, data)

    def _thread(self, i: int) -> str:
        member, count = self.members[i], len(self.members)
        text = "" if member.flags is None else register(member.flags) + register_self(i) + vector_fd(i) + "stui\n"
        text += "".join(step(i, name, argument, self) for name, argument in member.steps)
        if i == 0:
            return text + _LAST.format(others=count - 1)
        text += f"lock inc qword ptr [{DONE}]\n"
        if member.ends:
            return text + "mov eax, SYS_exit\nsyscall\n"
        return text + _STAY.format(sleep=_SLEEP if member.flags else "pause")  # a WAITING flag is needed to be woken


def step(i: int, name: str, argument: int, crowd: Crowd) -> str:
    """Code of one step of thread `i`; `argument`: any number from 0 to 255, which means what suits the step."""
    other, receives = argument % len(crowd.members), crowd.members[i].flags is not None
    match name:
        case "send":
            return send(other)
        case "spin":
            return f"mov ecx, {1 + argument * 10}\n8: loop 8b\n"
        case "masked":
            return f"clui\n{send(other)}mov ecx, {1 + argument * 4}\n8: loop 8b\nstui\n"
        case "yield":
            return "mov eax, SYS_sched_yield\nsyscall\n"
        case "nap":
            return "mov eax, SYS_nanosleep\nlea rdi, [rip + span]\nxor esi, esi\nsyscall\n"
        case "wait":
            return f"mov eax, SYS_uintr_wait\nmov edi, {1 + argument % 10}\nxor esi, esi\nsyscall\n"
        case "move":
            mask = argument % ((1 << crowd.cores) - 1) + 1
            call = "mov rdx, rsp\nmov eax, SYS_sched_setaffinity\nxor edi, edi\nmov esi, 8\nsyscall\n"
            return f"push {mask}\n{call}pop rax\n"
        case "alt stack":
            top = f"lea rdi, [rip + alt_stacks + {_ALT_STACK * (i + 1)}]" if argument % 2 else "xor edi, edi"
            return f"{top}\nmov eax, SYS_uintr_alt_stack\nxor edx, edx\nsyscall\n"
        case "timer" if receives:
            arm = "settimerp" if argument % 2 else "settimer"
            allow = "mov eax, SYS_xui_kb_timer\nmov edi, 63\nmov esi, 1\nsyscall\n"
            return f"{allow}mov eax, {5000 + argument * 100}\n{arm} rax\n"
        case "give up" if receives:
            return _GIVE_UP + f"mov ecx, {1 + argument * 10}\n8: loop 8b\n"
        case "again" if receives:
            return _GIVE_UP + register((0, 0x1000, 0x2000)[argument % 3]) + "stui\n"
        case "close" if receives:
            return f"mov eax, SYS_close\nmov rdi, [{FDS + 8 * i}]\nsyscall\n" + vector_fd(i)
        case "disconnect":
            return _DISCONNECT.format(entry=TABLE + 8 * other)
        case "adopt":
            return _FORK.format(
                child=f"mov eax, SYS_ioctl\nmov rdi, [{UIPI_FD}]\nmov esi, 0x7500\nsyscall\n{send(other)}"
            )
        case "inherit":
            return _FORK.format(child=_CONNECT.format(fd=FDS + 8 * other, sent=SENT + 8 * other))
    return ""


def register(flags: int) -> str:
    return f"mov eax, SYS_uintr_register_handler\nlea rdi, [rip + handler]\nmov esi, {flags}\nsyscall\n"


def register_self(i: int) -> str:
    call = f"mov eax, SYS_uintr_register_self\nmov edi, {i}\nxor esi, esi\nsyscall\n"
    return f"{call}inc rax\nmov [{TABLE + 8 * i}], rax\n"


def vector_fd(i: int) -> str:
    return f"mov eax, SYS_uintr_vector_fd\nmov edi, {i}\nxor esi, esi\nsyscall\nmov [{FDS + 8 * i}], rax\n"


def send(other: int) -> str:
    count = f"lock inc qword ptr [{SENT + 8 * other}]\nsenduipi rax\n"
    return f"mov rax, [{TABLE + 8 * other}]\ndec rax\njs 9f\n{count}9:\n"


_NAMES = f".equ SEEN, {SEEN}\n.equ SENT, {SENT}\n.equ SKIPPED, {SKIPPED}\n"
_START = f"""
    mov eax, SYS_mmap
    mov edi, {SHARED}
    mov esi, 4096
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    {handle("SIGSEGV")}
    {handle("SIGILL")}
    mov eax, SYS_uintr_ipi_fd
    xor edi, edi
    syscall
    mov [{UIPI_FD}], rax
"""
_GIVE_UP = "clui\nmov eax, SYS_uintr_unregister_handler\nxor edi, edi\nsyscall\n"
_DISCONNECT = """
    mov rdi, [{entry}]
    dec rdi
    js 9f
    mov qword ptr [{entry}], 0
    mov eax, SYS_uintr_unregister_sender
    xor esi, esi
    syscall
9:
"""
_FORK = """
    mov eax, SYS_fork
    syscall
    test rax, rax
    jnz 7f
    {child}
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
7:
"""
_CONNECT = """
    mov eax, SYS_uintr_register_sender
    mov rdi, [{fd}]
    xor esi, esi
    syscall
    test rax, rax
    js 9f
    lock inc qword ptr [{sent}]
    senduipi rax
9:
"""
_SLEEP = "mov eax, SYS_uintr_wait\nmov edi, 1000000\nxor esi, esi\nsyscall\n"
_STAY = """
    stui
8:  {sleep}
    mov eax, SYS_sched_yield
    syscall
    jmp 8b
"""
# the first thread ends the process, when the others are done and had time to take what is on its way
_LAST = f"""
    stui
8:  mov eax, SYS_sched_yield
    syscall
    cmp qword ptr [{DONE}], {{others}}
    jb 8b
    mov ebx, 300
8:  mov eax, SYS_sched_yield
    syscall
    pause
    dec ebx
    jnz 8b
    xor edi, edi
    jmp leave_with_edi
"""
_HANDLERS = """
handler:
    push rax
    push rcx
    mov rax, [rsp + 16]
    cmp rax, 63
    je 9f
    mov rcx, [SENT + 8*rax]
    mov [SEEN + 8*rax], rcx
9:  pop rcx
    pop rax
    add rsp, 8
    uiret
skip:
    lock inc qword ptr [SKIPPED]
    add qword ptr [rdx + 168], 4
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
"""
