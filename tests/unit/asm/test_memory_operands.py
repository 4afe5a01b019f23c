"""Memory accesses of instructions, by example and against a second decoder."""

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu.asm import Instruction, MemoryOperand, assemble, decode, writes_back

NO_ICED = "iced-x86, the second decoder, is not installed"
ADDRESS = 0x1000
# where the two decoders may differ
KNOWN_DIFFERENCES = {
    **dict.fromkeys(("fldenv", "fnstenv", "fnsave", "frstor"), "16-bit forms are smaller"),
    **dict.fromkeys(("lfs", "lgs", "lss", "ljmp", "lcall", "call", "jmp", "bnd"), "size of far pointers"),
    **dict.fromkeys(("insw", "outsw"), "66 together with REX.W"),
    **dict.fromkeys(("clrssbsy", "rstorssp"), "capstone's size"),
    **dict.fromkeys(("xsave", "xsave64", "xsaveopt", "xsaveopt64"), "iced counts the header as read"),
    **dict.fromkeys(("bndcl", "bndcu", "bndcn", "bndldx", "bndstx", "bndmov"), "MPX is off in iced"),
    "enter": "nesting levels are left out",
    "movdir64b": "its store is left out",
    "movsxd": "an unused 16-bit form",
    "umonitor": "touches nothing",
}


def only(code: bytes | str) -> Instruction:
    instruction = decode(bytes.fromhex(code) if isinstance(code, str) else code)
    assert instruction is not None
    return instruction


def written(line: str) -> Instruction:
    return only(assemble(line).code)


def access(operand: MemoryOperand) -> str:
    return "r" * operand.read + "w" * operand.write


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("push rax", MemoryOperand("rsp", None, 1, -8, None, 8, False, True, True)),
        ("push ax", MemoryOperand("rsp", None, 1, -2, None, 2, False, True, True)),
        ("push 5", MemoryOperand("rsp", None, 1, -8, None, 8, False, True, True)),
        ("pushfq", MemoryOperand("rsp", None, 1, -8, None, 8, False, True, True)),
        ("call .", MemoryOperand("rsp", None, 1, -8, None, 8, False, True, True)),
        ("enter 8, 0", MemoryOperand("rsp", None, 1, -8, None, 8, False, True, True)),
        ("pop rax", MemoryOperand("rsp", None, 1, 0, None, 8, True, False, True)),
        ("popfq", MemoryOperand("rsp", None, 1, 0, None, 8, True, False, True)),
        ("ret", MemoryOperand("rsp", None, 1, 0, None, 8, True, False, True)),
        ("ret 8", MemoryOperand("rsp", None, 1, 0, None, 8, True, False, True)),
        ("leave", MemoryOperand("rbp", None, 1, 0, None, 8, True, False, True)),
        ("iretq", MemoryOperand("rsp", None, 1, 0, None, 40, True, False, True)),
        ("xlatb", MemoryOperand("rbx", "al", 1, 0, None, 1, True, False, True)),
        ("maskmovdqu xmm0, xmm1", MemoryOperand("rdi", None, 1, 0, None, 16, False, True, True)),
        ("stosq", MemoryOperand("rdi", None, 1, 0, None, 8, False, True, True)),
        ("lodsw", MemoryOperand("rsi", None, 1, 0, None, 2, True, False, True)),
        ("scasb", MemoryOperand("rdi", None, 1, 0, None, 1, True, False, True)),
        ("mov rax, [rbx + rcx*4 - 8]", MemoryOperand("rbx", "rcx", 4, -8, None, 8, True, False)),
        ("mov fs:[rbx], al", MemoryOperand("rbx", None, 1, 0, "fs", 1, False, True)),
        ("mov eax, gs:[0x10]", MemoryOperand(None, None, 1, 0x10, "gs", 4, True, False)),
        ("mov [0x1122334455667788], al", MemoryOperand(None, None, 1, 0x1122334455667788, None, 1, False, True)),
        ("mov eax, [rip + 5]", MemoryOperand("rip", None, 1, 5, None, 4, True, False)),
        ("mov eax, [ebx]", MemoryOperand("ebx", None, 1, 0, None, 4, True, False)),
        ("add [rbx], eax", MemoryOperand("rbx", None, 1, 0, None, 4, True, True)),
        ("add eax, [rbx]", MemoryOperand("rbx", None, 1, 0, None, 4, True, False)),
        ("movups [rbx], xmm0", MemoryOperand("rbx", None, 1, 0, None, 16, False, True)),
        ("fxsave [rbx]", MemoryOperand("rbx", None, 1, 0, None, 512, False, True)),
        ("fxrstor [rbx]", MemoryOperand("rbx", None, 1, 0, None, 512, True, False)),
        ("bts [rbx], rcx", MemoryOperand("rbx", None, 1, 0, None, 8, True, True, bit_offset="rcx")),
        ("bt [rbx], cx", MemoryOperand("rbx", None, 1, 0, None, 2, True, False, bit_offset="cx")),
        ("bts dword ptr [rbx], 5", MemoryOperand("rbx", None, 1, 0, None, 4, True, True)),
    ],
)
def test_one_access(line: str, expected: MemoryOperand) -> None:
    assert written(line).memory == (expected,)


