"""One semantics, two speeds: plain functions over flat state, compiled by numba where it is installed and wanted.

The functions themselves stay ordinary Python over `memoryview`s of signed 64-bit words. Modules named `*_compiled` wrap
them for numba; they are imported only when a machine wants them, because importing numba takes 0.2 s.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Final

# what a core runs with plain hooks, in about the time importing numba takes
WARM_UP: Final = 500_000  # instructions
WARM_UP_BLOCKS: Final = 100_000  # looked at when a run begins


def available() -> bool:
    """True when compiled functions can be used: numba is installed and PFFEMU_JIT is not 0."""
    return os.environ.get("PFFEMU_JIT", "1") != "0" and importlib.util.find_spec("numba") is not None


def loaded() -> bool:
    """True when compiled functions cost no import any more."""
    return "numba" in sys.modules
