"""What the stub answers, packet by packet, for a guest whose every address is known."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from guest.build import guest
from guest.paths import INCLUDE
from pffemu import Mode, assemble
from pffemu.debug.gdb.description import NUMBER_OF, REGISTERS
from tests.guest_tools import handle
from tests.system.gdb.stub_client import Client, served

GUEST = """
.include "pff.inc"
_start:
    mov ecx, 3
loop:
    inc qword ptr [rip + word]
    dec ecx
    jnz loop
    mov eax, SYS_gettid
    syscall
last:
    mov eax, SYS_exit_group
    mov edi, 42
    syscall
.data
word: .quad 5
"""


@pytest.fixture
def client() -> Iterator[Client]:
    with served(PROGRAM) as serving:
        one = serving.connect()
        yield one
        one.close()


PROGRAM = assemble(GUEST, file="guest.s", include_dirs=(INCLUDE,))
SYMBOLS = PROGRAM.symbols


def number(name: str) -> bytes:
    return b"%x" % NUMBER_OF[name]


def value(reply: bytes) -> int:
    return int.from_bytes(bytes.fromhex(reply.decode()), "little")


def test_it_says_what_it_supports(client: Client) -> None:
    reply = client.ask(b"qSupported:multiprocess+;swbreak+").decode().split(";")
    assert {"ReverseStep+", "ReverseContinue+", "QStartNoAckMode+", "QCatchSyscalls+"} <= set(reply)
    assert client.ask(b"vMustReplyEmpty") == client.ask(b"!") == client.ask(b"qNothing") == b""


def test_the_description_is_xml_whose_registers_are_the_g_packet(client: Client) -> None:
    xml = b""
    while True:
        part = client.ask(b"qXfer:features:read:target.xml:%x,200" % len(xml))
        xml += part[1:]
        if part[:1] == b"l":
            break
    registers = list(ElementTree.fromstring(xml).iter("reg"))
    assert [register.get("name") for register in registers] == [register.name for register in REGISTERS]
    assert 2 * sum(int(register.get("bitsize", "0")) // 8 for register in registers) == len(client.ask(b"g"))


def test_the_first_stop_is_at_the_entry(client: Client) -> None:
    reply = client.ask(b"?").decode()
    assert reply.startswith("T05")
    assert f"{NUMBER_OF['rip']:x}:{struct.pack('<Q', SYMBOLS['_start']).hex()}" in reply
    assert "thread:1;" in reply


def test_a_step_is_one_instruction_and_a_stop_reply_tells_the_truth(client: Client) -> None:
    assert "swbreak" not in client.ask(b"vCont;s:1").decode()
    assert value(client.ask(b"p" + number("rip"))) == SYMBOLS["loop"]
    assert value(client.ask(b"p" + number("rcx"))) == 3


def test_a_breakpoint_stops_in_front_of_its_instruction_each_time(client: Client) -> None:
    assert client.ask(b"Z0,%x,1" % SYMBOLS["loop"]) == b"OK"
    for passed in range(3):
        assert "swbreak:;" in client.ask(b"vCont;c").decode()
        assert value(client.ask(b"p" + number("rip"))) == SYMBOLS["loop"]
        assert client.ask(b"m%x,8" % SYMBOLS["word"]) == struct.pack("<Q", 5 + passed).hex().encode()
    assert client.ask(b"z0,%x,1" % SYMBOLS["loop"]) == b"OK"
    assert client.ask(b"c") == b"W2a"


def test_a_write_watchpoint_reports_its_address_after_the_write(client: Client) -> None:
    assert client.ask(b"Z2,%x,8" % SYMBOLS["word"]) == b"OK"
    assert f"watch:{SYMBOLS['word']:x};" in client.ask(b"vCont;c").decode()
    assert client.ask(b"m%x,8" % SYMBOLS["word"]) == struct.pack("<Q", 6).hex().encode()


def test_backwards_is_forwards_undone(client: Client) -> None:
    client.ask(b"Z0,%x,1" % SYMBOLS["last"])
    client.ask(b"vCont;c")
    client.ask(b"z0,%x,1" % SYMBOLS["last"])
    at_last = client.ask(b"g")
    for _ in range(5):
        client.ask(b"bs")
    assert client.ask(b"g") != at_last
    for _ in range(5):
        client.ask(b"vCont;s:1")
    assert client.ask(b"g") == at_last
    assert "replaylog:begin;" in client.ask(b"bc").decode()
    assert value(client.ask(b"p" + number("rip"))) == SYMBOLS["_start"]


def test_system_calls_are_caught_at_entry_and_return(client: Client) -> None:
    assert client.ask(b"QCatchSyscalls:1;ba") == b"OK"  # gettid
    assert "syscall_entry:ba;" in client.ask(b"vCont;c").decode()
    assert value(client.ask(b"p" + number("orig_rax"))) == 0xBA
    assert "syscall_return:ba;" in client.ask(b"vCont;c").decode()
    assert client.ask(b"QCatchSyscalls:0") == b"OK"
    assert client.ask(b"vCont;c") == b"W2a"


def test_registers_are_written_one_and_all(client: Client) -> None:
    assert client.ask(b"P" + number("rbx") + b"=efcdab8967452301") == b"OK"
    assert value(client.ask(b"p" + number("rbx"))) == 0x0123_4567_89AB_CDEF
    assert client.ask(b"P" + number("xmm3") + b"=" + b"11" * 16) == b"OK"
    assert client.ask(b"P" + number("uif") + b"=" + b"01".ljust(16, b"0")) == b"OK"
    everything = client.ask(b"g")
    assert client.ask(b"G" + everything) == b"OK"
    assert client.ask(b"g") == everything
    assert client.ask(b"p" + number("xmm3")) == b"11" * 16
    assert value(client.ask(b"p" + number("uif"))) == 1


def test_memory_is_written_and_what_is_not_there_is_an_error(client: Client) -> None:
    assert client.ask(b"M%x,2:beef" % SYMBOLS["word"]) == b"OK"
    assert client.ask(b"m%x,2" % SYMBOLS["word"]) == b"beef"
    client.raw(b"")
    client.send(b"X%x,3:}#*" % SYMBOLS["word"])
    assert client.reply() == b"OK"
    assert client.ask(b"m%x,3" % SYMBOLS["word"]) == b"7d232a"
    assert client.ask(b"m0,8") == client.ask(b"M0,1:00") == b"E0e"
    assert client.ask(b"mffffffffffffffff,8") == b"E0e"


def test_a_write_to_code_changes_what_runs(client: Client) -> None:
    patch = assemble("_start: mov eax, 231\nmov edi, 7\nsyscall\n").sections[0].data
    assert client.ask(b"M%x,%x:%s" % (SYMBOLS["_start"], len(patch), patch.hex().encode())) == b"OK"
    assert client.ask(b"vCont;c") == b"W07"


@pytest.mark.parametrize(
    ("packet", "reply"),
    [
        (b"QNonStop:0", b"OK"), (b"QNonStop:1", b"E01"), (b"qAttached", b"0"), (b"qC", b"QC1"), (b"T1", b"OK"),
        (b"T99", b"E03"), (b"Hg1", b"OK"), (b"Hg0", b"OK"), (b"Hg99", b"E03"), (b"Hx1", b"E01"),
        (b"qfThreadInfo", b"m1"), (b"qsThreadInfo", b"l"), (b"p", b"E01"), (b"pffff", b"E01"), (b"P0=12", b"E01"),
        (b"G00", b"E01"), (b"m1", b"E01"), (b"mzz,1", b"E01"), (b"M1,1", b"E01"), (b"M%x,2:00" % 0x1000, b"E01"),
        (b"Z9,1,1", b"E01"), (b"Z0,1", b"E01"), (b"vCont;x", b"E01"), (b"vCont;s:99", b"E03"),
        (b"vCont?", b"vCont;c;C;s;S;t;r"), (b"QCatchSyscalls:x", b"E01"), (b"bx", b""), (b"vFile:setfs:0", b"F0"),
        (b"vFile:open:2f6574632f706173737764,0,0", b"F-1,2"),  # /etc/passwd is not the guest's
        (b"qXfer:features:read:other.xml:0,10", b"E00"), (b"qXfer:features:read:target.xml:zz,1", b"E01"),
        (b"qXfer:libraries-svr4:read::0,fff", b'l<library-list-svr4 version="1.0" />'),
        (b"qRcmd,68656c70", b"monitor help\n".hex().encode()),
    ],
)  # fmt: skip
def test_small_packets(client: Client, packet: bytes, reply: bytes) -> None:
    assert client.ask(packet) == reply


def test_the_auxiliary_vector_names_the_entry(client: Client) -> None:
    words = struct.iter_unpack("<QQ", client.ask(b"qXfer:auxv:read::0,1000")[1:])
    assert (9, SYMBOLS["_start"]) in list(words)


def test_range_stepping_stops_where_the_range_ends(client: Client) -> None:
    client.ask(b"vCont;r%x,%x:1" % (SYMBOLS["_start"], SYMBOLS["loop"] + 1))
    assert value(client.ask(b"p" + number("rip"))) > SYMBOLS["loop"]


def test_a_guest_that_dies_is_first_seen_at_the_instruction_and_then_gone() -> None:
    program = assemble("_start: nop\nbad: mov rax, [rdi]\n")
    with served(program) as serving:
        client = serving.connect()
        assert client.ask(b"vCont;c").startswith(b"T0b")
        assert value(client.ask(b"p" + number("rip"))) == program.symbols["bad"]
        assert client.ask(b"P" + number("rbx") + b"=" + b"11" * 8) == b"OK"
        assert int.from_bytes(client.ask(b"qXfer:siginfo:read::0,100")[1:5], "little") == 11
        assert client.ask(b"vCont;C0b") == b"X0b"
        assert client.console.startswith("pffemu: killed by SIGSEGV")


SIGNALS = f"""
.include "pff.inc"
_start:
{handle("SIGUSR1")}
raise:
    mov eax, SYS_getpid
    syscall
    mov edi, eax
    mov esi, 10
    mov eax, SYS_kill
    syscall
