"""What we assemble means the same as what GNU as assembles."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu.asm import assemble, disassemble

pytestmark = pytest.mark.skipif(
    not (shutil.which("as") and shutil.which("objcopy")), reason="GNU as and objcopy are not installed"
)

REGISTERS = {
    8: ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r12", "r13", "r15"),
    4: ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "r8d", "r12d", "r13d", "r15d"),
    2: ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "r8w", "r15w"),
    1: ("al", "bl", "cl", "dl", "sil", "dil", "r8b", "r15b"),
}
SIZE_WORDS = {1: "byte", 2: "word", 4: "dword", 8: "qword"}
sizes = st.sampled_from([1, 2, 4, 8])
xmm = st.integers(0, 15).map("xmm{}".format)
displacements = st.one_of(st.sampled_from([0, 1, -1, 127, 128, -128, -129]), st.integers(-(1 << 31), (1 << 31) - 1))


def choice(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split())


@st.composite
def addresses(draw: st.DrawFn) -> str:
    base = draw(st.sampled_from(["", *REGISTERS[8]]))
    index = draw(st.sampled_from(["", "", *(name for name in REGISTERS[8] if name != "rsp")]))
    scale = draw(st.sampled_from([1, 2, 4, 8]))
    displacement = draw(displacements)
    registers = " + ".join(part for part in (base, f"{index}*{scale}" if index else "") if part)
    if not registers:
        segment = draw(st.sampled_from(["", "fs:", "gs:", "ds:"]))
        return f"{segment or 'ds:'}[{displacement}]"
    segment = draw(st.sampled_from(["", "", "", "fs:", "gs:"]))
    return f"{segment}[{registers} {displacement:+d}]"


@st.composite
def two_operands(draw: st.DrawFn) -> str:
    name = draw(choice("add or adc sbb and sub xor cmp mov test"))
    size = draw(sizes)
    register, other = draw(st.sampled_from(REGISTERS[size])), draw(st.sampled_from(REGISTERS[size]))
    memory = f"{SIZE_WORDS[size]} ptr {draw(addresses())}"
    number = draw(st.integers(-(1 << (min(size, 4) * 8 - 1)), (1 << (min(size, 4) * 8 - 1)) - 1))
    pairs = [(register, other), (memory, register), (register, number), (memory, number)]
    pairs += [] if name == "test" else [(register, memory)]
    first, second = draw(st.sampled_from(pairs))
    return f"{name} {first}, {second}"


@st.composite
def one_operand(draw: st.DrawFn) -> str:
    size = draw(sizes)
    operand = draw(
        st.sampled_from([draw(st.sampled_from(REGISTERS[size])), f"{SIZE_WORDS[size]} ptr {draw(addresses())}"])
    )
    name = draw(choice("inc dec neg not mul imul div idiv shl shr sar rol ror rcl rcr"))
    if name in ("shl", "shr", "sar", "rol", "ror", "rcl", "rcr"):
        return f"{name} {operand}, {draw(st.sampled_from(['cl', *map(str, range(1, 64))]))}"
    return f"{name} {operand}"


@st.composite
def wide_operands(draw: st.DrawFn) -> str:
    size = draw(st.sampled_from([2, 4, 8]))
    register, other = draw(st.sampled_from(REGISTERS[size])), draw(st.sampled_from(REGISTERS[size]))
    memory = f"{SIZE_WORDS[size]} ptr {draw(addresses())}"
    source = draw(st.sampled_from([other, memory]))
    narrow = draw(st.sampled_from([REGISTERS[1][0], "r8b", f"byte ptr {draw(addresses())}"]))
    count = draw(st.integers(0, 15))
    return draw(
        st.sampled_from(
            [
                f"{draw(choice('imul bsf bsr popcnt cmove cmovnz cmovl cmovnbe'))} {register}, {source}",
                f"imul {register}, {source}, {draw(st.integers(-32768, 32767))}",
                f"{draw(choice('movzx movsx'))} {register}, {narrow}",
                f"lea {register}, {draw(addresses()).removeprefix('fs:').removeprefix('gs:')}",
                f"{draw(choice('bt bts btr btc'))} {draw(st.sampled_from([other, memory]))}, {register}",
                f"{draw(choice('bt bts btr btc'))} {memory}, {count}",
                f"{draw(choice('shld shrd'))} {memory}, {register}, {draw(st.sampled_from(['cl', str(count)]))}",
                f"{draw(choice('xchg xadd cmpxchg'))} {memory}, {register}",
                f"lock {draw(choice('add xor xadd cmpxchg'))} {memory}, {register}",
                f"bswap {draw(st.sampled_from(REGISTERS[8]))}",
            ]
        )
    )


@st.composite
def sse(draw: st.DrawFn) -> str:
    first, second, memory = draw(xmm), draw(xmm), draw(addresses())
    packed = draw(choice("movaps movups movapd movupd movdqa movdqu"))
    scalar, size = draw(st.sampled_from([("sd", "qword"), ("ss", "dword")]))
    pair = draw(st.sampled_from([(first, second), (first, f"xmmword ptr {memory}"), (f"xmmword ptr {memory}", first)]))
    arithmetic = draw(choice("add sub mul div sqrt min max"))
    return draw(
        st.sampled_from(
            [
                f"{packed} {pair[0]}, {pair[1]}",
                f"mov{scalar} {first}, {size} ptr {memory}",
                f"mov{scalar} {size} ptr {memory}, {first}",
                f"{arithmetic}{scalar} {first}, {second}",
                f"{arithmetic}ps {first}, xmmword ptr {memory}",
                f"cvtsi2{scalar} {first}, qword ptr {memory}",
                f"cvtt{scalar}2si {draw(st.sampled_from(REGISTERS[8]))}, {first}",
                f"{draw(choice('pxor paddd pcmpeqb pand punpcklbw pshufb'))} {first}, {second}",
                f"pshufd {first}, {second}, {draw(st.integers(0, 255))}",
                f"{draw(choice('psllq psrldq pslld'))} {first}, {draw(st.integers(0, 255))}",
                f"movq {first}, {draw(st.sampled_from(REGISTERS[8]))}",
                f"movd {draw(st.sampled_from(REGISTERS[4]))}, {first}",
                f"{draw(choice('movhps movlps movhpd movlpd'))} qword ptr {memory}, {first}",
                f"pextrd dword ptr {memory}, {first}, {draw(st.integers(0, 3))}",
            ]
        )
    )


@st.composite
def other(draw: st.DrawFn) -> str:
    register, memory = draw(st.sampled_from(REGISTERS[8])), draw(addresses())
    string = draw(choice("movs stos lods")) + draw(choice("b w d q"))
    compare = draw(choice("cmps scas")) + draw(choice("b w d q"))
    number = draw(st.integers(-(1 << 31), (1 << 31) - 1))
    return draw(
        st.sampled_from(
            [
                f"push {register}",
                f"push {number}",
                f"push qword ptr {memory}",
                f"pop {register}",
                f"pop qword ptr {memory}",
                f"jmp {register}",
                f"call qword ptr {memory}",
                f"set{draw(choice('z ne c ae g le s np'))} byte ptr {memory}",
                f"movabs {register}, {draw(st.integers(-(1 << 63), (1 << 63) - 1))}",
                f"{draw(st.sampled_from(['', 'rep ']))}{string}",
                f"{draw(st.sampled_from(['', 'repe ', 'repne ']))}{compare}",
                f"fld {draw(st.sampled_from(['dword', 'qword', 'tbyte']))} ptr {memory}",
                f"fstp qword ptr {memory}",
                f"{draw(choice('fadd fsub fsubr fmul fdiv fdivr'))} st, st({draw(st.integers(0, 7))})",
                f"{draw(choice('fadd fsub fsubr fmul fdiv fdivr'))} st({draw(st.integers(1, 7))}), st",
                f"{draw(choice('faddp fsubp fsubrp fmulp fdivp fdivrp'))} st({draw(st.integers(1, 7))}), st",
                f"{draw(choice('fxsave fxrstor cmpxchg8b cmpxchg16b stmxcsr prefetcht0 clflush'))} {memory}",
                draw(
                    choice(
                        "ret leave cdqe cqo syscall cpuid rdtsc nop ud2 pushfq popfq iretq xlatb uiret clui stui testui"
                    )
                ),
                f"senduipi {register}",
                f"mov {register}, cr3",
                "endbr64",
                "jmp .",
                "call .",
            ]
        )
    )


def gnu(lines: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, linked, flat = (Path(folder) / name for name in ("a.s", "a.o", "a.bin"))
        source.write_text(".intel_syntax noprefix\n" + "\n".join(lines) + "\n")
        subprocess.run(["as", "--64", "-o", linked, source], check=True, capture_output=True, text=True)
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text", linked, flat], check=True)
        return flat.read_bytes()


def meaning(code: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """Decoded instructions, without what differs between equal encodings."""
    result = []
    for instruction in disassemble(code):
        if instruction.mnemonic in ("jmp", "call") and instruction.operands.startswith("0x"):
            distance = int(instruction.operands, 16) - instruction.address
            result.append((instruction.mnemonic, (str(distance),)))
            continue
        operands = instruction.operands.split(", ")
        commutes = instruction.mnemonic in ("xchg", "test")
        mnemonic = "mov" if instruction.mnemonic == "movabs" else instruction.mnemonic
        result.append((mnemonic, tuple(sorted(operands) if commutes else operands)))
    return result


lines = st.one_of(two_operands(), one_operand(), wide_operands(), sse(), other())


@given(st.lists(lines, min_size=1, max_size=50))
@settings(max_examples=120, deadline=None)
def test_same_meaning(source: list[str]) -> None:
    mine, theirs = meaning(assemble("\n".join(source), base=0).code), meaning(gnu(source))
    assert len(mine) == len(source)
    assert [*zip(source, mine, strict=True)] == [*zip(source, theirs, strict=True)]
