"""Oracle mode: blocks that also run on this host's CPU, and those that must not."""

from __future__ import annotations

import platform

import pytest

from pffemu.testing import native

pytest_plugins = "pytester"
pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the oracle is a Linux host on x86-64"
)

SAME = """
# map: buf 8K rw
# test: registers, stack addresses, data and regions
# regs: rbx=7 rsi=rsp r15=buf
# expect: rax == 3 and mem64[word] == rsp
# stdin: "ab"
    mov eax, 3
    mov [r15 + 4096], rbx
    push rsi
    mov [rip + word], rsp
    stc
.data
word: .quad 0
# test: SSE registers
# regs: xmm2=(5 << 64) + 7
# expect: xmm3 == 5 and xmm2.q1 == 5
    movhlps xmm3, xmm2
# test: a signal
# raises: SIGSEGV
    hlt
# test: an exit with output
# expect: exit == 5 and stdout == "x"
    mov eax, 1
    mov edi, 1
    lea rsi, [rip + text]
    mov edx, 1
    syscall
    mov eax, 231
    mov edi, 5
    syscall
.data
text: .ascii "x"
"""
NOT_FOR_THE_HOST = """
# test: a user-interrupt instruction
# expect: uif == 1
    stui
# test: a system call the sandbox does not let through
# expect: rax == 1
    mov eax, 186
    syscall
# test: a file of the host is not there
# expect: rax == -2
    mov eax, 2
    lea rdi, [rip + name]
    xor esi, esi
    syscall
.data
name: .asciz "/etc/passwd"
# test: what says so
# native: no
# fault: #UD
    .byte 0xc5, 0xfc, 0x58, 0xc0
# test: several cores
# cpus: 2
# expect: rax == 0
    nop
"""


def test_what_is_the_same_passes_and_is_counted(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_n=SAME)
    result = pytester.runpytest_inprocess("--pffemu-native")
    assert result.parseoutcomes() == {"passed": 4}
    result.stdout.fnmatch_lines(["pffemu: 4 blocks also ran on this host's CPU"])


def test_workers_of_xdist_are_counted_too(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_n=SAME)
    result = pytester.runpytest_subprocess("--pffemu-native", "-n", "2")
    result.stdout.fnmatch_lines(["pffemu: 4 blocks also ran on this host's CPU"])


def test_what_is_not_for_the_host_does_not_run_there(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_n=NOT_FOR_THE_HOST)
    result = pytester.runpytest_inprocess("--pffemu-native")
    assert result.parseoutcomes() == {"passed": 5}
    result.stdout.fnmatch_lines(["pffemu: 0 blocks also ran on this host's CPU"])


def test_a_difference_is_a_failure_that_says_both(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makefile(
        ".s",
        test_n="# test: x\n# expect: rax == 3\nmov eax, 3\nmov [rip + w], eax\nmovd xmm9, eax\n.data\nw: .quad 0\n",
    )
    monkeypatch.setattr(native, "_patched", _with_another_constant(native._patched))
    result = pytester.runpytest_inprocess("--pffemu-native")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines([
        "test_n.s:1: the same on this host's CPU",
        "  rax is 0x4 on the host and 0x3 in the machine",
        "  xmm9.q0 is 0x4 on the host and 0x3 in the machine",
        "  the word at w is 0x4 on the host and 0x3 in the machine",
    ])  # fmt: skip


def _with_another_constant(patched):  # type: ignore[no-untyped-def]
    """The host gets `mov eax, 4` where the machine ran `mov eax, 3`."""

    def changed(section, address, code):  # type: ignore[no-untyped-def]
        section = patched(section, address, code)
        return patched(section, section.address, b"\xb8\x04") if section.executable else section

    return changed


def test_without_the_option_nothing_runs_here(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_n=SAME)
    pytester.runpytest_inprocess().stdout.no_fnmatch_line("*host's CPU*")