after:
    inc ebx
    mov eax, SYS_exit_group
    mov edi, ebp
    syscall
handler:
    inc ebp
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
.data
action: .quad handler, 0x04000000, restorer, 0
"""


def test_a_signal_is_seen_where_the_thread_stands_and_goes_on_to_its_handler() -> None:
    program = assemble(SIGNALS, file="signals.s", include_dirs=(INCLUDE,))
    with served(program) as serving:
        client = serving.connect()
        assert client.ask(b"vCont;c").startswith(b"T1e")  # SIGUSR1, by gdb's numbers
        assert value(client.ask(b"p" + number("rip"))) == program.symbols["after"]
        assert client.ask(b"vCont;S1e:1").startswith(b"T05")
        assert value(client.ask(b"p" + number("rip"))) == program.symbols["handler"]
        assert client.ask(b"bc").startswith(b"T1e")  # the same signal, met on the way back
        assert "replaylog:begin" in client.ask(b"bc").decode()
        assert client.ask(b"QPassSignals:1e") == b"OK"
        assert client.ask(b"vCont;c") == b"W00"


def test_a_signal_that_gdb_sends_runs_the_guests_handler() -> None:
    program = assemble(SIGNALS, file="signals.s", include_dirs=(INCLUDE,))
    with served(program) as serving:
        client = serving.connect()
        client.ask(b"Z0,%x,1" % program.symbols["raise"])
        client.ask(b"vCont;c")
        assert client.ask(b"vCont;S1e:1").startswith(b"T05")
        assert value(client.ask(b"p" + number("rip"))) == program.symbols["handler"]
        assert client.ask(b"vCont;C63:1").startswith(b"E.")  # Linux has no such signal
        client.ask(b"z0,%x,1" % program.symbols["raise"])
        assert client.ask(b"vCont;c").startswith(b"T1e")  # the guest's own
        assert client.ask(b"vCont;C1e:1") == b"W00"


def test_siginfo_is_written_in_parts_and_not_beyond_its_end() -> None:
    program = assemble(SIGNALS, file="signals.s", include_dirs=(INCLUDE,))
    with served(program) as serving:
        client = serving.connect()
        client.ask(b"vCont;c")
        before = client.ask(b"qXfer:siginfo:read::0,80")
        assert client.ask(b"qXfer:siginfo:write::8:\x01\x02}$") == b"4"
        assert client.ask(b"qXfer:siginfo:read::0,80") == before[:9] + b"\x01\x02}$" + before[13:]
        assert client.ask(b"qXfer:siginfo:write::7f:ab") == b"E01"
        assert client.ask(b"qXfer:siginfo:write::8") == b"E01"
        assert client.ask(b"qXfer:auxv:write::0:ab") == b""


def test_threads_are_listed_with_what_they_do() -> None:
    with served(guest("fault_bench"), mode=Mode.UFFD, arguments=("4", "0", "0", "0")) as serving:
        client = serving.connect()
        client.ask(b"QCatchSyscalls:1;ca")  # futex: the main thread waits for the handler thread, or the other way
        for _ in range(200):
            threads = client.ask(b"qXfer:threads:read::0,2000").decode()
            if threads.count("<thread ") == 2:
                break
            client.ask(b"vCont;s")
        assert re.findall(r'id="(\d+)"', threads) == ["1", "2"]
        assert bytes.fromhex(client.ask(b"qThreadExtraInfo,2").decode()).decode().startswith("program, core 1: ")
