"""Elementary functions in fixed point: an integer n stands for n * 2 ^ -bits. Errors are a few units."""

from __future__ import annotations

from functools import cache
from math import isqrt


def sine_and_cosine(x: int, bits: int) -> tuple[int, int]:
    """Sine and cosine for 0 <= x < 1."""
    square = x * x >> bits
    sine, cosine, term, n = 0, 0, 1 << bits, 0
    while term:
        cosine += term if n % 4 == 0 else -term
        term = (term * x >> bits) // (n + 1)
        sine += term if n % 4 == 0 else -term
        term = (term * x >> bits) // (n + 2)
        n += 2
    return (sine, cosine) if square else (x, 1 << bits)


def exponential_less_one(x: int, bits: int) -> int:
    """e ^ x - 1 for -1 < x < 1."""
    total, term, n = 0, 1 << bits, 1
    while True:
        term = (term * x) // (n << bits) if term * x >= 0 else -((-term * x) // (n << bits))
        if not term:
            return total
        total += term
        n += 1


def arctangent(x: int, bits: int) -> int:
    """The arctangent for 0 <= x <= 1."""
    one = 1 << bits
    for _ in range(4):  # atan(x) = 2 atan(x / (1 + sqrt(1 + x * x)))
        x = (x << bits) // (one + isqrt((one << bits) + x * x))
    return _odd_series(x, bits, -1) << 4


def inverse_hyperbolic_tangent(x: int, bits: int) -> int:
    """The inverse hyperbolic tangent for -1/2 < x < 1/2."""
    return _odd_series(x, bits, 1) if x >= 0 else -_odd_series(-x, bits, 1)


def _odd_series(x: int, bits: int, sign: int) -> int:
    """x + sign x^3 / 3 + x^5 / 5 + ..."""
    square, total, power, n = x * x >> bits, 0, x, 1
    while power:
        total += power // n if sign > 0 or n % 4 == 1 else -(power // n)
        power, n = power * square >> bits, n + 2
    return total


@cache
def ln2(bits: int) -> int:
    """The natural logarithm of 2 (2 atanh(1/3))."""
    return 2 * inverse_hyperbolic_tangent((1 << bits + 32) // 3, bits + 32) >> 32


@cache
def pi(bits: int) -> int:
    """Pi, by Machin's formula."""
    guard = bits + 32
    return 4 * (4 * _arccotangent(5, guard) - _arccotangent(239, guard)) >> 32


def _arccotangent(x: int, bits: int) -> int:
    total, power, n = 0, (1 << bits) // x, 1
    while power:
        total += power // n if n % 4 == 1 else -(power // n)
        power, n = power // (x * x), n + 2
    return total
