"""Names for guest addresses."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

_NEAR = 0x10000  # bytes behind a symbol that still count as its own


class SymbolTable(Mapping[str, int]):
    """Addresses by name, and names by address."""

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self._addresses = dict(symbols)
        self._sorted = sorted((address, name) for name, address in symbols.items())

    def __getitem__(self, name: str) -> int:
        return self._addresses[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._addresses)

    def __len__(self) -> int:
        return len(self._addresses)

    def describe(self, address: int) -> str:
        """`main+0x12`, or the bare address when no symbol is near below it."""
        i = bisect_right(self._sorted, (address, "\U0010ffff")) - 1
        if i < 0 or address - self._sorted[i][0] >= _NEAR:
            return f"{address:#x}"
        start, name = self._sorted[i]
        return name if start == address else f"{name}+{address - start:#x}"
