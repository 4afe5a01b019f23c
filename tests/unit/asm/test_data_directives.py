"""Data directives and section layout."""

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
        (".ascii hello", "no string"),
        ('.ascii "a', "no string"),
        (r'.ascii "\q"', "unknown escape"),
        (".align 3", "no possible alignment"),
        (".align 8192", "no possible alignment"),
        (".p2align 13", "no possible alignment"),
        (".align 16, 0, 3", "takes a boundary"),
        (".skip -1", "makes no sense"),
        (".skip a", "unknown name"),
        (".skip 0x40000000", "too many"),
        ("nop", "instruction in .data"),
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
