"""keystone 0.9.2's traps: its raw behaviour, and that pffemu's front-end refuses or corrects each.

When a test of the raw behaviour fails, keystone has changed: the check for that row may be dropped. Input that kills
the process runs in a child process.
"""

import subprocess
import sys

import keystone
import pytest

from pffemu.asm import assemble, disassemble
from pffemu.errors import AssemblyError

BASE = 0x400000

CHILD = """
import sys, signal, keystone
signal.alarm(2)
engine = keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64)
try:
    code, _ = engine.asm(sys.argv[1], 0x400000, as_bytes=True)
    print(code.hex() if code else "empty")
except keystone.KsError as error:
    print("error", error.errno)
"""


def raw(source: str) -> str:
    """keystone's answer in hex, 'empty' or 'error'."""
    engine = keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64)
    try:
        code, _ = engine.asm(source, BASE, as_bytes=True)
    except keystone.KsError:
        return "error"
    return code.hex() if code else "empty"


def survives(source: str) -> bool:
    """Whether keystone gives any answer within two seconds; it may exit, crash or hang instead."""
    child = subprocess.run([sys.executable, "-c", CHILD, source], capture_output=True, check=False)
    return child.returncode == 0 and bool(child.stdout)


def ours(source: str) -> str:
    """Decoded meaning of what we assemble, or 'refused'."""
    try:
        return "; ".join(instruction.text for instruction in disassemble(assemble(source).code, BASE))
    except AssemblyError as error:
        return "refused" if error.where.startswith("<string>:") and error.remedy else "refused without help"


def test_the_child_process_answers_for_good_input() -> None:
    assert survives("nop\n")


@pytest.mark.parametrize(
    ("source", "meaning"),
    [
        ("mov ah, r8b\n", "refused"),
        ("mov r8b, ah\n", "refused"),
        ("mov ah, sil\n", "refused"),
        ("movzx rax, ah\n", "refused"),
        (".cfi_startproc\n", ""),  # let pass, not handed on
        (".text\nnop\n", "nop"),
        ("rex64 [rax], 255\n", "refused"),
        ("data16 fs:[rax + rcx*4], cr8\n", "refused"),
        ("lock repz [rsp], rbp\n", "refused"),
    ],
)
def test_input_that_kills_or_hangs_keystone(source: str, meaning: str) -> None:
    assert not survives(source)
    assert ours(source) == meaning


@pytest.mark.parametrize(
    ("source", "keystone_says", "meaning"),
    [
        # silently empty
        ("mov rax, qword [rbx]\n", "empty", "mov rax, qword ptr [rbx]"),
        ("mov dword [rbx], 1\n", "empty", "mov dword ptr [rbx], 1"),
        # silently ignored
        ("mov eax,[rbx+\n", "8b03", "refused"),
        ('.error "x"\nnop\n', "90", "refused"),
        ('.include "missing"\nnop\n', "90", "refused"),
        # wrong addresses
        ("mov rbx,[0x1000]\n", "488b1d00100000", "mov rbx, qword ptr [0x1000]"),
        ("mov rbx, ds:[0x1000]\n", "488b1d00100000", "mov rbx, qword ptr [0x1000]"),
        ("mov rbx, fs:[0x28]\n", "64488b1d28000000", "mov rbx, qword ptr fs:[0x28]"),
        ("mov r12, gs:[0x60]\n", "654c8b2560000000", "mov r12, qword ptr gs:[0x60]"),
        ("mov dword ptr [0xfee00300], 5\n", "c704250003e0fe05000000", "refused"),
        ("mov rax, [al]\n", "488b00", "refused"),
        ("push rip\n", "50", "refused"),
        # wrong widths
        ("push 0x80000000\n", "66680000", "refused"),
        ("push 0xffffffff\n", "6668ffff", "refused"),
        ("push 65535\n", "6aff", "refused"),
        ("pushf\n", "669c", "pushfq"),
        ("popf\n", "669d", "popfq"),
        ("iret\n", "66cf", "refused"),
        # truncated constants
        ("mov al,300\n", "b02c", "refused"),
        ("mov ax,0x12345\n", "66b84523", "refused"),
        ("add al,256\n", "0400", "refused"),
        ("mov eax, 0x1ffffffff\n", "b8ffffffff", "refused"),
        ("ret 0x10000\n", "c20000", "refused"),
        ("mov rbx, [rax+0x80000000]\n", "488b9800000080", "refused"),
        ("pslld xmm1, 0xffffffffffffffff\n", "660f72f1ff", "refused"),
        # labels and numbers
        ("1: jmp 1b\n", "error", "jmp 0x400000"),
        ("a: jmp a + 8\n", "error", "jmp 0x400008"),
        ("mov eax, 017\n", "b80f000000", "refused"),
        ("mov eax, 10h\n", "b810000000", "refused"),
        ("mov eax, 08\n", "error", "refused"),
        # comments
        ("nop # c", "error", "nop"),
        ("nop // c", "error", "nop"),
        ("nop ; c\n", "error", "nop"),
        # unknown to keystone
        ("jmp short .\n", "error", "jmp 0x400000"),
        ("a: mov rax, offset a\n", "error", "mov rax, 0x400000"),
        ("a: nop\n.size a, 1\n", "error", "nop"),
        ("endbr64\n", "error", "endbr64"),
        ("uiret\n", "error", "uiret"),
        ("senduipi r9\n", "error", "senduipi r9"),
        ("clui\n", "error", "clui"),
        ("stui\n", "error", "stui"),
        ("testui\n", "error", "testui"),
        ("sysretq\n", "error", "sysretq"),
        ("movsd\n", "error", "movsd dword ptr [rdi], dword ptr [rsi]"),
        ("loopz .\n", "error", "loope 0x400000"),
        (".org 8\nnop\n", "error", "refused"),
        ("rdpid rax\n", "error", "refused"),
        ("xbegin .\n", "error", "refused"),
        ("notrack jmp rax\n", "error", "refused"),
        ("vaddps zmm1 {k1}, zmm2, zmm3\n", "62f16c4958cb", "refused"),
        # other encodings than expected, but right
        ("nop dword ptr [rax]\n", "0f1820", "nop dword ptr [rax]"),
    ],
)
def test_keystone_answers_wrongly(source: str, keystone_says: str, meaning: str) -> None:
    assert raw(source) == keystone_says
    assert ours(source) == meaning


def test_loop_out_of_reach_is_truncated() -> None:
    source = "loop far\n.space 200\nfar: nop\n"
    assert raw(source).startswith("e2c8")  # backwards
    assert ours(source.replace(".space", ".skip")) == "refused"


def test_errors_carry_no_line() -> None:
    with pytest.raises(keystone.KsError) as caught:
        keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64).asm("nop\nnop\nbad rax\n")
    assert caught.value.get_asm_count() == 0
    with pytest.raises(AssemblyError) as ours_caught:
        assemble("nop\nnop\nbad rax\n", file="t.s")
    assert ours_caught.value.where == "t.s:3"


def test_label_table_and_pseudo_index_still_work() -> None:
    """Two undocumented habits the encoder relies on."""
    assert raw("a: nop\nb: nop\n.quad a, b\n") == "9090" + "0000400000000000" + "0100400000000000"
    assert raw("mov rbx, fs:[riz*1 + 0x28]\n") == "64488b1c2528000000"
    assert raw("jmp x\n.set x, y + 8\ny: nop\n") == "eb0890"
