"""Macros, repetitions and conditions: what GNU as makes of the same text, and one clear error for what is wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pffemu.asm import assemble
from pffemu.errors import AssemblyError

GOOD = {
    "a macro with a default and a keyword": ".macro two a, b=7\n.byte \\a, \\b\n.endm\ntwo 1\ntwo 2, 3\ntwo b=5, a=4",
    "a required argument and the rest": ".macro all first:req, others:vararg\n.byte \\first\n"
    ".ifnb \\others\nall \\others\n.endif\n.endm\nall 1, 2, 3, 4",
    "parameters without commas, names in upper case": ".macro PUT a b\n.byte \\a+\\b\n.endm\nput 1, 2\nPUT 3, 4",
    "the count of uses, and the separator": ".macro m n\nl\\n\\()_\\@: .byte \\@\n.endm\nm 1\nm 1\n.byte l1_1 - l1_0",
    "a quoted argument": '.macro s t\n.ascii "\\t"\n.endm\ns "a, b"\ns c',
    "numeric labels of its own": ".macro j\njmp 1f\nnop\n1:\n.endm\n.text\nj\nj\n.data\n.byte 1",
    "a macro that defines a macro": ".macro outer n\n.macro in_\\n x\n.byte \\x, \\n\n.endm\n.endm\nouter 3\nin_3 9",
    "recursion with an end": ".macro down n\n.byte \\n\n.if \\n\ndown \"(\\n-1)\"\n.endif\n.endm\ndown 5",
    ".exitm": ".macro m n\n.if \\n > 2\n.exitm\n.endif\n.byte \\n\n.endm\nm 1\nm 3\nm 2",
    ".purgem": ".macro m\n.byte 1\n.endm\nm\n.purgem m\n.macro m\n.byte 2\n.endm\nm",
    ".rept": ".rept 3\n.byte 1, 2\n.endr\n.rept 0\n.byte 9\n.endr",
    ".rept inside .rept": ".set i, 0\n.rept 2\n.rept 2\n.byte i\n.set i, i + 1\n.endr\n.endr\n.byte i",
    ".irp": ".irp r, 1, 2, 5\n.byte \\r\n.endr\n.irp r\n.byte 4\\r\n.endr",
    ".irpc": ".irpc d, 0379\n.byte \\d + 1\n.endr",
    "conditions": ".equ n, 4\n.if n == 4 && n != 5\n.byte 1\n.elseif n\n.byte 2\n.else\n.byte 3\n.endif\n"
    ".if n < 2\n.byte 4\n.else\n.byte 5\n.endif\n.ifdef n\n.byte 6\n.endif\n.ifndef q\n.byte 7\n.endif\n"
    ".ifc a,a\n.byte 8\n.endif\n.ifeq n-4\n.byte 9\n.endif\n.if n >= 5 || n << 1 == 8\n.byte 10\n.endif",
    "assignments that a count needs": ".equ b, 2\n.equ a, b + 1\n.set i, 1\n.set i, i * 3 + a\n.set i, i * 2 - a\n"
    ".rept i\n.byte 1\n.endr",
    "an assignment that changes": "i = 3\n.byte i\ni = i * 2\n.byte i\n.set i, 1\n.byte i",
    "code": ".text\n.macro save r:vararg\n.irp one, \\r\npush \\one\n.endr\n.endm\nsave rax, r9, rbx\n"
    ".rept 2\nadd rax, [rsp + 8]\n.endr",
}  # fmt: skip


def contents(source: str) -> tuple[bytes, bytes]:
    program = assemble(f".data\n{source}")
    parts = {section.name: section.data for section in program.sections}
    return parts.get(".text", b""), parts.get(".data", b"")


@pytest.mark.skipif(shutil.which("as") is None or shutil.which("objcopy") is None, reason="no GNU as on this machine")
@pytest.mark.parametrize("what", GOOD)
def test_gnu_as_makes_the_same_bytes(what: str, tmp_path: Path) -> None:
    source, made = tmp_path / "t.s", tmp_path / "t.o"
    source.write_text(f".intel_syntax noprefix\n.data\n{GOOD[what]}\n")
    subprocess.run(["as", "-o", str(made), str(source)], check=True, timeout=60)
    expected = []
    for section in (".text", ".data"):
        dump = tmp_path / "dump"
        dump.write_bytes(b"")
        subprocess.run(["objcopy", "-O", "binary", "-j", section, str(made), str(dump)], check=True, timeout=60)
        expected.append(dump.read_bytes() if dump.exists() else b"")
    assert contents(GOOD[what]) == tuple(expected)


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        (".macro m\n.byte 1", "t.s:1", ".macro is never closed"),
        (".endm", "t.s:1", ".endm without its beginning"),
        (".rept 2\n.endm\n.endr", "t.s:2", ".endm without its beginning"),
        (".macro m a, a\n.endm", "t.s:1", "cannot read the parameters"),
        (".macro m a:vararg, b\n.endm", "t.s:1", "cannot read the parameters"),
        (".macro\n.endm", "t.s:1", ".macro without a name"),
        (".macro m\n.endm\n.macro M\n.endm", "t.s:3", "is defined twice"),
        (".macro m a\n.endm\nm 1, 2", "t.s:3", "takes 1 arguments, not 2"),
        (".macro m a:req\n.endm\nm", "t.s:3", "needs a value for 'a'"),
        (".macro m\n\nfrob rax\n.endm\nnop\nm", "t.s:3", "unknown instruction 'frob'"),
        (".macro m\nm\n.endm\nm", "t.s:2", "inside 64 others"),
        (".rept 1000\n.rept 1000\nnop\n.endr\n.endr", "t.s:2", "more than 200000 lines"),
        (".rept 1000000\nnop\n.endr", "t.s:1", "1000000 repetitions"),
        (".rept -1\nnop\n.endr", "t.s:1", "-1 repetitions"),
        (".rept later\nnop\n.endr\n.equ later, 2", "t.s:1", "'later' is not a number known here"),
        (".irp\nnop\n.endr", "t.s:1", ".irp without a name"),
        (".if here\n.endif\nhere:", "t.s:1", "not a number known here"),
        (".if 1\n.else\n.else\n.endif", "t.s:3", ".else behind .else"),
        (".if 1 < 2 < 3\n.endif", "t.s:1", "compares more than once"),
        (".ifc a\n.endif", "t.s:1", ".ifc compares two texts"),
        (".exitm", "t.s:1", ".exitm outside of a macro"),
        (".purgem m", "t.s:1", "no macro 'm'"),
        (".equ a, b\n.equ b, a\n.if a\n.endif", "t.s:3", "not a number known here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_error_at_its_line(source: str, where: str, what: str) -> None:
    with pytest.raises(AssemblyError) as caught:
        assemble(source, file="t.s")
    assert caught.value.where == where
    assert what in caught.value.what


def test_an_error_in_a_macro_names_its_line_and_where_the_macro_was_used() -> None:
    source = ".macro inner r\nmov \\r, 1\n.endm\n.macro outer r\ninner \\r\n.endm\nnop\nouter rxx\n"
    with pytest.raises(AssemblyError) as caught:
        assemble(source, file="t.s")
    assert caught.value.where == "t.s:2"
    assert "in macro inner, used at t.s:5\n  in macro outer, used at t.s:8" in caught.value.what


def test_lines_of_a_macro_are_those_of_its_body() -> None:
    program = assemble(".macro m\nnop\nmov eax, 1\n.endm\n_start:\nm\nret\nm\n", file="t.s")
    assert [(line.number, line.size) for line in program.lines] == [(2, 1), (3, 5), (7, 1), (2, 1), (3, 5)]


def test_macros_come_with_included_files(tmp_path: Path) -> None:
    (tmp_path / "m.inc").write_text(".macro put n\n.byte \\n\n.endm\n.equ GIVEN, 3\n")
    source = tmp_path / "t.s"
    program = assemble('.data\n.include "m.inc"\n.rept GIVEN\nput 7\n.endr\n', file=str(source))
    assert program.sections[0].data == b"\7\7\7"


def test_defines_decide_conditions() -> None:
    source = ".data\n.ifdef WIDE\n.quad WIDE\n.else\n.byte 1\n.endif\n"
    assert assemble(source).sections[0].size == 1
    assert assemble(source, defines={"WIDE": 5}).sections[0].size == 8
