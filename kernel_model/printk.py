"""What the kernel tells the user: each thing once, as an event."""

from __future__ import annotations

from typing import Final

from pffemu.events.kernel import Warned
from pffemu.hw.cpu import Cpu

_MOST: Final = 100  # a guest that asks for ever new things must not fill the terminal, or memory


class Printk:
    def __init__(self) -> None:
        self._said: set[str] = set()

    def warn_once(self, cpu: Cpu, what: str, key: str = "") -> None:
        """Say `what`, unless it (or its `key`) was said before, or too much was."""
        if len(self._said) > _MOST or (key or what) in self._said:
            return
        self._said.add(key or what)
        cpu.emit(Warned, what if len(self._said) <= _MOST else f"{_MOST} warnings are enough: there will be no more")
