"""The physical bus: the device at each physical address outside RAM."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from pffemu.errors import UsageError
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import Mmio
from pffemu.hw.cpu import Cpu
from pffemu.hw.ram import Ram


class Device(Protocol):
    """A device on the bus. Offsets are from its first byte, sizes in bytes. A read has no side effect."""

    def read(self, offset: int, size: int) -> int: ...
    def write(self, offset: int, size: int, value: int) -> None: ...


class Window(NamedTuple):
    """The physical addresses at which a device answers."""

    name: Label
    start: int
    size: int
    device: Device


class Bus:
    """Devices that all cores see at the same place; devices of each core are mapped by `attach`."""

    def __init__(self, ram: Ram) -> None:
        self._ram = ram
        self.windows: list[Window] = []
        self.initiator: Cpu | None = None  # the core whose access is on the bus

    def add(self, name: str, start: int, size: int, device: Device) -> None:
        """Add a device. Raises UsageError where RAM without a hole, or another device, answers already."""
        self.windows.append(self.window(name, start, size, device))

    def window(self, name: str, start: int, size: int, device: Device) -> Window:
        """The Window of a device, where nothing else answers. Raises UsageError."""
        taken: list[tuple[str, int, int]] = [(window.name, window.start, window.size) for window in self.windows]
        taken += [("RAM", piece, length) for piece, length, _ in self._ram.pieces()]
        for other, other_start, other_size in taken:
            if start < other_start + other_size and other_start < start + size:
                what = f"{name} at {start:#x} overlaps {other} at {other_start:#x}"
                raise UsageError(what, remedy="give the device a row in pffemu/hw/devices.py, and a base of its own")
        return Window(Label(name), start, size, device)

    def attach(self, cpu: Cpu, own: Iterable[Window]) -> None:
        """Map every device, and the core's `own`, for guest code on `cpu`."""
        for window in (*self.windows, *own):
            cpu.engine.map_mmio(
                window.start,
                window.size,
                lambda offset, size, w=window: self._guest_load(cpu, w, offset, size),  # type: ignore[misc]
                lambda offset, size, value, w=window: self._guest_store(cpu, w, offset, size, value),
            )

    def load(self, cpu: Cpu, address: int, size: int) -> int:
        """A load by the kernel. Raises KeyError where no device is."""
        window = self._at(address)
        return self._load(cpu, window, address - window.start, size)

    def store(self, cpu: Cpu, address: int, size: int, value: int) -> None:
        """A store by the kernel. Raises KeyError where no device is."""
        window = self._at(address)
        self._store(cpu, window, address - window.start, size, value)

    def _at(self, address: int) -> Window:
        for window in self.windows:
            if window.start <= address < window.start + window.size:
                return window
        raise KeyError(f"no device at physical {address:#x}")

    def _load(self, cpu: Cpu, window: Window, offset: int, size: int) -> int:
        self.initiator = cpu
        value = window.device.read(offset, size)
        cpu.emit(Mmio, window.name, Hex(offset), size, 0, Hex(value))
        return value

    def _guest_load(self, cpu: Cpu, window: Window, offset: int, size: int) -> int:
        cpu.settle_counts()
        return self._load(cpu, window, offset, size)

    def _guest_store(self, cpu: Cpu, window: Window, offset: int, size: int, value: int) -> None:
        cpu.settle_counts()
        before = cpu.event_at
        self._store(cpu, window, offset, size, value)
        if cpu.event_at < before:
            cpu.look_up()

    def _store(self, cpu: Cpu, window: Window, offset: int, size: int, value: int) -> None:
        self.initiator = cpu
        window.device.write(offset, size, value)
        cpu.emit(Mmio, window.name, Hex(offset), size, 1, Hex(value))
