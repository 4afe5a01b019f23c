"""The choice between plain and compiled hooks: the same functions over flat state, with numba where it is installed.

The functions themselves stay ordinary Python over `memoryview`s of signed 64-bit words. Modules named `*_compiled` wrap
them for numba; they are imported only when a machine wants them, because importing numba takes 0.2 s.
"""

from __future__ import annotations

import importlib.util
import os
import sys

# what a core runs with plain hooks before they are compiled: it takes about as long as importing numba
WARM_UP = 500_000  # instructions
WARM_UP_BLOCKS = 100_000  # checked when a run begins


def available() -> bool:
    """True when compiled functions can be used: numba is installed and PFFEMU_JIT is not 0."""
    return os.environ.get("PFFEMU_JIT", "1") != "0" and importlib.util.find_spec("numba") is not None


def loaded() -> bool:
    """True when numba is already imported."""
    return "numba" in sys.modules
