"""Traps, as values: exceptions of an instruction or a delivery that the caller must still act on."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.arch import exceptions


class Trap(NamedTuple):
    """An exception: `address` is CR2 of a #PF, DR6 of a #DB; `error_code` as the CPU would push it, and 0 where it
    pushes none.
    """

    vector: int
    error_code: int = 0
    address: int = 0

    @property
    def has_error_code(self) -> bool:
        """Whether the CPU pushes an error code for this exception."""
        return self.vector in exceptions.HAS_ERROR_CODE

    def __str__(self) -> str:
        if self.vector == exceptions.PF:
            return f"#PF({self.error_code:#x}) at {self.address:#x}"
        code = f"({self.error_code:#x})" if self.has_error_code else ""
        return exceptions.name(self.vector) + code
