"""The kernel's warnings to the user: each one once, as an event."""

from __future__ import annotations

from typing import Final

from pffemu.events.kernel import Warned
from pffemu.hw.cpu import Cpu

_MOST: Final = 100  # a guest that keeps causing new warnings must not fill the terminal, or memory


class Printk:
    def __init__(self) -> None:
        self._said: set[str] = set()

    def warn_once(self, cpu: Cpu, what: str, key: str = "") -> None:
        """Warn of `what`, unless it (or its `key`) was warned of before, or _MOST warnings were made."""
        if len(self._said) > _MOST or (key or what) in self._said:
            return
        self._said.add(key or what)
        cpu.emit(Warned, what if len(self._said) <= _MOST else f"{_MOST} warnings are enough: there will be no more")
