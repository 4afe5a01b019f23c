"""The calibration program, guest/calibrate: built by this host's C compiler, for the host and for pffemu alike."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu.errors import PffemuError

SOURCES: Final = Path(__file__).parent / "calibrate"
_FLAGS: Final = ("-O1", "-w", "-static", "-pthread", "-D_GNU_SOURCE")
_WORDS: Final = 400  # characters of a compiler's message that are shown


def build(folder: Path) -> Path:
    """The executable, in `folder`. Raises PffemuError when there is no compiler, or when it fails."""
    compiler = find_c_compiler()
    if compiler is None:
        raise PffemuError(NO_C_COMPILER, where="calibrate", remedy="pip install 'pffemu[c]'")
    binary = folder / "calibrate"
    sources = sorted(map(str, SOURCES.glob("*.c")))
    done = subprocess.run([*compiler, *_FLAGS, "-o", str(binary), *sources], capture_output=True, text=True)
    if done.returncode != 0:
        raise PffemuError(
            f"{compiler[0]} failed: {done.stderr.strip()[:_WORDS]}", where="calibrate", remedy="another compiler, in CC"
        )
    return binary
