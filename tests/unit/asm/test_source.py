"""Reading source text: comments, labels, includes, numeric labels."""

from pathlib import Path

import pytest

from pffemu.asm import assemble
from pffemu.asm.expansion import read
from pffemu.asm.source import strip_comments
from pffemu.errors import AssemblyError


def words(source: str) -> list[tuple[str, str]]:
    return [(statement.word, statement.name or statement.rest) for statement in read(source, "<string>", ())]


@pytest.mark.parametrize(
    "line", ["nop # c", "nop // c", "nop ; c", "nop /* c */", "/* c */ nop", "nop#c", "\tnop\t# it's", 'nop # "c']
)
def test_comments_are_dropped(line: str) -> None:
    assert words(line) == [("nop", "")]


@pytest.mark.parametrize("text", ['"a # b"', '"a ; b"', '"a // b"', '"/* a */"', r'"a \" # b"', "'#'", "';'"])
def test_comment_characters_survive_in_literals(text: str) -> None:
    assert words(f".ascii {text} # real comment") == [(".ascii", text)]


def test_block_comment_keeps_line_numbers() -> None:
    statements = read("/* one\ntwo */\nnop", "<string>", ())
    assert [statement.place.number for statement in statements] == [3]


def test_unclosed_block_comment_names_its_line() -> None:
    with pytest.raises(AssemblyError) as caught:
        read("nop\n/* never", "f.s", ())
    assert caught.value.where == "f.s:2"


def test_semicolon_text_is_kept_for_the_lint() -> None:
    assert strip_comments("nop ; ret # x\n", "f") == ("nop \n", {1: "ret"})


def test_several_labels_and_a_statement_on_a_line() -> None:
    assert words("a: b: nop") == [(":", "a"), (":", "b"), ("nop", "")]


def test_segment_override_is_no_label() -> None:
    assert words("mov rax, fs:[0]") == [("mov", "rax, fs:[0]")]


@pytest.mark.parametrize("line", ["N = 5", "N=5", "N equ 5", "N EQU 5"])
def test_assignments(line: str) -> None:
    assert words(line) == [("=", "N")]


def test_numeric_labels_resolve_to_the_nearest() -> None:
    source = "1: jmp 1f\n1: jmp 1b\n jmp 1b\n"
    assert words(source) == [(":", "1@1"), ("jmp", "1@2"), (":", "1@2"), ("jmp", "1@2"), ("jmp", "1@2")]


def test_numeric_references_are_not_found_inside_literals_and_numbers() -> None:
    source = "1: nop\n.ascii \"1b 1f\"\nmov eax, 0x1b\nmov al, '1'\n"
    assert [rest for _, rest in words(source)][2:] == ['"1b 1f"', "eax, 0x1b", "al, '1'"]


@pytest.mark.parametrize(("source", "direction"), [("jmp 1f", "ahead of"), ("jmp 1b\n1: nop", "behind")])
def test_missing_numeric_label(source: str, direction: str) -> None:
    with pytest.raises(AssemblyError, match=f"no label '1:' {direction}"):
        assemble(source)


def test_include_searches_its_own_folder_then_the_given_ones(tmp_path: Path) -> None:
    (tmp_path / "near.inc").write_text("N = 1\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "far.inc").write_text("M = 2\n")
    (other / "near.inc").write_text("N = 9\n")
    source = '.include "near.inc"\n.include "far.inc"\n.byte N, M\n'
    assert assemble(source, file=str(tmp_path / "main.s"), include_dirs=[other]).code == b"\x01\x02"


def test_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "bad.inc").write_text("nop\nnonsense rax\n")
    with pytest.raises(AssemblyError) as caught:
        assemble('.include "bad.inc"', include_dirs=[tmp_path])
    assert caught.value.where == f"{tmp_path / 'bad.inc'}:2"


def test_missing_include(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match=r"'no.inc' not found") as caught:
        assemble('nop\n.include "no.inc"', file="m.s", include_dirs=[tmp_path])
    assert caught.value.where == "m.s:2"


def test_include_cycle(tmp_path: Path) -> None:
    (tmp_path / "a.inc").write_text('.include "b.inc"\n')
    (tmp_path / "b.inc").write_text('.include "a.inc"\n')
    with pytest.raises(AssemblyError, match="includes itself"):
        assemble('.include "a.inc"', include_dirs=[tmp_path])


def test_windows_line_ends() -> None:
    assert assemble("nop\r\nret\r\n").code == b"\x90\xc3"
