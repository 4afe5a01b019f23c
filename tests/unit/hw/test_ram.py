"""RAM on its own: a store by the kernel or a device makes cores forget the code of the frames it changes."""

from __future__ import annotations

from pffemu.hw.fill import SEARCHED, TRANSLATED
from pffemu.hw.ram import Ram


def test_a_store_makes_every_core_forget_the_code_of_the_frames_that_it_touches() -> None:
    ram, forgotten = Ram(1 << 20), []
    ram.translators += [lambda frame: forgotten.append((0, frame)), lambda frame: forgotten.append((1, frame))]
    ram.frames[3], ram.frames[5] = SEARCHED, SEARCHED | TRANSLATED
    ram.store(0x2FFE, b"abc")
    assert forgotten == [(0, 3), (1, 3)]
    assert ram.octets[0x2FFE:0x3001] == b"abc"
    assert (ram.frames[3], ram.frames[5]) == (0, SEARCHED | TRANSLATED)
    ram.store(0x3000, b"")
    ram.store(0x4000, bytes(4096))
    assert len(forgotten) == 2
    ram.store(0x4FFF, b"xy")
    assert forgotten[2:] == [(0, 5), (1, 5)]


def test_forgotten_frames_are_as_in_new_ram() -> None:
    ram = Ram(1 << 20)
    ram.frames[7] = TRANSLATED
    ram.forget_frames()
    assert not any(ram.frames)
