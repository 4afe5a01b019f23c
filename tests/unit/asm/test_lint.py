"""Checks before keystone: what it must not see is refused, with a place and a remedy."""

import pytest

from pffemu.asm import assemble
from pffemu.errors import AssemblyError


def refusal(source: str) -> AssemblyError:
    with pytest.raises(AssemblyError) as caught:
        assemble(source, file="t.s")
    return caught.value


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('.error "x"', "unknown directive '.error'"),
        (".org 5", "unknown directive"),
        (".att_syntax", "unknown directive"),
        (".intel_syntax prefix", "unknown directive"),
        (".macro m", ".macro is never closed"),
        (".rept 3", ".rept is never closed"),
        (".if 1", ".if is never closed"),
        (".weak f", "unknown directive '.weak'"),
        (".section .tdata", "thread-local storage"),
        (".section .foo", "unknown section"),
        (".text 1", "takes no argument"),
        ("section .data", "NASM"),
        ("movl $5, %eax", "AT&T syntax"),
        ("mov 8(%rsp), %rax", "AT&T syntax"),
        ("jmp *%rax", "AT&T syntax"),
        ("call *table(,%rax,8)", "AT&T syntax"),
        ("mov eax, 7 %nowhere", "unknown name"),
        ("db 5", "NASM"),
        ("frobnicate rax", "unknown instruction"),
        ("data16 mov eax, 1", "unknown instruction"),
        ("rex64 [rax], 255", "unknown instruction"),
        ("lock repz [rsp], rbp", "unknown instruction"),
        ("mov ah, r8b", "cannot be in one instruction"),
        ("mov r8b, ah", "cannot be in one instruction"),
        ("mov sil, bh", "cannot be in one instruction"),
        ("movzx rax, ah", "cannot be in one instruction"),
        ("mov ah, [r9]", "cannot be in one instruction"),
        ("add [rax + r10], ch", "cannot be in one instruction"),
        ("mov dword ptr [0xfee00300], 5", "does not fit in 32 signed bits"),
        ("mov rbx, [rax + 0x80000000]", "displacement"),
        ("push 0x80000000", "16 bits"),
        ("push 0xffffffff", "16 bits"),
        ("iret", "16-bit return"),
        ("rep", "alone on its line"),
        ("lock", "alone on its line"),
        ("rep add [rax], eax", "rep belongs to string"),
        ("repne stosb", "only cmps and scas compare|repne before"),
        ("lock add eax, ebx", "lock without a memory operand"),
        ("nop ; ret", "looks like a second instruction"),
        ("nop ; mov eax, 1", "looks like a second instruction"),
        ("uiret rax", "wrong operands"),
        ("senduipi eax", "wrong operands"),
        ("senduipi", "wrong operands"),
        ("movsb byte ptr [rax], byte ptr [rbx]", "are fixed"),
        ("xlatb [rbx + 4]", "are fixed"),
        ("here: mov rax, here", "bare label"),
        ("here: cmp rax, here", "bare label"),
        ("a: mov eax, b - a\nb: nop", "one label plus a number"),
    ],
)
def test_refused_with_place_and_remedy(line: str, what: str) -> None:
    error = refusal("nop\n" + line)
    assert error.where == "t.s:2"
    assert error.remedy
    assert pytest.RaisesExc(AssemblyError, match=what).matches(error), error.what
    assert line.split("\n")[0] in error.what  # the source line is quoted


@pytest.mark.parametrize(
    "line",
    [
        "nop ; see below",
        "nop ; add one to it",
        "; ret",
        "mov ah, [rax]",
        "mov ah, bl",
        "movzx eax, ah",
        "add [rbx], ch",
        "push -1",
        "push 0xffffffffffffffff",
        "push 0x7fffffff",
        "rep movsb",
        "repne scasb",
        "lock inc dword ptr [rax]",
        "movsb byte ptr [rdi], byte ptr [rsi]",
        "here: mov rax, offset here",
        "here: movabs rax, here",
        "here: jmp here + 0",
    ],
)
def test_accepted(line: str) -> None:
    assert assemble(line).code or line.startswith(";")


def test_misspelled_instruction_gets_a_suggestion() -> None:
    assert refusal("movz eax, al").remedy.startswith("did you mean")
