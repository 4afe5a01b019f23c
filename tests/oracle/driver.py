"""The program that runs the cases, the same on the host's CPU and in pffemu: assembled by pffemu's own assembler.

It maps the windows, catches every signal on a stack of its own, and then, for each case: sets memory, FXSAVE state,
flags and registers, jumps to the case's code, and writes down what is there when the code comes to its end or a signal
says that it did not. System calls of the cases themselves are refused (seccomp); in pffemu no case makes one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from guest.build import INCLUDE
from kernel_model.abi import uapi
from kernel_model.abi.uapi import Sys
from pffemu.asm import Program, assemble
from tests.oracle import layout
from tests.oracle.layout import GENERAL, PAGE, Window

CHUNK: Final = 64  # results are written out so many at a time, or as the table says
_MEMFD, _UFFD = 3, 4  # descriptors: the first that are free
_SETTERS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS", "SIGVTALRM")
_ARCH_SET_GS, _ARCH_SET_FS = 0x1001, 0x1002
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_TOP, _STACK = 0x7FFF_FFFF_F000, 8 << 20
_RLIMIT_CPU, _RLIMIT_CORE = 0, 4
_RW = uapi.PROT_READ | uapi.PROT_WRITE
_FIXED = uapi.MAP_FIXED_NOREPLACE
_REGISTERS_AT, _GREGS_SIZE = 56, 192
_MAY_FAIL, _OR_STOP = 1, 2  # what becomes of a failure: go on | no forwarding here


def _calls() -> list[tuple[int, int, tuple[int | str, ...]]]:
    """(what if it fails, number, arguments) of the calls that set everything up, in order."""
    size = 2 * PAGE * len(Window)
    calls: list[tuple[int, int, tuple[int | str, ...]]] = [
        (0, Sys.MEMFD_CREATE, ("name", 0)),
        (0, Sys.FTRUNCATE, (_MEMFD, size)),
    ]
    for window in Window:
        kind = uapi.MAP_PRIVATE if window is Window.PRIVATE else uapi.MAP_SHARED
        fd, at, offset = _MEMFD, window.boundary - PAGE, 2 * PAGE * window
        in_cache = uapi.MAP_SHARED | uapi.MAP_POPULATE | _FIXED  # UFFDIO_CONTINUE maps what the file has
        calls.append((0, Sys.MMAP, (window.alias - PAGE, 2 * PAGE, _RW, in_cache, fd, offset)))
        if window is Window.BEYOND_END:
            calls += [
                (0, Sys.MMAP, (at, PAGE, _RW, kind | uapi.MAP_POPULATE | _FIXED, fd, offset)),
                (0, Sys.MMAP, (at + PAGE, PAGE, _RW, kind | _FIXED, fd, size)),
            ]
        elif window is Window.COPIED:
            calls.append((0, Sys.MMAP, (at, 2 * PAGE, _RW, uapi.MAP_PRIVATE | _FIXED, fd, offset)))
        else:
            present = 0 if window.is_refilled else uapi.MAP_POPULATE
            calls.append((0, Sys.MMAP, (at, 2 * PAGE, _RW, kind | present | _FIXED, fd, offset)))
    calls += [
        (0, Sys.MPROTECT, (Window.READ_ONLY.boundary, PAGE, uapi.PROT_READ)),
        (0, Sys.MPROTECT, (Window.NONE.boundary, PAGE, 0)),
        (0, Sys.MUNMAP, (Window.UNMAPPED.boundary, PAGE)),
        (0, Sys.MPROTECT, (Window.WRITABLE_LOW.boundary - PAGE, PAGE, uapi.PROT_READ)),
        (0, Sys.SIGALTSTACK, ("signal_stack", 0)),
        *((0, Sys.RT_SIGACTION, (name, "action", 0, 8)) for name in _SETTERS),
        (0, Sys.ARCH_PRCTL, (_ARCH_SET_FS, layout.FS_BASE)),
        (0, Sys.ARCH_PRCTL, (_ARCH_SET_GS, layout.GS_BASE)),
        (0, Sys.PRLIMIT64, (0, _RLIMIT_CPU, "seconds", 0)),
        (0, Sys.PRLIMIT64, (0, _RLIMIT_CORE, "nothing", 0)),
        (0, Sys.SETITIMER, (1, "interval", 0)),
        (_MAY_FAIL, Sys.MUNMAP, (_TOP - _STACK, _STACK)),  # where the machine's stack is, and the host's is not
        (_MAY_FAIL, 157, (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        (_MAY_FAIL, 157, (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, "filter")),
        (_OR_STOP, Sys.UINTR_REGISTER_HANDLER, ("page_fault", "UINTR_HANDLER_FLAG_FORWARD_PF")),
        (0, Sys.UINTR_ALT_STACK, ("forward_stack_top", PAGE, 0)),
        (0, Sys.MUNMAP, (Window.COPIED.boundary - PAGE, 2 * PAGE)),
        (0, Sys.MMAP, (Window.COPIED.boundary - PAGE, 2 * PAGE, _RW, uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS | _FIXED,
                       -1 & (1 << 64) - 1, 0)),
        (0, Sys.USERFAULTFD, ("UFFD_USER_MODE_ONLY",)),
        (0, Sys.IOCTL, (_UFFD, "UFFDIO_API", "uffd_api")),
        (0, Sys.IOCTL, (_UFFD, "UFFDIO_REGISTER", "register_continued")),
        (0, Sys.IOCTL, (_UFFD, "UFFDIO_REGISTER", "register_copied")),
    ]  # fmt: skip
    return calls


def _call_table() -> str:
    rows = []
    for fails, number, arguments in _calls():
        words = [str(word) for word in (fails, number, *arguments, *(0,) * (6 - len(arguments)))]
        rows.append(f".quad {', '.join(words)}")
    return "\n".join(rows)


def _copy(source: str, target: str, size: int) -> str:
    """Through RAX, RCX and R8 to R11: SSE instructions may be what the engine runs one by one."""
    scratch, lines = ("rax", "rcx", "r8", "r9", "r10", "r11"), []
    for first in range(0, size, 8 * len(scratch)):
        some = list(zip(scratch, range(first, size, 8), strict=False))
        lines += [f"mov {name}, [{source} + {offset}]" for name, offset in some]
        lines += [f"mov [{target} + {offset}], {name}" for name, offset in some]
    return "\n".join(lines)


def _code() -> dict[str, str]:
    """What stands for the lines that begin with @."""
    registers = [(i, name) for i, name in enumerate(GENERAL) if name not in ("r15", "rsp")]
    segments = enumerate((3, 0, 4, 5, 2, 1))  # ds, es, fs, gs, ss, cs, as MOV numbers them
    return {
        "SET_MEMORY": _copy(f"r15 + {layout.MEMORY_AT}", "rdi", layout.MEMORY_SIZE),
        "LOAD_REGISTERS": "\n".join(f"mov {name}, [r15 + {_REGISTERS_AT + 8 * i}]" for i, name in registers),
        "SAVE_REGISTERS": "\n".join(f"mov [rip + saved + {8 * i}], {name}" for i, name in enumerate(GENERAL)),
        "KEEP_REGISTERS": _copy("rsi", f"r14 + {layout.RESULT_GREGS_AT}", _GREGS_SIZE),
        "KEEP_SIGNAL_REGISTERS": _copy("rdx + 40", f"r14 + {layout.RESULT_GREGS_AT}", _GREGS_SIZE),
        "KEEP_FX": _copy("rsi", f"r14 + {layout.RESULT_FX_AT}", layout.FX_SIZE),
        "KEEP_SEGMENTS": "\n".join(
            f".byte 0x8c, {0xC0 | number << 3:#x}\nmov [r14 + {32 + 2 * i}], ax" for i, number in segments
        ),
        "KEEP_MEMORY": _copy("rsi", f"r14 + {layout.RESULT_MEMORY_AT}", layout.MEMORY_SIZE),
        "CALLS": _call_table(),
    }


def _numbers() -> dict[str, int]:
    return {
        "MAY_FAIL": _MAY_FAIL, "OR_STOP": _OR_STOP, "REFILL": layout.REFILL, "RESET_SEGMENTS": layout.RESET_SEGMENTS,
        "PAGE": PAGE, "CASES": layout.CASES, "CASE_SIZE": layout.CASE_SIZE, "FX_AT": layout.FX_AT,
        "RSP_AT": _REGISTERS_AT + 8 * GENERAL.index("rsp"), "R15_AT": _REGISTERS_AT + 8 * GENERAL.index("r15"),
        "RFLAGS_AT": 8 * layout.GREGS.index("rflags"), "RESULT_SIZE": layout.RESULT_SIZE,
        "RESULTS_SIZE": CHUNK * layout.RESULT_SIZE, "RESULT_FX_AT": layout.RESULT_FX_AT,
        "RESULT_LOG_AT": layout.RESULT_LOG_AT, "LOG_FRAMES": layout.LOG_FRAMES, "FS_BASE": layout.FS_BASE,
        "GS_BASE": layout.GS_BASE, "ARCH_SET_FS": _ARCH_SET_FS, "ARCH_SET_GS": _ARCH_SET_GS, "UFFD": _UFFD,
        "TO_ALIAS": layout.ALIASES - layout.WINDOWS,
        "CONTINUED": Window.CONTINUED.boundary - PAGE, "COPIED": Window.COPIED.boundary - PAGE,
        "BPF_LOAD": _bpf(0x20, 0, 0, 12), "BPF_IF_DRIVER": _bpf(0x15, 0, 1, layout.TEXT >> 32),
        "BPF_ALLOW": _bpf(0x06, 0, 0, 0x7FFF_0000), "BPF_TRAP": _bpf(0x06, 0, 0, 0x3_0000),
    }  # fmt: skip


def _bpf(code: int, if_true: int, if_false: int, k: int) -> int:
    """struct sock_filter in a word."""
    return code | if_true << 16 | if_false << 24 | k << 32


@cache
def driver() -> Program:
    """The assembled driver."""
    source, code = (Path(__file__).parent / "driver.s").read_text(), _code()
    lines = [code[line[1:]] if line[:1] == "@" else line for line in source.splitlines()]
    return assemble("\n".join(lines), file="driver.s", base=layout.TEXT, defines=_numbers(), include_dirs=(INCLUDE,))
