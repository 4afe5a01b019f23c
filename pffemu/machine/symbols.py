"""Names for guest addresses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_model.task.task import Process
    from pffemu.machine.shared_objects import SharedObjects

_NEAR = 0x10000  # bytes behind a symbol that still count as its own


class SymbolTable(Mapping[str, int]):
    """Addresses by name, and names by address."""

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self._addresses = dict(symbols)
        self._sorted = sorted((address, name) for name, address in symbols.items())

    def __getitem__(self, name: str) -> int:
        return self._addresses[name]

    def __iter__(self) -> Iterator[str]:
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

    def start_below(self, address: int) -> int | None:
        """The address of the nearest symbol below `address`."""
        i = bisect_left(self._sorted, (address, "")) - 1
        return self._sorted[i][0] if i >= 0 else None


class ProcessSymbols(SymbolTable):
    """The names of a process: its program's, and behind them those of the shared objects that it has mapped."""

    def __init__(self, program: SymbolTable, objects: SharedObjects, process: Process) -> None:
        self._program, self._objects, self._process = program, objects, process

    def __getitem__(self, name: str) -> int:
        if name in self._program:
            return self._program[name]
        for found in self._objects.all(self._process):
            address = found.file.addresses.get(name)
            if address is not None:
                return address + found.bias
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for names in self._tables() for name in names))

    def __len__(self) -> int:
        return len({name for names in self._tables() for name in names})

    def _tables(self) -> list[Mapping[str, int]]:
        return [self._program, *(found.file.addresses for found in self._objects.all(self._process))]

    def describe(self, address: int) -> str:
        found = self._objects.at(self._process, address)
        return self._program.describe(address) if found is None else found.describe(address)

    def start_below(self, address: int) -> int | None:
        found = self._objects.at(self._process, address)
        return self._program.start_below(address) if found is None else found.start_below(address)
