"""Data directives and section layout."""

import struct

import pytest

from pffemu.asm import assemble
from pffemu.errors import AssemblyError


def data(lines: str) -> bytes:
    (section,) = assemble(f".data\n{lines}").sections
    return section.data


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".byte 1, -1, 0xff, 'a'", b"\x01\xff\xffa"),
        (".word 0x1234", b"\x34\x12"),
        (".short -2", b"\xfe\xff"),
        (".2byte 1", b"\x01\x00"),
        (".long 0x12345678", b"\x78\x56\x34\x12"),
        (".int -1", b"\xff" * 4),
        (".4byte 1", b"\x01\0\0\0"),
        (".quad 0x1122334455667788", bytes.fromhex("8877665544332211")),
        (".8byte -1", b"\xff" * 8),
        ('.ascii "a,b", "c"', b"a,bc"),
        ('.asciz "a", "b"', b"a\0b\0"),
        (r'.string "\n\t\\\"\x41\101\0"', b'\n\t\\"AA\0\0'),
        ('.ascii "\u00e9"', b"\xc3\xa9"),
        (".skip 3", b"\0\0\0"),
        (".space 2, 0xcc", b"\xcc\xcc"),
        (".zero (1+1)*2", b"\0\0\0\0"),
        (".byte 1\n.align 4\n.byte 2", b"\x01\0\0\0\x02"),
        (".byte 1\n.balign 4, 9\n.byte 2", b"\x01\x09\x09\x09\x02"),
        (".byte 1\n.p2align 2\n.byte 2", b"\x01\0\0\0\x02"),
        (".value 0x1234", b"\x34\x12"),
        (".octa 1, -1", b"\1" + bytes(15) + b"\xff" * 16),
        (".fill 2, 3, 0x11223344", b"\x44\x33\x22" * 2),
        (".fill 1, 8, -1", b"\xff\xff\xff\xff\0\0\0\0"),
        (".fill 3", b"\0\0\0"),
        (".byte 1\n.p2align 4,,3\n.byte 2", b"\x01\x02"),
        (".byte 1\n.p2align 2,,3\n.byte 2", b"\x01\0\0\0\x02"),
        (".byte 1\n.p2align 2, 5, 3\n.byte 2", b"\x01\5\5\5\x02"),
        (".double 0.5, -0.0, 1e-320, 1e22", struct.pack("<4d", 0.5, -0.0, 1e-320, 1e22)),
        (".float 1.5, 3, .5, 0f2.5, 16777217, 1e-45", struct.pack("<6f", 1.5, 3, 0.5, 2.5, 16777216, 1e-45)),
        (".single inf, -inf", bytes.fromhex("0000807f000080ff")),
        (".float 1.00000017881393432617187499", bytes.fromhex("0100803f")),  # by way of a double: 02
        (".double nan", bytes.fromhex("000000000000f87f")),
        ("a: .word 0\nb: .byte b-a, (b-a)*2", b"\0\0\x02\x04"),
    ],
)
def test_bytes(line: str, expected: bytes) -> None:
    assert data(line) == expected


def test_label_difference_cannot_be_multiplied_before_it_is_known() -> None:
    with pytest.raises(AssemblyError, match="plain numbers"):
        data(".byte (b-a)*2\na: .word 0\nb: .byte 0")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (".byte 256", "does not fit in 1 bytes"),
        (".byte -129", "does not fit"),
        (".word 0x10000", "does not fit"),
        (".byte", "argument missing"),
        (".byte 1,,2", "argument missing"),
        (".ascii hello", "not a string"),
        ('.ascii "a', "not a string"),
        (r'.ascii "\q"', "unknown escape"),
        (".align 3", "not a possible alignment"),
        (".align 8192", "not a possible alignment"),
        (".p2align 13", "not a possible alignment"),
        (".align 16, 0, 3, 4", "takes a boundary"),
        (".skip -1", "makes no sense"),
        (".skip a", "unknown name"),
        (".skip 0x40000000", "too many"),
        ("nop", "instruction in .data"),
        (".double x", "not a floating-point number"),
        (".double 1e999", "too large"),
        (".float 1e39", "too large for 4 bytes"),
        (".fill -1", "makes no sense"),
        (".comm x", "takes a name, a size and an alignment"),
        (".popsection", "without .pushsection"),
        (".comm rax, 8", "it is a register"),
    ],
)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=message) as caught:
        data(line)
    assert caught.value.where == "<string>:2"


def test_label_in_a_narrow_field() -> None:
    assert data("a: .long a - 1") == (0x400000 - 1).to_bytes(4, "little")


def test_label_too_large_for_its_field() -> None:
    with pytest.raises(AssemblyError, match="does not fit in 2 bytes"):
        data("a: .word a")


def test_sections_on_their_own_pages_in_fixed_order() -> None:
    source = ".bss\nc: .skip 5000\n.data\n.byte 1\n.section .rodata\nr: .byte 2\n.text\nnop\n.data\nd: .byte 3\n"
    program = assemble(source, base=0x10000)
    shape = [(s.name, s.address, s.size, len(s.data), s.writable, s.executable) for s in program.sections]
    assert shape == [
        (".text", 0x10000, 1, 1, False, True),
        (".rodata", 0x11000, 1, 1, False, False),
        (".data", 0x12000, 2, 2, True, False),
        (".bss", 0x13000, 5000, 0, True, False),
    ]
    assert program.symbols == {"c": 0x13000, "r": 0x11000, "d": 0x12001}


