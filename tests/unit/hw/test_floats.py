"""Our own arithmetic against a CPU: operands, control words and what an x86-64 CPU made of them, recorded once.

A line of sse_on_the_host.txt: mnemonic, immediate, MXCSR, destination, source, result, MXCSR then. One of
x87_on_the_host.txt: mnemonic, operand (kind, register, whether it is the target, memory), FCW FSW and tags, ST(0) to
ST(7), all that afterwards, memory and RFLAGS.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from pathlib import Path

import pytest

from pffemu.engine import fxsave
from pffemu.engine.float_registers import FloatRegisters
from pffemu.hw.floats import series, sse, x87_forms
from pffemu.hw.floats.x87 import X87, Given

_HERE = Path(__file__).parent
_RFLAGS = 0x8D5


def _lines(name: str) -> dict[str, list[list[str]]]:
    found = defaultdict(list)
    for line in (_HERE / name).read_text().splitlines():
        mnemonic, *words = line.split()
        found[mnemonic].append(words)
    return found


_SSE, _X87 = _lines("sse_on_the_host.txt"), _lines("x87_on_the_host.txt")


@pytest.mark.parametrize("mnemonic", _SSE)
def test_sse_computes_and_raises_what_the_cpu_does(mnemonic: str) -> None:
    for words in _SSE[mnemonic]:
        immediate, (mxcsr, a, b, result, after) = int(words[0]), (int(word, 16) for word in words[1:])
        found = sse.compute(mnemonic, a, b, immediate, mxcsr)
        assert (found.value, mxcsr | found.earlier | found.flags) == (result, after)


@pytest.mark.parametrize("mnemonic", _X87)
def test_x87_computes_and_raises_what_the_cpu_does(mnemonic: str) -> None:
    for kind, register, target, memory, *state in _X87[mnemonic]:
        before, after = _area(state[:9]), state[9:18]
        unit = X87(FloatRegisters(fxsave.from_fxsave(before)))
        operand = x87_forms.Operand(kind.strip("-"), int(register), int(memory, 16), target == "1")
        try:
            effect = x87_forms.execute(unit, mnemonic, operand, 0)
        except Given:
            effect = x87_forms.NOTHING
        unit.summarize()
        area = fxsave.to_fxsave(bytes(unit.registers.octets))
        stored = int(memory, 16).to_bytes(16, "little")
        stored = effect.value.to_bytes(effect.size, "little") + stored[effect.size :]
        found = [area[:5].hex(), *(area[at : at + 10].hex() for at in range(32, 160, 16))]
        assert (found, stored.hex()) == (after, state[18])
        if effect.rflags is not None:
            assert effect.rflags & _RFLAGS == int(state[19], 16)


def _area(words: list[str]) -> bytes:
    area = bytearray(fxsave.SIZE)
    area[:5] = bytes.fromhex(words[0])
    struct.pack_into("<I", area, 24, fxsave.MXCSR_RESET)
    for n, register in enumerate(words[1:]):
        area[32 + 16 * n : 42 + 16 * n] = bytes.fromhex(register)
    return bytes(area)


def test_constants_are_those_of_independent_formulas() -> None:
    bits = 200
    assert abs(series.pi(bits) - 4 * series.arctangent(1 << bits, bits)) < 1 << 10
    assert abs((1 << bits) + series.exponential_less_one(series.ln2(bits), bits) - (2 << bits)) < 1 << 10
    sine, cosine = series.sine_and_cosine(series.pi(bits) >> 2, bits)
    assert abs(sine - cosine) < 1 << 10


def test_dppd_does_not_add_after_an_unmasked_exception_of_its_multiplication() -> None:
    """Two products overflow to infinities of both signs: PE is unmasked, so that the sum's IE never comes."""
    a, b = 0xFF800000FF800000C08B18F53AFD3620, 0x7F80000000000001FFC0123457B9AAD7
    assert sse.compute("dppd", a, b, 0xFF, 0x0D00).flags == 0x28  # OE, PE
