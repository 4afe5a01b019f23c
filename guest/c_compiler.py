"""The C compiler of this host, for guests written in C: gcc or clang, or zig's clang from the extra `[c]`."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from importlib.util import find_spec
from typing import Final

NO_C_COMPILER: Final = (
    "no C compiler for x86-64 Linux: install gcc or clang, or pip install 'pffemu[c]', or name one in CC"
)
_OF_THE_SYSTEM: Final = ("gcc", "clang", "cc")
_ZIG: Final = ("-m", "ziglang", "cc", "-target", "x86_64-linux-musl")
_AS_OTHERS: Final = "-fno-sanitize=undefined"  # zig traps undefined behaviour unless told not to


def find_c_compiler() -> list[str] | None:
    """The command that compiles C for x86-64 Linux, without arguments; None: not found (message: NO_C_COMPILER).

    `$CC` comes first if it can be run, then the system's compilers, then zig. On hosts that are not x86-64, only
    cross compilers of the system count.
    """
    named = shlex.split(os.environ.get("CC", ""))
    if named and shutil.which(named[0]):
        return named
    native = platform.machine() in ("x86_64", "AMD64") and sys.platform == "linux"
    for name in _OF_THE_SYSTEM if native else ("x86_64-linux-gnu-gcc",):
        if shutil.which(name):
            return [name]
    if find_spec("ziglang") is not None:
        return [sys.executable, *_ZIG, _AS_OTHERS]
    return None
