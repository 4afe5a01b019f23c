"""Packets on the wire: `$data#checksum`, acknowledgements, the interrupt byte. No socket: bytes in, tokens out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

PACKET_SIZE: Final = 0x4000  # bytes of data in one packet, either way; told to gdb in qSupported
_ESCAPE: Final = 0x7D  # }
_FLIP: Final = 0x20
_ESCAPED: Final = frozenset(b"}$#*")


class Token(Enum):
    """What the byte stream holds besides packets."""

    ACK = b"+"
    NACK = b"-"
    INTERRUPT = b"\x03"
    DAMAGED = b""  # a packet whose checksum is wrong, or that is too long


def encode(data: bytes) -> bytes:
    """`data` as a packet: escaped, framed, with its checksum."""
    body = bytearray()
    for byte in data:
        if byte in _ESCAPED:
            body += bytes((_ESCAPE, byte ^ _FLIP))
        else:
            body.append(byte)
    return b"$%b#%02x" % (bytes(body), sum(body) & 0xFF)


@dataclass(slots=True)
class PacketReader:
    """Cuts a byte stream into packets. Bytes outside packets that mean nothing are dropped, as gdbserver does."""

    _body: bytearray | None = None  # data of the packet whose end has not come yet
    _checksum: bytearray = field(default_factory=bytearray)
    _in_checksum: bool = False

    def feed(self, data: bytes) -> Iterator[bytes | Token]:
        """The data of each packet that `data` completes, unescaped, and the other tokens, in order."""
        for byte in data:
            if self._in_checksum:
                self._checksum.append(byte)
                if len(self._checksum) == 2:
                    yield self._finish()
            elif byte == ord("$"):
                self._body = bytearray()
            elif self._body is None:
                token = _SINGLE.get(byte)
                if token is not None:
                    yield token
            elif byte == ord("#"):
                self._in_checksum = True
                self._checksum.clear()
            else:
                self._body.append(byte)
                if len(self._body) > 2 * PACKET_SIZE:  # every byte may be escaped
                    self._body = None
                    yield Token.DAMAGED

    def _finish(self) -> bytes | Token:
        body, self._body = self._body or bytearray(), None
        self._in_checksum = False
        try:
            told = int(self._checksum.decode("ascii"), 16)
        except ValueError:
            return Token.DAMAGED
        return _unescaped(body) if told == sum(body) & 0xFF else Token.DAMAGED


_SINGLE: Final = {token.value[0]: token for token in Token if token.value}


def _unescaped(body: bytearray) -> bytes:
    if _ESCAPE not in body:
        return bytes(body)
    data, flip = bytearray(), 0
    for byte in body:
        if byte == _ESCAPE and not flip:
            flip = _FLIP
        else:
            data.append(byte ^ flip)
            flip = 0
    return bytes(data)
