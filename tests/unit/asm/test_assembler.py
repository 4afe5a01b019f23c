"""Whole programs: addresses, symbols, lines, read-back, and errors that name their line."""

import pytest

from pffemu.arch.own_encodings import FORMS
from pffemu.asm import assemble, decode, disassemble, listing
from pffemu.errors import AssemblyError

PROGRAM = """\
.globl _start
_start:
    lea rdi, [rip + table]   # across sections
    call double
1:  dec ecx
    jnz 1b
    jmp 1f
    int3
1:  uiret
double:
    shl rax
    ret
.data
table: .quad double, 1
"""


def texts(source: str, base: int = 0x400000) -> list[str]:
    return [instruction.text for instruction in disassemble(assemble(source, base=base).code, base)]


def test_program_decodes_to_what_was_written() -> None:
    assert texts(PROGRAM) == [
        "lea rdi, [rip + 0xff9]",
        "call 0x400017",
        "dec ecx",
        "jne 0x40000c",
        "jmp 0x400013",
        "int3",
        "uiret",
        "shl rax, 1",
        "ret",
    ]


def test_symbols_entry_and_lines() -> None:
    program = assemble(PROGRAM, file="p.s")
    assert program.entry == program.symbols["_start"] == 0x400000
    assert program.symbols["table"] == 0x401000
    table = next(section for section in program.sections if section.name == ".data")
    assert table.data[:8] == program.symbols["double"].to_bytes(8, "little")
    lines = {line.number: line for line in program.lines}
    assert (lines[4].address, lines[4].size, lines[4].file, lines[4].text) == (0x400007, 5, "p.s", "    call double")
    assert sum(line.size for line in program.lines if line.address < 0x401000) == len(program.code)
    assert 2 not in lines  # a label alone produces nothing


def test_entry_without_start_is_the_base() -> None:
    assert assemble("nop", base=0x5000).entry == 0x5000


def test_listing_shows_addresses_bytes_and_source() -> None:
    text = listing(assemble(PROGRAM, file="p.s"))
    assert "  0x400007  e80b000000" in text
    assert "p.s:4" in text
    assert "call double" in text
    assert "\ndouble:\n" in text
    assert listing(assemble("")) == ""


@pytest.mark.parametrize("base", [0, 0x1000, 0x400123, 0x7FFF_0000, 0x1234_5678_9000])
def test_any_base_address(base: int) -> None:
    program = assemble("here: lea rax, [rip + here]\njmp far\n.align 16\nfar: ret\n.data\nd: .quad here\n", base=base)
    assert decode(program.code, base).text == "lea rax, [rip - 7]"
    assert program.symbols["far"] % 16 == 0
    assert program.symbols["d"] % 4096 == 0
    assert program.symbols["d"] > program.symbols["far"] >= base


@pytest.mark.parametrize("base", [-1, 1 << 46])
def test_impossible_base(base: int) -> None:
    with pytest.raises(AssemblyError, match="out of range"):
        assemble("nop", base=base)


def test_defines_are_equates() -> None:
    assert assemble("mov eax, N * 2", defines={"N": 21}).code == b"\xb8\x2a\0\0\0"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((name, code.hex()) for name, code in FORMS.items()),
        ("endbr64", "f30f1efa"),
        ("sysretq", "480f07"),
        ("senduipi rax", "f30fc7f0"),
        ("senduipi rdi", "f30fc7f7"),
        ("senduipi r8", "f3410fc7f0"),
        ("SENDUIPI R15", "f3410fc7f7"),
        ("pushf", "9c"),
        ("popf", "9d"),
        ("movsd", "a5"),
        ("rep movsd", "f3a5"),
        ("mov rbx, fs:[0x28]", "64488b1c2528000000"),
        ("mov r12, gs:[0x60]", "654c8b242560000000"),
        ("mov rbx, [0x1000]", "488b1c2500100000"),
        ("mov rax, [0xffffffff80000000]", "488b042500000080"),
        ("mov eax, [0xfee00300]", "a10003e0fe00000000"),
        ("mov [0xfee00300], eax", "a30003e0fe00000000"),
        ("mov rax, qword [rbx]", "488b03"),
        ("mov dword [rbx], 1", "c70301000000"),
        ("mov rax, [rax + rsp]", "488b0404"),
        ("jmp .", "ebfe"),
        ("jmp short .", "ebfe"),
    ],
)
def test_exact_bytes(line: str, code: str) -> None:
    assert assemble(line).code.hex() == code


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("mov al, 300", "0x12c does not fit in 8 bits"),
        ("mov al, -129", "does not fit in 8 bits"),
        ("add al, 256", "does not fit in 8 bits"),
        ("mov ax, 0x12345", "does not fit in 16 bits"),
        ("mov eax, 0x1ffffffff", "does not fit in 32 bits"),
        ("imul ax, bx, 0x12345", "does not fit in 16 bits"),
        ("mov byte ptr [rax], 0x100", "does not fit in 8 bits"),
        ("test al, 0x1ff", "does not fit in 8 bits"),
        ("ret 0x10000", "does not fit in 16 bits"),
        ("enter 0x12345, 0", "does not fit in 16 bits"),
        ("push 0xffff", "0xffff became 0xffffffffffffffff"),
        ("pslld xmm1, 0xffffffffffffffff", "does not fit in 8 bits"),
        ("jle 0xffffffff", "0xffffffff became 0xffffffffffffffff: out of reach"),
        ("fsub", "fsubp, not fsub"),
        ("ljmp [rax]", "jmp, not ljmp"),
        ("lock seta [rax]", "not an instruction"),
    ],
)
def test_read_back_refuses_what_keystone_bends(line: str, detail: str) -> None:
    with pytest.raises(AssemblyError, match="keystone encoded this as") as caught:
        assemble("nop\n" + line, file="t.s")
    assert detail in caught.value.what
    assert caught.value.where == "t.s:2"