def test_absent_sections_are_skipped() -> None:
    assert [section.name for section in assemble(".data\n.byte 1").sections] == [".data"]
    assert assemble("").sections == ()


def test_bss_only_reserves() -> None:
    with pytest.raises(AssemblyError, match="holds no bytes"):
        assemble(".bss\n.byte 1")
    with pytest.raises(AssemblyError, match="fill byte"):
        assemble(".bss\n.skip 4, 1")
    program = assemble(".bss\n.skip 1\n.align 64\nx: .skip 1 << 40\n", base=0)
    assert (program.symbols["x"], program.sections[0].size) == (64, (1 << 40) + 64)


def test_length_of_a_string_in_an_instruction_before_it() -> None:
    source = 'mov ecx, length\n.data\nmsg: .ascii "hello"\nlength = . - msg\n'
    assert assemble(source).code == b"\xb9\x05\0\0\0"


def test_text_data_with_labels() -> None:
    program = assemble("a: jmp b\n.quad a, b, b - a\n.byte 7\nb: ret\n", base=0x1000)
    target = program.symbols["b"]
    assert program.code[2:26] == b"".join(number.to_bytes(8, "little") for number in (0x1000, target, target - 0x1000))
    assert program.code[26:] == b"\x07\xc3"


@pytest.mark.parametrize("name", ["rax", "st", "zmm3", "riz", "."])
def test_names_that_cannot_be_labels(name: str) -> None:
    with pytest.raises(AssemblyError, match="cannot be a name"):
        assemble(f".equ {name}, 1")


def test_names_are_defined_once() -> None:
    with pytest.raises(AssemblyError, match="'a' is defined twice") as caught:
        assemble("a: nop\na: nop")
    assert caught.value.where == "<string>:2"
    with pytest.raises(AssemblyError, match="'N' is defined twice"):
        assemble("N = 1", defines={"N": 2})


def test_unknown_name_suggests_a_close_one() -> None:
    with pytest.raises(AssemblyError, match="unknown name 'buffr'") as caught:
        assemble("lea rax, [buffr]\n.data\nbuffer: .byte 0")
    assert caught.value.remedy == "did you mean 'buffer'?"


@pytest.mark.parametrize(
    "line", [".globl x", ".global x", ".type x, @function", ".size x, .-x", ".intel_syntax noprefix"]
)
def test_ignored_directives(line: str) -> None:
    assert assemble(f"{line}\nnop").code == b"\x90"


def test_sections_of_a_kind_are_together_and_each_is_in_one_piece() -> None:
    source = """
.section .rodata
a: .byte 1
.section .rodata.str1.1,"aMS",@progbits,1
b: .string "b"
.section .rodata
c: .byte 2
.section .rodata.cst16,"aM",@progbits,16
.align 16
d: .quad 3
.section .text.unlikely
cold: ud2
.text
hot: nop
.previous
ret
.section .mine,"aw"
e: .byte 4
.pushsection .data
f: .byte 5
.popsection
g: .byte 6
.section .zeros,"aw",@nobits
h: .zero 8
"""
    program = assemble(source, base=0x10000)
    assert [(s.name, s.address, s.data, s.size) for s in program.sections] == [
        (".text", 0x10000, b"\x0f\x0b\xc3\x90", 4),
        (".rodata", 0x11000, b"\1\2b\0" + bytes(12) + b"\3" + bytes(7), 24),
        (".data", 0x12000, b"\5\4\6", 3),
        (".bss", 0x13000, b"", 8),
    ]
    assert {name: program.symbols[name] for name in "abcdefgh"} == {
        "a": 0x11000, "c": 0x11001, "b": 0x11002, "d": 0x11010, "f": 0x12000, "e": 0x12001, "g": 0x12002, "h": 0x13000,
    }  # fmt: skip


def test_what_is_not_loaded_is_dropped_with_its_labels() -> None:
    source = (
        'nop\n.section .debug_info,"",@progbits\n.long .Lnowhere\n.Lx: .byte 1\n.section .note.GNU-stack,"",@progbits\n'
    )
    program = assemble(source + ".text\n.Lx: ret\n")
    assert [(section.name, section.data) for section in program.sections] == [(".text", b"\x90\xc3")]


def test_common_symbols_are_space_in_bss() -> None:
    program = assemble(".local x\n.comm x,5,4\n.comm y,16,32\n.lcomm z,1\nmov al, [rip + z]\n", base=0)
    start = program.symbols["x"]
    assert [program.symbols[name] - start for name in "xyz"] == [0, 32, 48]
    assert (program.sections[-1].name, program.sections[-1].size) == (".bss", 49)


@pytest.mark.parametrize(
    "line",
    [
        '.file "a.c"',
        '.ident "GCC"',
        ".cfi_startproc",
        ".cfi_def_cfa_offset 16",
        ".loc 1 2 3",
        ".hidden x",
        ".size x, .-x",
    ],
)
def test_what_only_describes_the_program_is_let_pass(line: str) -> None:
    assert assemble(f"nop\n{line}\nret").code == b"\x90\xc3"
