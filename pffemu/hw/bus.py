"""The physical bus behind RAM: which device answers at which physical address."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pffemu.events.fields import Hex, Label
from pffemu.events.hw import Mmio
from pffemu.hw.apic_access import ApicPage
from pffemu.hw.cpu import Cpu


class Device(Protocol):
    """Offsets are from the device's first byte, sizes in bytes. A read has no side effect."""

    def read(self, offset: int, size: int) -> int: ...
    def write(self, offset: int, size: int, value: int) -> None: ...


class _Window(NamedTuple):
    name: Label
    start: int
    size: int
    device: Device


class Bus:
    """Devices every core sees at the same place; a core's local APIC is its own and is mapped by `attach`."""

    def __init__(self) -> None:
        self.windows: list[_Window] = []
        self.initiator: Cpu | None = None  # the core whose access is on the bus

    def add(self, name: str, start: int, size: int, device: Device) -> None:
        self.windows.append(_Window(Label(name), start, size, device))

    def attach(self, cpu: Cpu, apic_base: int, apic_size: int) -> None:
        """Let guest code on `cpu` reach every device, and its own APIC."""
        for window in (*self.windows, _Window(Label("local_apic"), apic_base, apic_size, ApicPage(cpu))):
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

    def _at(self, address: int) -> _Window:
        for window in self.windows:
            if window.start <= address < window.start + window.size:
                return window
        raise KeyError(f"no device at physical {address:#x}")

    def _load(self, cpu: Cpu, window: _Window, offset: int, size: int) -> int:
        value = window.device.read(offset, size)
        cpu.emit(Mmio, window.name, Hex(offset), size, 0, Hex(value))
        return value

    def _guest_load(self, cpu: Cpu, window: _Window, offset: int, size: int) -> int:
        cpu.settle_counts()
        return self._load(cpu, window, offset, size)

    def _guest_store(self, cpu: Cpu, window: _Window, offset: int, size: int, value: int) -> None:
        cpu.settle_counts()
        before = cpu.event_at
        self._store(cpu, window, offset, size, value)
        if cpu.event_at < before:
            cpu.look_up()

    def _store(self, cpu: Cpu, window: _Window, offset: int, size: int, value: int) -> None:
        self.initiator = cpu
        window.device.write(offset, size, value)
        cpu.emit(Mmio, window.name, Hex(offset), size, 1, Hex(value))