def test_several_accesses() -> None:
    assert [(m.base, access(m)) for m in written("movsb").memory] == [("rdi", "w"), ("rsi", "r")]
    assert [(m.base, access(m)) for m in written("cmpsq").memory] == [("rsi", "r"), ("rdi", "r")]
    assert [(m.base, m.displacement, access(m)) for m in written("push qword ptr [rbx]").memory] == [
        ("rbx", 0, "r"),
        ("rsp", -8, "w"),
    ]
    assert [(m.base, m.displacement, access(m)) for m in written("call [rsp + 8]").memory] == [
        ("rsp", 8, "r"),
        ("rsp", -8, "w"),
    ]


def test_pop_to_memory_addresses_with_the_moved_stack_pointer() -> None:
    assert [(m.displacement, access(m)) for m in written("pop qword ptr [rsp + 8]").memory] == [(16, "w"), (0, "r")]


def test_segment_override_of_a_string_instruction_is_only_for_the_source() -> None:
    assert [(m.base, m.segment) for m in only("64a4").memory] == [("rdi", None), ("rsi", "fs")]


@pytest.mark.parametrize("line", ["lea rax, [rbx]", "nop dword ptr [rax]", "prefetcht0 [rax]", "invlpg [rax]", "nop"])
def test_no_access(line: str) -> None:
    assert written(line).memory == ()


ARITHMETIC = ("add", "or", "adc", "sbb", "and", "sub", "xor")
READ_MODIFY_WRITE = [
    *(f"{name} [rbx], rcx" for name in (*ARITHMETIC, "xchg", "xadd", "cmpxchg", "bts", "btr", "btc")),
    *(f"{name} dword ptr [rbx]" for name in ("inc", "dec", "neg", "not")),
    *(f"{name} byte ptr [rbx], 3" for name in (*ARITHMETIC, "rol", "ror", "rcl", "rcr", "shl", "shr", "sar")),
    *(f"{name} [rbx], rcx, cl" for name in ("shld", "shrd")),
    *(f"lock {name} [rbx], rcx" for name in ("add", "xadd", "cmpxchg", "bts")),
    *("cmpxchg8b [rbx]", "cmpxchg16b [rbx]", "xchg rcx, [rbx]", "btc qword ptr [rbx], 5"),
]
NO_WRITE_BACK = [
    *(f"{name} rcx, [rbx]" for name in (*ARITHMETIC, "mov", "cmp", "imul", "bsf", "cmove")),
    *(f"{name} [rbx], rcx" for name in ("mov", "cmp", "test", "bt")),
    *("pop qword ptr [rbx]", "push qword ptr [rbx]", "movsb", "rep stosb", "push rax", "call [rbx]"),
    *("movups [rbx], xmm0", "setz [rbx]", "fstp qword ptr [rbx]", "fxsave [rbx]", "stmxcsr [rbx]", "add rax, rbx"),
    *("pextrd [rbx], xmm0, 1", "movnti [rbx], rax", "movhps [rbx], xmm0", "mul qword ptr [rbx]", "lea rax, [rbx]"),
]


@pytest.mark.parametrize("line", READ_MODIFY_WRITE)
def test_read_modify_write(line: str) -> None:
    assert writes_back(written(line).memory)


@pytest.mark.parametrize("line", NO_WRITE_BACK)
def test_no_write_back(line: str) -> None:
    assert not writes_back(written(line).memory)


