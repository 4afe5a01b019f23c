"""The choice between plain and compiled hooks: the same functions over flat state, with numba where it is installed.

The functions themselves stay ordinary Python over `memoryview`s of signed 64-bit words. Modules named `*_compiled` wrap
them for numba; what it has compiled once comes from native_code, because importing numba takes 0.3 s and 75 MB.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Final, NamedTuple

from pffemu.engine import native_code


class WarmUp(NamedTuple):
    """What a core runs with plain hooks, before it has compiled ones: it takes about as long as their coming."""

    instructions: int
    blocks: int  # checked when a run begins


WARM_UP = WarmUp(500_000, 100_000)  # until numba has been imported, and has perhaps compiled them
SHORT_WARM_UP = WarmUp(25_000, 5_000)  # where they are kept: until the engine's TLB has grown
OF_A_CORE: Final = (
    "pffemu.engine.block_counter_compiled", "pffemu.engine.careful_code_compiled", "pffemu.hw.tlb_fill_compiled",
    "pffemu.hw.translated_blocks_compiled",
)  # fmt: skip


def available() -> bool:
    """True when compiled functions can be used: numba is installed and PFFEMU_JIT is not 0."""
    return os.environ.get("PFFEMU_JIT", "1") != "0" and importlib.util.find_spec("numba") is not None


def loaded() -> bool:
    """True when numba is already imported."""
    return "numba" in sys.modules


def warm_up() -> WarmUp:
    """That of a core whose hooks shall be compiled, if its guest runs for a while."""
    return SHORT_WARM_UP if native_code.are_kept(*OF_A_CORE) else WARM_UP
