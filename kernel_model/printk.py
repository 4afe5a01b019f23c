"""What the kernel tells the user: each thing once, as an event."""

from __future__ import annotations

from pffemu.events import Warned
from pffemu.hw.cpu import Cpu


class Printk:
    def __init__(self) -> None:
        self._said: set[str] = set()

    def warn_once(self, cpu: Cpu, what: str, key: str = "") -> None:
        """Say `what`, unless it (or its `key`) was said before."""
        if (key or what) not in self._said:
            self._said.add(key or what)
            cpu.emit(Warned, what)
