"""Files and packets of strangers, mutated: each is taken or refused with a PffemuError, soon, and within bounds."""

from __future__ import annotations

import json
import random
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from guest.c_compiler import find_c_compiler
from pffemu import Machine, assemble
from pffemu.debug.commands import Commands
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.gdb.stub import Stub
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import frames_of_file, lines_of_file
from pffemu.errors import PffemuError
from pffemu.machine.elf import build_id, read_elf
from pffemu.machine.elf_symbols import read_sized_symbols
from pffemu.machine.elf_variables import read_variables
from pffemu.testing.cases import read_cases
from pffemu.timing.load import parse_profile
from tests.fuzz.batch import Nowhere

ROOT: Final = Path(__file__).parents[2]
_BUDGET: Final = 2000  # instructions
PACKETS: Final = 60  # in a session of gdb
_INTERESTING: Final = (
    b"\0", b"\xff", b"\x7f", b"0", b"9" * 5000, b"a" * 300, b"(", b")", b"[" * 500, b"\n", b"\xf0\x9f\x98\x80", b"\x80",
    b"{", b"}", b'"', b"\\", b"..", b"/dev/zero", b"0x" + b"f" * 5000, b"-1", b"1e999", b"nan", b";", b"#", b":", b",",
)  # fmt: skip
_WORDS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


def mutated(data: bytes, source: random.Random) -> bytes:
    """Another version of `data`: bits, numbers, pieces and words changed."""
    out = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 4, 16))):
        at, size = source.randrange(len(out) + 1), source.choice((1, 2, 4, 8))
        match source.randrange(7):
            case 0 if at < len(out):
                out[at] ^= 1 << source.randrange(8)
            case 1:
                out[at : at + size] = (source.choice(_WORDS) % (1 << 8 * size)).to_bytes(size, "little")
            case 2:
                out[at:at] = source.choice(_INTERESTING)
            case 3:
                del out[at : at + source.choice((1, 8, 100, 5000))]
            case 4:
                start = source.randrange(len(out) + 1)
                out[at:at] = out[start : start + source.choice((1, 16, 300))]
            case 5:
                out[at : at + 1] = source.choice(_INTERESTING)[:60]
            case _:
                out[at : at + 1] = bytes((source.randrange(256),))
    return bytes(out)


# -- ELF --------------------------------------------------------------------------------------------------------------


@cache
def _elf(folder: Path) -> bytes:
    """A small program with debug information; without a compiler, one of two segments and a few symbols."""
    compiler = find_c_compiler()
    if compiler is not None:
        (folder / "small.c").write_text(
            "int x = 5; static int f(int *p) { return *p; }\nvoid _start(void) { f(&x); for (;;); }\n"
        )
        command = [*compiler, "-g", "-O0", "-static", "-nostdlib", "-o", folder / "small", folder / "small.c"]
        subprocess.run(command, check=True, timeout=100)
        return (folder / "small").read_bytes()
    code = b"\xb8\x3c\0\0\0\x31\xff\x0f\x05"
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01" + bytes(9), 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 0x81, 0x81, 0x1000) + code


def elf(folder: Path, source: random.Random) -> None:
    data = mutated(_elf(folder), source)
    if source.random() < 0.5:  # aim at the headers
        start = source.randrange(0, 64 + 56 * 4, 2)
        data = data[:start] + source.choice(_WORDS).to_bytes(8, "little")[:2] + data[start + 2 :]
    path = folder / "mutant"
    path.write_bytes(data)
    with suppress(PffemuError):
        build_id(data, "mutant")
    with suppress(ValueError):
        read_sized_symbols(data)
    with suppress(PffemuError):
        read_elf(data, "mutant")
    with suppress(PffemuError):
        read_variables(data, "mutant")
    with suppress(PffemuError):
        machine = Machine(ram=16 << 20, stdout=Nowhere(), stderr=Nowhere())
        machine.load(path)
        lines, frames = lines_of_file(path), frames_of_file(path)
        places = Places(machine, lines)
        places.source_of(machine.cpus[0].registers["rip"])
        if frames is not None:
            frames.rule_at(machine.cpus[0].registers["rip"])
        machine.run(_BUDGET)


# -- gdb's packets ----------------------------------------------------------------------------------------------------

