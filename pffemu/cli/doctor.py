"""pffemu doctor: checks that what pffemu needs is installed and behaves as expected."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final, NamedTuple

import typer
from rich.markup import escape
from rich.table import Table

from pffemu import compiled
from pffemu.asm import assemble
from pffemu.cli.terminal import out_console
from pffemu.engine import jit
from pffemu.errors import PffemuError, UnsupportedError
from pffemu.machine.machine import Machine
from pffemu.machine.stop import Exited

OLDEST_PYTHON: Final = (3, 11)
OLDEST_GDB: Final = 13
LARGE_RAM: Final = 16 << 30  # bytes
_ALL_RUNS: Final = ("Linux on x86_64",)
_HAS_KEYSTONE: Final = ("x86_64", "AMD64")  # as in pyproject.toml
_BUDGET: Final = 10_000  # instructions of a self-check


class Verdict(Enum):
    OK = "[green]ok[/]"
    WARN = "[yellow]warn[/]"
    FAIL = "[bold red]FAIL[/]"


class Finding(NamedTuple):
    verdict: Verdict
    what: str


def doctor() -> None:
    """Check this installation: versions, compiled functions, the engine's behaviour, memory. Exit code 1 on a failure.

    Example: pffemu doctor
    """
    findings = [(name, _safely(check)) for name, check in CHECKS.items()]
    table = Table(header_style="bold", title="pffemu doctor", title_justify="left", title_style="bold")
    for heading in ("check", "", "finding"):
        table.add_column(heading)
    for name, finding in findings:
        table.add_row(name, finding.verdict.value, escape(finding.what))  # `[plot]` is no style
    out_console().print(table)
    raise typer.Exit(int(any(finding.verdict is Verdict.FAIL for _, finding in findings)))


def _safely(check: Callable[[], Finding]) -> Finding:
    """The finding of `check`, also when it raises."""
    try:
        return check()
    except UnsupportedError as error:
        return Finding(Verdict.WARN, f"not checked: {error.what}")
    except PffemuError as error:
        return Finding(Verdict.FAIL, str(error).replace("\n  ", "; "))
    except Exception as error:
        return Finding(Verdict.FAIL, f"{type(error).__name__}: {error}")


def _python() -> Finding:
    fine = sys.version_info >= OLDEST_PYTHON
    return Finding(Verdict.OK if fine else Verdict.FAIL, f"{platform.python_version()} (3.11 or newer)")


def _package(name: str, oldest: tuple[int, ...], below: tuple[int, ...]) -> Callable[[], Finding]:
    def check() -> Finding:
        try:
            found = version(name)
        except PackageNotFoundError:
            return Finding(Verdict.FAIL, f"not installed: pip install {name}")
        numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
        wanted = f"{'.'.join(map(str, oldest))} or newer, below {'.'.join(map(str, below))}"
        fine = oldest <= numbers < below
        return Finding(Verdict.OK if fine else Verdict.WARN, f"{found} ({wanted})")

    return check


def _host() -> Finding:
    here = f"{platform.system()} on {platform.machine()}"
    if here in _ALL_RUNS:
        return Finding(Verdict.OK, here)
    missing = [] if sys.platform == "linux" else ["--root", "--sandbox", "timing calibrate"]
    return Finding(Verdict.WARN, f"{here}: not tested; without {', '.join([*missing, 'tests beside the CPU'])}")


def _keystone() -> Finding:
    found = _package("keystone-engine", (0, 9, 2), (1,))()
    if found.verdict is not Verdict.FAIL or platform.machine() in _HAS_KEYSTONE:
        return found
    return Finding(Verdict.WARN, "no wheel for this host: ELF programs run, assembly sources and benchmarks do not")


def _compiled() -> Finding:
    if jit.available():
        assert Machine(ram=1 << 20, cpus=1).cpus[0].mmu.fill.callback_address
        return Finding(Verdict.OK, f"numba {version('numba')} compiles the page walk and the instruction counter")
    why = "PFFEMU_JIT=0" if os.environ.get("PFFEMU_JIT") == "0" else "numba is missing: pip install 'pffemu[fast]'"
    return Finding(Verdict.WARN, f"not used, so runs are slower ({why}); results are the same")


def _mypyc() -> Finding:
    if compiled.IN_USE:
        return Finding(Verdict.OK, "the path of a fault is compiled (make compiled)")
    why = "PFFEMU_JIT=0" if os.environ.get("PFFEMU_JIT") == "0" else "make compiled, in a checkout with a C compiler"
    return Finding(Verdict.OK, f"the path of a fault runs as Python, two to three times slower ({why})")


def _exit_status(source: str) -> int:
    """Run a self-check guest; -1 when it did not exit by itself."""
    machine = Machine(ram=16 << 20, cpus=1)
    machine.load(assemble(source))
    stop = machine.run(_BUDGET)
    return stop.status if isinstance(stop, Exited) else -1


def _uintr_traps() -> Finding:
    """Unicorn must stop at CLUI and STUI, encoded much as RDPKRU and WRPKRU, and leave RAX alone."""
    status = _exit_status(UINTR_GUEST)
    if status == 1:
        return Finding(Verdict.OK, "STUI, CLUI and TESTUI trap and act")
    return Finding(Verdict.FAIL, f"the self-check guest ended with {status} instead of 1: install unicorn 2.1.4")


def _tlb_flush() -> Finding:
    """A page is mapped, touched, unmapped and touched again: the second touch must fault."""
    machine = Machine(ram=16 << 20, cpus=1)
    machine.load(assemble(TLB_GUEST))
    stop = machine.run(_BUDGET)
    if not isinstance(stop, Exited):
        return Finding(Verdict.OK, "an unmapped page is gone at once")
    return Finding(Verdict.FAIL, "a stale translation outlived munmap: install unicorn 2.1.4")


def _large_ram() -> Finding:
    Machine(ram=LARGE_RAM, cpus=1)
    return Finding(Verdict.OK, "16 GiB of guest RAM can be reserved")


def _extra(package: str, extra: str, brings: str) -> Callable[[], Finding]:
    """Checks a package that only some commands need."""

    def check() -> Finding:
        try:
            return Finding(Verdict.OK, f"{package} {version(package)}: {brings}")
        except PackageNotFoundError:
            return Finding(Verdict.WARN, f"no {brings} without {package}: pip install 'pffemu[{extra}]'")

    return check


def _compilers() -> Finding:
    found = [name for name in ("gcc", "clang", "zig") if shutil.which(name)]
    if find_spec("ziglang") is not None:
        found.append("ziglang")
    if found:
        return Finding(Verdict.OK, f"{', '.join(found)}: for tests in C")
    return Finding(Verdict.WARN, "none, so tests in C are skipped: gcc or clang, or pip install 'pffemu[c]'")


def _gdb() -> Finding:
    found = shutil.which("gdb")
    if found is None:
        return Finding(Verdict.WARN, "not installed; only `pffemu gdb` is for it")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    match = re.search(r"\b(\d+)\.(\d+)", told)
    number = match[0] if match is not None else "of an unknown version"
    old = match is not None and int(match[1]) < OLDEST_GDB
    return Finding(Verdict.WARN if old else Verdict.OK, f"{number} at {found} ({OLDEST_GDB} or newer)")


UINTR_GUEST: Final = """
_start:
    mov eax, 60
    stui
    testui
    setc dil
    clui
    testui
    setc sil
    cmp eax, 60
    jne wrong
    movzx edi, dil
    movzx esi, sil
    add esi, esi
    add edi, esi
    syscall
