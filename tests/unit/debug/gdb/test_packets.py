"""Packets: what is encoded is read back, however the stream is cut; damage is noticed and nothing else is lost."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pffemu.debug.gdb.packets import PACKET_SIZE, PacketReader, Token, encode


def read(*pieces: bytes) -> list[bytes | Token]:
    reader = PacketReader()
    return [token for piece in pieces for token in reader.feed(piece)]


@given(st.lists(st.binary(max_size=60)), st.lists(st.integers(0, 300)))
def test_what_is_encoded_is_read_however_it_is_cut(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(encode, packets))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert read(*pieces) == packets


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_survived_and_the_next_packet_is_read(noise: list[bytes]) -> None:
    tokens = read(*noise, b"#00", b"$#00", encode(b"after"))
    assert tokens[-1] == b"after"


def test_acknowledgements_and_the_interrupt_come_between_packets() -> None:
    assert read(b"+" + encode(b"g") + b"\x03-") == [Token.ACK, b"g", Token.INTERRUPT, Token.NACK]


def test_an_interrupt_byte_inside_a_packet_is_data() -> None:
    assert read(encode(b"a\x03b")) == [b"a\x03b"]


def test_a_wrong_checksum_is_damage() -> None:
    assert read(b"$g#00") == [Token.DAMAGED]
    assert read(b"$g#zz") == [Token.DAMAGED]


def test_a_packet_that_does_not_end_is_given_up() -> None:
    tokens = read(b"$" + b"a" * (2 * PACKET_SIZE + 10), encode(b"g"))
    assert tokens == [Token.DAMAGED, b"g"]


def test_a_dollar_begins_anew() -> None:
    assert read(b"$half" + encode(b"whole")) == [b"whole"]
