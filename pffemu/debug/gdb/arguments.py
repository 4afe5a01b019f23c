"""Numbers and bytes inside packets. What cannot be read raises BadPacketError, which becomes an E reply."""

from __future__ import annotations

from binascii import Error, unhexlify

_WORD = 1 << 64


class BadPacketError(ValueError):
    """The packet does not have the form of its kind."""


def hex_number(text: str) -> int:
    """An unsigned 64-bit number in hexadecimal digits alone."""
    if not text or not all(c in "0123456789abcdefABCDEF" for c in text) or int(text, 16) >= _WORD:
        raise BadPacketError
    return int(text, 16)


def hex_pair(text: str) -> tuple[int, int]:
    """`address,length`."""
    first, comma, second = text.partition(",")
    if not comma:
        raise BadPacketError
    return hex_number(first), hex_number(second)


def hex_bytes(text: str) -> bytes:
    try:
        return unhexlify(text)
    except (Error, ValueError) as error:
        raise BadPacketError from error


def hex_text(text: str) -> str:
    return hex_bytes(text).decode("utf-8", "replace")