class Oracle:
    """iced-x86's opinion, in our words."""

    def __init__(self) -> None:
        self.iced: Any = pytest.importorskip("iced_x86", reason=NO_ICED)
        self.factory = self.iced.InstructionInfoFactory()
        kinds = self.iced.OpAccess
        self.reads = (kinds.READ, kinds.COND_READ, kinds.READ_WRITE, kinds.READ_COND_WRITE)
        self.writes = (kinds.WRITE, kinds.COND_WRITE, kinds.READ_WRITE, kinds.READ_COND_WRITE)
        self.names = {
            number: name.lower() for name, number in vars(self.iced.Register).items() if isinstance(number, int)
        }

    def accesses(self, code: bytes) -> tuple[int, list[tuple[Any, ...]]] | None:
        instruction = self.iced.Decoder(64, code, ip=ADDRESS).decode()
        if instruction.is_invalid:
            return None
        used = self.factory.info(instruction).used_memory()
        return instruction.len, [self._plain(memory) for memory in used]

    def _plain(self, memory: Any) -> tuple[Any, ...]:
        segment = self.names[memory.segment]
        return (
            self.names[memory.base],
            self.names[memory.index],
            memory.scale if memory.index else 1,
            memory.displacement % (1 << 64),
            segment if segment in ("fs", "gs") else "none",
            self.iced.MemorySizeExt.size(memory.memory_size),
            memory.access in self.reads,
            memory.access in self.writes,
        )


def ours(instruction: Instruction) -> list[tuple[Any, ...]]:
    next_address = ADDRESS + instruction.size
    rows = []
    for m in instruction.memory:
        relative = m.base in ("rip", "eip")  # iced resolves these
        displacement = (m.displacement + (next_address if relative else 0)) % (1 << 64)
        base = "none" if relative or m.base is None else m.base
        rows.append((base, m.index or "none", m.scale, displacement, m.segment or "none", m.size, m.read, m.write))
    return rows


def difference(oracle: Oracle, code: bytes) -> str:
    """'' when both agree, or one of them cannot decode."""
    theirs, mine = oracle.accesses(code), decode(code, ADDRESS)
    if theirs is None or mine is None or mine.size != theirs[0]:
        return ""
    name = mine.mnemonic.split()[-1]
    if name in KNOWN_DIFFERENCES or mine.mnemonic.split()[0] in KNOWN_DIFFERENCES:
        return ""
    rows, our_rows = theirs[1], ours(mine)
    if b"\x67" in code[:2]:
        rows, our_rows = low_half(rows), low_half(our_rows)
    if any(row[5] == 0 for row in rows):  # iced gives no size to repeated and XSAVE accesses
        strip = [(*row[:5], *row[6:]) for row in our_rows]
        same = sorted(strip) == sorted((*row[:5], *row[6:]) for row in rows)
    else:
        same = merged(our_rows) == merged(rows)
    return "" if same else f"{code.hex()} {mine.text}: {our_rows} but {rows}"


def low_half(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """With an address-size prefix only 32 bits of a displacement count."""
    return [(*row[:3], row[3] % (1 << 32), *row[4:]) for row in rows]


def merged(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Neighbouring stack slots as one access: iced lists each slot of iretq."""
    slots = [row for row in rows if row[0] == "rsp" and row[1] == "none"]
    if len(slots) < 2 or len({row[6:] for row in slots}) > 1 or len({row[5] for row in slots}) > 1:
        return sorted(rows)
    first = min(slots, key=lambda row: (row[3] + (1 << 63)) % (1 << 64))
    whole = (*first[:5], sum(row[5] for row in slots), *first[6:])
    return sorted([*(row for row in rows if row not in slots), whole])


def test_every_opcode_agrees_with_the_second_decoder() -> None:
    oracle = Oracle()
    prefixes = [b"", b"\x66", b"\xf2", b"\xf3", b"\x65", b"\xf0"]
    maps = [b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a"]
    tail = bytes(10)
    found = dict[str, str]()
    for prefix, rex, page, opcode in itertools.product(prefixes, (b"", b"\x48"), maps, range(256)):
        for number in range(8):
            problem = difference(oracle, prefix + rex + page + bytes([opcode, 0x06 | number << 3]) + tail)
            found.setdefault(problem.split(":")[0].split(" ", 1)[-1], problem)
    assert list(filter(None, found.values())) == []


@given(
    st.sampled_from([b"", b"\x66", b"\x67", b"\x64", b"\xf2", b"\xf3", b"\xf0", b"\x67\x65"]),
    st.sampled_from([b"", *(bytes([rex]) for rex in range(0x40, 0x50))]),
    st.sampled_from([b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a"]),
    st.integers(0, 255),
    st.integers(0, 0xBF),
    st.integers(0, 255),
    st.integers(-(1 << 31), (1 << 31) - 1),
)
@settings(max_examples=1500, deadline=None)
def test_random_addresses_agree_with_the_second_decoder(
    prefix: bytes, rex: bytes, page: bytes, opcode: int, modrm: int, sib: int, displacement: int
) -> None:
    code = prefix + rex + page + bytes([opcode, modrm, sib]) + struct.pack("<i", displacement) + bytes(8)
    assert difference(Oracle(), code) == ""