wrong:
    mov edi, 99
    mov eax, 60
    syscall
"""

TLB_GUEST: Final = """
_start:
    mov eax, 9
    xor edi, edi
    mov esi, 4096
    mov edx, 3
    mov r10d, 0x22
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rbx, rax
    mov [rbx], rax
    mov eax, 11
    mov rdi, rbx
    mov esi, 4096
    syscall
    mov rax, [rbx]
    xor edi, edi
    mov eax, 60
    syscall
"""

CHECKS: Final[dict[str, Callable[[], Finding]]] = {
    "Python": _python,
    "host": _host,
    "unicorn": _package("unicorn", (2, 1, 4), (2, 2)),
    "keystone-engine": _keystone,
    "capstone": _package("capstone", (5, 0, 6), (6,)),
    "compiled functions": _compiled,
    "compiled modules": _mypyc,
    "user-interrupt instructions": _uintr_traps,
    "TLB flush": _tlb_flush,
    "guest RAM": _large_ram,
    "extra plot": _extra("matplotlib", "plot", "figures"),
    "extra tui": _extra("textual", "tui", "panes in `pffemu debug`"),
    "extra web": _extra("textual-serve", "web", "`pffemu debug --web`"),
    "extra trace": _extra("perfetto", "trace", ".pftrace files"),
    "extra test": _extra("pytest", "test", "tests of fault delivery"),
    "C compiler": _compilers,
    "gdb": _gdb,
}
