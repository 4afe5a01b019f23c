"""SSE's arithmetic instructions: results and exceptions (SDM vol. 2; vol. 1, 11.5 and appendix E)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

from pffemu.arch.floats import DAZ, FLAGS, FZ, MASKS_AT, PE, UE
from pffemu.arch.rflags import CF, PF, ZF
from pffemu.hw.floats import arithmetic as ieee
from pffemu.hw.floats.formats import F32, F64, Format, Kind, Number, unpack
from pffemu.hw.floats.rounding import TO_ZERO, Rounded, Rounding

_FORMATS: Final = {"s": F32, "d": F64}
_WIDTHS: Final = {F32: 32, F64: 64}
_REGISTER: Final = 128  # bits
_RC_AT: Final = 13
_NO_PRECISION, _FROM_MXCSR = 8, 4  # bits of ROUNDxx's immediate


class Environment(NamedTuple):
    """The settings in MXCSR."""

    how: Rounding
    zeros: bool  # denormal operands are zeros (DAZ)


def environment(mxcsr: int) -> Environment:
    unmasked = ~(mxcsr >> MASKS_AT) & FLAGS
    flush = bool(mxcsr & FZ) and not unmasked & UE
    return Environment(Rounding(mxcsr >> _RC_AT & 3, 0, flush, unmasked), bool(mxcsr & DAZ))


class Result(NamedTuple):
    value: int  # of the destination, in its width
    flags: int
    earlier: int = 0  # flags of steps that were complete before, all masked


def compute(mnemonic: str, destination: int, source: int, immediate: int, mxcsr: int, width: int = 64) -> Result:
    """Execute an instruction. `destination`, `source`: the operands' bits; `width`: of a general register, 32 or 64."""
    env = environment(mxcsr)
    for prefix, function in _BY_PREFIX:
        if mnemonic.startswith(prefix):
            return function(mnemonic[len(prefix) :], destination, source, immediate, env, width)
    raise ValueError(mnemonic)


def relation(mnemonic: str, a: int, b: int, mxcsr: int) -> Result:
    """COMISx and UCOMISx: the result in the arithmetic flags of RFLAGS."""
    format = _FORMATS[mnemonic[-1]]
    zeros = bool(mxcsr & DAZ)
    left, right = (unpack(format, bits & (1 << _WIDTHS[format]) - 1, zeros) for bits in (a, b))
    found = ieee.compare(left, right)
    rflags = {ieee.UNORDERED: ZF | PF | CF, ieee.LESS: CF, ieee.EQUAL: ZF}.get(found, 0)
    return Result(rflags, ieee.compare_flags(left, right, not mnemonic.startswith("u")))


def _split(bits: int, width: int, count: int) -> list[int]:
    return [bits >> width * i & (1 << width) - 1 for i in range(count)]


def _joined(parts: Iterable[Rounded], width: int, kept: int = 0) -> Result:
    """The elements joined from the lowest up; `kept`: the unchanged bits above them."""
    value = flags = at = 0
    for part in parts:
        value |= (part.bits & (1 << width) - 1) << at
        flags |= part.flags
        at += width
    return Result(value | kept >> at << at, flags)


def _shape(suffix: str) -> tuple[Format, int, int]:
    """(format, its width, elements) of ps, pd, ss, sd."""
    format = _FORMATS[suffix[-1]]
    width = _WIDTHS[format]
    return format, width, _REGISTER // width if suffix[0] == "p" else 1


Binary = Callable[[Format, Number, Number, Rounding], Rounded]


def _element(function: Binary, format: Format, env: Environment, a: int, b: int) -> Rounded:
    return function(format, unpack(format, a, env.zeros), unpack(format, b, env.zeros), env.how)


def _elementwise(function: Binary, suffix: str, a: int, b: int, _imm: int, env: Environment, _width: int) -> Result:
    format, width, count = _shape(suffix)
    pairs = zip(_split(a, width, count), _split(b, width, count), strict=True)
    return _joined((_element(function, format, env, *pair) for pair in pairs), width, a)


def _root(format: Format, _a: Number, b: Number, how: Rounding) -> Rounded:
    return ieee.square_root(format, b, how)


_ONE: Final = unpack(F64, 0x3FF0_0000_0000_0000)
_FLUSHING: Final = Rounding(flush=True)


def _reciprocal(root: bool, format: Format, _a: Number, b: Number, _how: Rounding) -> Rounded:
    """RCPxx and RSQRTxx: denormals count as zeros, tiny results become zeros, and nothing is raised."""
    wide = ieee.convert(F64, format, unpack(format, b.bits, True), _FLUSHING)
    if root:
        wide = ieee.square_root(F64, unpack(F64, wide.bits), _FLUSHING)
    quotient = ieee.divide(F64, _ONE, unpack(F64, wide.bits), _FLUSHING)
    return Rounded(ieee.convert(format, F64, unpack(F64, quotient.bits), _FLUSHING).bits, 0)


def _pick(greater: bool, format: Format, a: Number, b: Number, _how: Rounding) -> Rounded:
    """MAX and MIN: the second operand unless the first is greater, or less."""
    flags = ieee.compare_flags(a, b, signaling=True)
    first = ieee.compare(a, b) == (ieee.GREATER if greater else ieee.LESS)
    chosen = a if first else b
    bits = format.zero(chosen.sign) if chosen.kind is Kind.ZERO else chosen.bits
    return Rounded(bits, flags)