_PACKETS: Final = b"""
? g G00 p10 P10=0000000000000000 m400000,20 M600000,1:00 X600000,1:x Hg1 Hc-1 T1 Z0,400000,1 Z2,600000,8 z2,600000,8
Z4,7fffffffefc0,1000 qSupported:a+ qC qfThreadInfo qThreadExtraInfo,1 qXfer:features:read:target.xml:0,fff
qXfer:auxv:read::0,1000 qXfer:siginfo:read::0,80 qXfer:siginfo:write::0:xx qXfer:threads:read::0,ffff
qXfer:libraries-svr4:read::0,ffff vFile:setfs:0 vFile:open:2f70726f632f312f6d617073,0,0 vFile:pread:3,100,0
vFile:fstat:3 vFile:close:3 vFile:unlink:2f66 vCont? vCont;s:1 vCont;r400000,400010:1 vCont;S0b:1 vCont;C0e s S05 bs
bc QNonStop:0 QCatchSyscalls:1;1 QPassSignals:e;10 QStartNoAckMode vCont;t qSymbol:: qAttached vMustReplyEmpty
qSupported:multiprocess+;fork-events+;exec-events+ Hgp1.1 Tp1.-1 vCont;s:p1.1 vCont;s:p1.-1;C0e:p2.2 D;1 vKill;2
qGetTLSAddr:p1.1,10,0 qGetTLSAddr:1,10,600000 qMemoryRegionInfo:400000 qXfer:exec-file:read:1:0,fff
vFile:readlink:2f70726f632f312f657865 vFile:open:2f70726f632f312f657865,0,0
""".split()
_LINES: Final = (
    "step;phase;next;where;registers;uintr;code;stack;frame;walk 0x400000;regions;queues;timeline;"
    "backtrace;events;x 0x400000 16;print rax + 1;break _start;watch w;delete 1;save x;event frame;goto 5;"
    "thread 1;help;list;set rax = 5;step-line;reverse-step-line 2;locals;enable 1;tbreak _start if rax == 1;info b"
)
_MONITOR: Final = _LINES.split(";")
_SPIN: Final = "_start: mov ecx, 100\nl: inc qword ptr [rip + w]\nloop l\nmov eax, 60\nsyscall\n.data\nw: .quad 5\n"


def packets(_folder: Path, source: random.Random) -> None:
    machine = Machine(ram=16 << 20, cpus=1, stdout=Nowhere(), stderr=Nowhere())
    machine.load(assemble(_SPIN))
    session = Session(machine)
    commands = Commands(session, Places(machine))

    def monitor(line: str) -> str:
        try:
            return commands.execute(line)
        except PffemuError as error:
            return str(error)

    stub = Stub(SessionTarget(session, Path("guest"), monitor))
    try:
        for _ in range(PACKETS):
            packet = source.choice(_PACKETS)
            if source.random() < 0.3:
                packet = b"qRcmd," + mutated(source.choice(_MONITOR).encode(), source)[:2000].hex().encode()
            elif source.random() < 0.6:
                packet = mutated(packet, source)[:0x4000]
            if packet[:1] not in (b"c", b"C") and not packet.startswith((b"vCont;c", b"bc")):
                stub.handle(packet)
    finally:
        session.close()


# -- text -------------------------------------------------------------------------------------------------------------


@cache
def _texts(pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(ROOT.glob(pattern)) if path.stat().st_size < 20_000]


def _text(pattern: str, source: random.Random) -> str:
    return mutated(source.choice(_texts(pattern)), source).decode("utf-8", "replace")


def sources(_folder: Path, source: random.Random) -> None:
    with suppress(PffemuError):
        assemble(_text("examples/*.s", source), file="mutant.s")


def directives(folder: Path, source: random.Random) -> None:
    with suppress(PffemuError):
        read_cases(_text("tests/asm/test_*.s", source), str(folder / "test_mutant.s"), folder)


def profiles(_folder: Path, source: random.Random) -> None:
    with suppress(PffemuError):
        parse_profile(_text("pffemu/timing/profiles/*.toml", source), "mutant.toml")


_REPORT: Final = {
    "version": "1", "command": "bench fault", "options": {"profile": "sapphire-rapids", "pages": 16}, "runs": [
        {"mode": "pff", "counts": {"faults": 16}, "faults": {"upcall": {"mean": 100, "count": 16}}, "instructions": 5},
    ],
}  # fmt: skip


def reports(_folder: Path, source: random.Random) -> None:
    from pffemu.report import page

    text = mutated(json.dumps(_REPORT).encode(), source)
    with suppress(ValueError, RecursionError):  # as `pffemu report` catches them
        told = json.loads(text)
        if isinstance(told, dict):
            page.Shown.of("mutant", told)


@dataclass(frozen=True)
class Campaign:
    """A kind of input. `usual`: inputs in `make test`; `long`: in `make check-long`."""

    run: Callable[[Path, random.Random], None]
    usual: int
    long: int


CAMPAIGNS: Final = {
    "elf": Campaign(elf, 40, 10_000), "packets": Campaign(packets, 5, 1700), "sources": Campaign(sources, 25, 3000),
    "directives": Campaign(directives, 30, 5000), "profiles": Campaign(profiles, 20, 2000),
    "reports": Campaign(reports, 50, 5000),
}  # fmt: skip


def run_one(kind: str, folder: Path, seed: int) -> None:
    """Try one input. Raises what must not be raised."""
    CAMPAIGNS[kind].run(folder, random.Random(f"{kind} {seed}"))
