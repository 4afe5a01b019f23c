"""Compares `scan_block` with the decoders, on encodings of every opcode and on random bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from pffemu.hw import ordinary
from pffemu.hw.ordinary import CLASSES, ESCAPES, PREFIXES, RESULTS, scan_block
from tests.ordinary.reference import Known, known

LONGEST: Final = 15  # bytes
_ODD_PREFIXES: Final = (
    b"\x66",
    b"\x2e",
    b"\x3e",
    b"\x26",
    b"\x36",
    b"\x64",
    b"\x65",
    b"\xf2",
    b"\xf3",
    b"\xf0",
    b"\x67",
)
_TIMES: Final = list(range(1, len(CLASSES) + 1))
Scan = Callable[..., int]


def encodings(random: Random) -> Iterator[bytes]:
    """Fifteen bytes that begin with each opcode of each map behind each kind of prefix; the rest is random."""
    for prefix in PREFIXES:
        for escape in ESCAPES:
            for opcode in range(256):
                odd = b"".join(random.choices(_ODD_PREFIXES, k=random.choice((0, 0, 0, 1, 1, 2))))
                rex = bytes((0x40 | random.randrange(16),)) if random.random() < 0.5 else b""
                head = odd + bytes.fromhex(prefix) + rex + bytes.fromhex(escape) + bytes((opcode,))
                yield (head + random.randbytes(LONGEST))[:LONGEST]


def single(code: bytes, words: Any, scan: Scan = scan_block) -> tuple[Known | None, bool]:
    """What the decoders know about the first instruction of `code`, and whether `scan_block` knows it, too.

    Raises AssertionError where `scan_block` says otherwise, also about every part of `code`.
    """
    expected, found = known(code), [0] * RESULTS
    for size in range(1, len(code) + 1 if expected is None else expected.size):
        assert scan(code[:size], size, words, _TIMES, found) == 0, code[:size].hex()
    if expected is None:
        return None, False
    count = scan(code[: expected.size], expected.size, words, _TIMES, found)
    if count:
        time = _TIMES[CLASSES.index(expected.timing_class)]
        assert (count, found[ordinary.TIME], found[ordinary.LAST]) == (1, time, time), code.hex()
        assert bool(found[ordinary.IS_REP]) is (expected.timing_class == "rep"), code.hex()
    return expected, bool(count)


def block(code: bytes, words: Any, scan: Scan = scan_block) -> None:
    """Compare a whole block of ordinary instructions. Raises AssertionError."""
    at, times, found = 0, [], [0] * RESULTS
    while (instruction := known(code[at:])) is not None and at + instruction.size <= len(code):
        at += instruction.size
        times.append(_TIMES[CLASSES.index(instruction.timing_class)])
        if scan(code[:at], at, words, _TIMES, found):
            assert (len(times), sum(times), times[-1]) == (
                scan(code[:at], at, words, _TIMES, found),
                found[ordinary.TIME],
                found[ordinary.LAST],
            ), code[:at].hex()