def _holds(predicate: int, format: Format, a: Number, b: Number, _how: Rounding) -> Rounded:
    """CMPxx: all ones or zeros."""
    found = ieee.compare(a, b)
    kind, opposite = predicate & 3, bool(predicate & 4)
    holds = (
        found == ieee.EQUAL,
        found == ieee.LESS,
        found in (ieee.LESS, ieee.EQUAL),
        found == ieee.UNORDERED,
    )[kind] != opposite
    return Rounded(-1 if holds else 0, ieee.compare_flags(a, b, signaling=kind in (1, 2)))


def _cmp(suffix: str, a: int, b: int, imm: int, env: Environment, width: int) -> Result:
    return _elementwise(partial(_holds, imm & 7), suffix, a, b, imm, env, width)


def _round(suffix: str, a: int, b: int, imm: int, env: Environment, width: int) -> Result:
    mode = env.how.mode if imm & _FROM_MXCSR else imm & 3

    def function(format: Format, _a: Number, number: Number, _how: Rounding) -> Rounded:
        result = ieee.to_integral(format, number, mode, denormals=False)
        return result._replace(flags=result.flags & ~PE) if imm & _NO_PRECISION else result

    return _elementwise(function, suffix, a, b, imm, env, width)


def _horizontal(function: Binary, suffix: str, a: int, b: int, _imm: int, env: Environment, _width: int) -> Result:
    format, width, count = _shape(suffix)
    numbers = [*_split(a, width, count), *_split(b, width, count)]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return _joined((_element(function, format, env, *pair) for pair in pairs), width)


def _addsub(suffix: str, a: int, b: int, _imm: int, env: Environment, _width: int) -> Result:
    format, width, count = _shape(suffix)
    triples = zip((ieee.subtract, ieee.add) * 2, _split(a, width, count), _split(b, width, count), strict=False)
    return _joined((_element(function, format, env, *pair) for function, *pair in triples), width)


def _dot_product(suffix: str, a: int, b: int, imm: int, env: Environment, _width: int) -> Result:
    format, width, count = _shape(suffix)
    flags = earlier = 0
    sums = []
    for i, (x, y) in enumerate(zip(_split(a, width, count), _split(b, width, count), strict=True)):
        part = _element(ieee.multiply, format, env, x, y) if imm >> 4 + i & 1 else Rounded(0, 0)
        flags |= part.flags
        sums.append(part.bits)
    while len(sums) > 1 and not flags & env.how.unmasked:  # an unmasked exception keeps the next step from being done
        added = [_element(ieee.add, format, env, *pair) for pair in zip(sums[::2], sums[1::2], strict=True)]
        earlier, flags = earlier | flags, 0
        for part in added:
            flags |= part.flags
        sums = [part.bits for part in added]
    value = sum((sums[0] if imm >> i & 1 else 0) << width * i for i in range(count))
    return Result(value, flags, earlier)


def _convert(rest: str, a: int, b: int, _imm: int, env: Environment, width: int) -> Result:
    """CVT[T]x2y."""
    truncating = rest.startswith("t")
    source, target = rest.removeprefix("t").split("2")
    mode = TO_ZERO if truncating else env.how.mode
    if source in ("dq", "pi", "si"):
        return _from_integers(source, target, a, b, env, width)
    from_format, from_width, count = _shape(source)
    if (target in ("pi", "pd", "ps", "dq") and source != "ps") or target in ("pi", "pd"):
        count = 2
    numbers = [unpack(from_format, bits, env.zeros) for bits in _split(b, from_width, count)]
    if target in ("dq", "pi", "si"):
        bits = width if target == "si" else 32
        parts = [Rounded(value, flags) for value, flags, _ in (ieee.to_integer(n, bits, mode) for n in numbers)]
        return _joined(parts, bits)
    to = _FORMATS[target[-1]]
    converted = [ieee.convert(to, from_format, number, env.how) for number in numbers]
    return _joined(converted, _WIDTHS[to], a if target[0] == "s" else 0)


def _from_integers(source: str, target: str, a: int, b: int, env: Environment, width: int) -> Result:
    to = _FORMATS[target[-1]]
    count = 4 if source == "dq" and target == "ps" else 1 if source == "si" else 2
    width = width if source == "si" else 32
    values = [bits - (bits >> width - 1 << width) for bits in _split(b, width, count)]
    kept = a if source in ("si", "pi") and target != "pd" else 0
    return _joined((ieee.from_integer(to, value, env.how) for value in values), _WIDTHS[to], kept)


Function = Callable[[str, int, int, int, Environment, int], Result]
_BY_PREFIX: Final[tuple[tuple[str, Function], ...]] = (
    ("addsub", _addsub),
    ("add", partial(_elementwise, ieee.add)),
    ("sub", partial(_elementwise, ieee.subtract)),
    ("mul", partial(_elementwise, ieee.multiply)),
    ("div", partial(_elementwise, ieee.divide)),
    ("sqrt", partial(_elementwise, _root)),
    ("rcp", partial(_elementwise, partial(_reciprocal, False))),
    ("rsqrt", partial(_elementwise, partial(_reciprocal, True))),
    ("min", partial(_elementwise, partial(_pick, False))),
    ("max", partial(_elementwise, partial(_pick, True))),
    ("cmp", _cmp),
    ("round", _round),
    ("hadd", partial(_horizontal, ieee.add)),
    ("hsub", partial(_horizontal, ieee.subtract)),
    ("dp", _dot_product),
    ("cvt", _convert),
)
