"""Floating point of whole guests: what is exact always, and what only with `exact_float`."""

from __future__ import annotations

import pytest

from kernel_model.abi.uapi import Signal
from pffemu import Exited, Killed
from pffemu.events.kernel import Warned
from tests.guest_tools import CHECKPOINT, load, plain_guest, run

TWO_NANS = """
    mov rax, 0x7ff8000000000001
    movq xmm0, rax
    mov rax, 0xfff8000000000002
    movq xmm1, rax
    addsd xmm0, xmm1
    movq rdi, xmm0
    and edi, 255
"""
DENORMAL = "mov eax, 1\nmovd xmm0, eax\naddss xmm0, xmm0\nstmxcsr [rsp - 8]\nmov edi, [rsp - 8]\nand edi, 0x3f\n"
STACK_FAULT = "fld1\nfstp st(0)\nfstp st(0)\nfnstsw ax\nmovzx edi, al\n"


# a signaling NaN with #IA unmasked: C3, C2 and C0 are set, nothing is popped
COMPARISON = """
    mov rax, 0x8000000000000001
    mov [rsp - 16], rax
    mov word ptr [rsp - 8], 0x7fff
    mov word ptr [rsp - 24], 0x37e
    fldcw [rsp - 24]
    fld1
    fld tbyte ptr [rsp - 16]
    fcompp
    fnstsw ax
    movzx edi, ah
"""
# the undocumented FSTP that raises nothing: of an empty register it only pops
QUIET_STORE = "fldz\nfld1\nfstp st(0)\nfld1\nffree st(0)\n.byte 0xd9, 0xd9\nftst\nfnstsw ax\nmovzx edi, ah\n"
# a base-2 logarithm of what is very large, and of what is very small
LOGARITHM = """
    mov rax, 0x8000000000000000
    mov [rsp - 16], rax
    mov word ptr [rsp - 8], 0x3fff + 16000
    fld1
    fld tbyte ptr [rsp - 16]
    fyl2xp1
    mov word ptr [rsp - 8], 0x3fff - 16000
    fld1
    fld tbyte ptr [rsp - 16]
    fyl2xp1
    fistp dword ptr [rsp - 16]
    fistp dword ptr [rsp - 12]
    mov edi, [rsp - 12]
    sub edi, 15900
    or edi, [rsp - 16]
"""


@pytest.mark.parametrize(("body", "exactly", "else_"), [(TWO_NANS, 1, 2), (DENORMAL, 2, 0), (STACK_FAULT, 0x41, 0)])
def test_what_exact_float_adds(body: str, exactly: int, else_: int) -> None:
    assert run(plain_guest(body), exact_float=True).stop == Exited(exactly)
    assert run(plain_guest(body)).stop == Exited(else_)
    assert load(plain_guest(body), strict=True).machine.run() == Exited(exactly)


@pytest.mark.parametrize(("body", "status"), [(COMPARISON, 0xF5), (QUIET_STORE, 0x40 | 7 << 3), (LOGARITHM, 100)])
def test_x87_by_our_own_arithmetic(body: str, status: int) -> None:
    assert run(plain_guest(body), exact_float=True).stop == Exited(status)


@pytest.mark.parametrize("exact", [False, True])
def test_flushing_to_zero_is_warned_of_once_where_it_is_not_exact(exact: bool) -> None:
    guest = load(plain_guest("mov dword ptr [rsp - 8], 0x9f80\n" + "ldmxcsr [rsp - 8]\n" * 2), exact_float=exact)
    guest.machine.run()
    assert guest.machine.events.counts[Warned] == (0 if exact else 1)


@pytest.mark.parametrize("exact", [False, True])
def test_an_unmasked_exception_kills_and_its_instruction_is_not_counted(exact: bool) -> None:
    body = "mov dword ptr [rsp - 8], 0x1d80\nldmxcsr [rsp - 8]\nmov eax, 1\ncvtsi2ss xmm0, eax\nxorps xmm1, xmm1\n"
    counts = []
    for last in ("divss xmm0, xmm1\n", "ud2\n"):
        done = run(plain_guest(body + CHECKPOINT + last), exact_float=exact)
        assert isinstance(done.stop, Killed)
        assert done.stop.signal == (Signal.SIGFPE if counts == [] else Signal.SIGILL)
        counts.append(done.cpu.instructions)
    assert counts[0] == counts[1]


def test_threads_and_signals_carry_flags_that_the_engine_has_not_shown() -> None:
    body = "mov eax, 1\ncvtsi2ss xmm0, eax\nmov eax, 3\ncvtsi2ss xmm1, eax\ndivss xmm0, xmm1\nfld1\nfldz\nfdivp\n"
    done = load(plain_guest(body + CHECKPOINT + "xor edi, edi\n")).to_checkpoint()
    saved = done.cpu.engine.save_registers()
    fsw, _, mxcsr = saved.float_control()
    assert (mxcsr & 0x3F, fsw & 0x3F) == (0x20, 4)
    done.cpu.engine.load_registers(saved.with_fxsave(None))
    assert done.cpu.engine.save_registers().float_control() == (0, 0x37F, 0x1F80)
    done.cpu.engine.load_registers(saved)
    assert done.cpu.engine.save_registers() == saved


def test_flushing_to_zero_concerns_sse_and_not_x87() -> None:
    body = """
    mov dword ptr [rsp - 8], 0x9f80
    ldmxcsr [rsp - 8]
    mov eax, 0x00800000
    movd xmm0, eax
    mov eax, 0x3f000000
    movd xmm1, eax
    mulss xmm0, xmm1
    movd edi, xmm0
    mov rax, 1
    mov [rsp - 16], rax
    mov word ptr [rsp - 8], 0
    fld tbyte ptr [rsp - 16]
    fadd st(0), st(0)
    fstp tbyte ptr [rsp - 16]
    add edi, [rsp - 16]
"""
    assert run(plain_guest(body)).stop == Exited(2)