@pytest.mark.parametrize(
    "line",
    [
        *("jz .", "setnae al", "cmovnbe eax, ebx", "sal rax, 3", "shl rax", "imul rax, 5", "xchg rax, rbx"),
        *("xchg rbx, [rax]", "test rbx, [rcx]", "movabs rax, 0x1122334455667788", "movsx rax, ecx", "loopz ."),
        *("fadd st, st(1)", "fadd st(1), st", "faddp", "faddp st(1), st", "fcomi st, st(1)", "fxch", "fwait", "finit"),
        *("fstcw [rax]", "cmpps xmm0, xmm1, 1", "cmpeqsd xmm0, xmm1", "pblendvb xmm0, xmm1", "xlatb", "icebp"),
        *("pblendvb xmm0, xmm1, xmm0", "mov rax, cr3", "mov dr7, rax", "mov gs, ax", "in al, dx", "out 5, eax"),
        *("and rax, 0xfffffffffffffff0", "add ax, 0xffff", "mov al, -128", "mov al, 255", "lodsb", "repe cmpsb"),
        *("vaddps ymm0, ymm1, [rax]", "andn rax, rbx, rcx", "rorx rax, rbx, 5", "fxsave64 [rax]", "enter 16, 1"),
    ],
)
def test_other_spellings_pass_the_read_back(line: str) -> None:
    assert assemble(line).code


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("mov [rax], 5", "give the memory operand a size"),
        ("fld [rax]", "give the memory operand a size"),
        ("mov rax, ebx", "operand sizes"),
        ("add rax, 0xffffffff", "64-bit constant"),
        ("jmp 0x7fffffffffff", "out of reach"),
    ],
)
def test_keystone_error_names_the_line(line: str, remedy: str) -> None:
    with pytest.raises(AssemblyError, match="keystone: ") as caught:
        assemble(f"nop\n# comment\nnop\n{line}\nnop\n", file="t.s")
    assert caught.value.where == "t.s:4"
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("gap", [126, 200, 300])  # keystone truncates up to 255, then complains
def test_target_out_of_reach_names_the_line(gap: int) -> None:
    source = f"a: nop\nloop a\nloop far\njmp far\n.skip {gap}\nfar: nop\nloop far\n"
    with pytest.raises(AssemblyError, match="out of reach") as caught:
        assemble(source, file="t.s")
    assert caught.value.where == "t.s:3"


def test_jump_into_data_and_label_arithmetic() -> None:
    program = assemble("call code + 1\nlea rax, [rip + code + 4]\n.data\n.skip 8\ncode: .byte 0x90, 0xc3\n")
    call, lea = disassemble(program.code, program.base)
    assert call.operands == hex(program.symbols["code"] + 1)
    assert lea.address + lea.size + int(lea.operands.split()[-1][:-1], 16) == program.symbols["code"] + 4


def test_huge_bss_costs_nothing() -> None:
    program = assemble("lea rax, [rip + end]\n.bss\n.skip 0x40000000\nend: .skip 1\n")
    assert program.symbols["end"] == 0x401000 + 0x40000000


def test_label_beyond_32_bits_is_refused() -> None:
    with pytest.raises(AssemblyError):
        assemble("lea rax, [rip + end]\n.bss\n.skip 0x100000000\nend: .skip 1\n")
    with pytest.raises(AssemblyError):
        assemble("here: mov rax, [here + rbx*8]", base=0x1_0000_0000)


def test_text_sections_may_alternate() -> None:
    program = assemble("nop\n.data\n.byte 1\n.text\nret\n.data\n.byte 2\n")
    assert [section.data for section in program.sections] == [b"\x90\xc3", b"\x01\x02"]


def test_assembling_is_pure() -> None:
    first = assemble(PROGRAM)
    assemble("mov eax, 10")
    assert assemble(PROGRAM) == first
