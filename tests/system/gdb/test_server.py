"""The socket: Ctrl-C, lost clients, damage, and a fuzzer. The guest and the next gdb survive all of it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from pffemu import assemble
from pffemu.debug.gdb.packets import Token, encode
from pffemu.debug.gdb.server import LOOPBACK, listen
from pffemu.errors import UsageError
from tests.system.gdb.stub_client import Served, served

SPIN = assemble("_start: jmp _start\n")
PACKETS = int(os.environ.get("PFFEMU_FUZZ_PACKETS", "3000"))  # CI's; 100000 takes a few minutes


@pytest.fixture
def spinning() -> Iterator[Served]:
    with served(SPIN) as serving:
        yield serving


def test_ctrl_c_stops_a_spinning_guest(spinning: Served) -> None:
    client = spinning.connect()
    client.send(b"vCont;c")
    assert client.token() is Token.ACK
    time.sleep(0.2)
    client.raw(b"\x03")
    assert client.reply().startswith(b"T02")
    assert client.ask(b"vCont;s").startswith(b"T05")


def test_ctrl_c_at_once_is_not_lost(spinning: Served) -> None:
    client = spinning.connect()
    client.raw(encode(b"vCont;c") + b"\x03")
    assert client.reply().startswith(b"T02")


def test_ctrl_c_while_nothing_runs_is_nothing(spinning: Served) -> None:
    client = spinning.connect()
    client.raw(b"\x03")
    assert client.ask(b"qC") == b"QC1"
    assert client.ask(b"vCont;s").startswith(b"T05")


def test_a_client_that_vanishes_leaves_the_guest_to_the_next(spinning: Served) -> None:
    first = spinning.connect()
    first.ask(b"vCont;s")
    first.send(b"vCont;c")
    first.close()
    second = spinning.connect()
    assert second.ask(b"?").startswith(b"T")
    assert second.ask(b"vCont;s").startswith(b"T05")


def test_breakpoints_go_with_the_client_that_set_them(spinning: Served) -> None:
    first = spinning.connect()
    first.ask(b"Z0,%x,1" % SPIN.symbols["_start"])
    first.close()
    second = spinning.connect()
    second.send(b"vCont;c")
    time.sleep(0.2)
    second.raw(b"\x03")
    reply = second.reply()
    while isinstance(reply, Token):
        reply = second.reply()
    assert reply.startswith(b"T02")


def test_a_damaged_packet_is_asked_for_again_and_a_reply_is_sent_again(spinning: Served) -> None:
    client = spinning.connect()
    client.raw(b"$qC#00")
    assert client.token() is Token.NACK
    client.send(b"qC")
    assert client.token() is Token.ACK
    assert client.token() == b"QC1"
    client.raw(b"-")
    assert client.token() == b"QC1"


def test_no_acknowledgements_when_asked_for_none(spinning: Served) -> None:
    client = spinning.connect()
    assert client.ask(b"QStartNoAckMode") == b"OK"
    client.send(b"qC")
    assert client.token() == b"QC1"


def test_a_port_that_is_taken_is_one_error() -> None:
    with listen(LOOPBACK, 0) as server, pytest.raises(UsageError, match="cannot listen"):
        listen(LOOPBACK, server.getsockname()[1])


def test_random_and_truncated_packets_are_survived() -> None:
    rng = random.Random(7)
    beginnings = (b"g", b"G", b"p", b"P", b"m", b"M", b"X", b"H", b"T", b"Z", b"z", b"q", b"Q", b"qXfer:", b"vFile:",
                  b"vCont;s:1;", b"vCont;t;", b"qXfer:threads:read::", b"qXfer:auxv:read::", b"Z2,", b"QCatchSyscalls:",
                  b"vFile:open:", b"vFile:pread:", b"?", b"bs", b"b", b"qThreadExtraInfo,", b"QNonStop:")  # fmt: skip
    tails = b"0123456789abcdef,;:=-+*x#$}\x00\xff qr"
    with served(assemble("_start: nop\nnop\njmp _start\n")) as serving:
        client = serving.connect()
        client.ask(b"QStartNoAckMode")
        for i in range(PACKETS):
            packet = rng.choice(beginnings) + bytes(rng.choices(tails, k=rng.randrange(12)))
            stream = encode(packet)
            if rng.random() < 0.1:
                stream = stream[: rng.randrange(len(stream))]
            client.raw(stream)
            if i % 50 == 49:
                mark = str(i).encode()
                client.raw(b"#00\x03" + encode(b"qRcmd," + mark.hex().encode()))  # whatever runs ends here
                while client.token() != (b"monitor " + mark + b"\n").hex().encode():
                    pass
        assert client.ask(b"m%x,1" % 0x400000) == b"90"
