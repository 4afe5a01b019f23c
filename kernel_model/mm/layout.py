"""Where execve put things in an address space (mm_struct: start_code to env_end, saved_auxv)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryLayout:
    """Addresses; all 0 of an address space without a program. `auxv`: its bytes, with AT_NULL."""

    start_code: int = 0
    end_code: int = 0
    start_data: int = 0
    end_data: int = 0
    start_stack: int = 0
    arg_start: int = 0
    arg_end: int = 0
    env_start: int = 0
    env_end: int = 0
    auxv: bytes = b""
