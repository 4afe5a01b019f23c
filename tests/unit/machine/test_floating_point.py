"""Floating point of whole guests: what is exact always, and what only with `exact_float`."""

from __future__ import annotations

import pytest

from kernel_model.uapi import Signal
from pffemu import Exited, Killed
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


@pytest.mark.parametrize(("body", "exactly", "else_"), [(TWO_NANS, 1, 2), (DENORMAL, 2, 0), (STACK_FAULT, 0x41, 0)])
def test_what_exact_float_adds(body: str, exactly: int, else_: int) -> None:
    assert run(plain_guest(body), exact_float=True).stop == Exited(exactly)
    assert run(plain_guest(body)).stop == Exited(else_)


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
