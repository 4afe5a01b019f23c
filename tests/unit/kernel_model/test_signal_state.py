"""Invariants of the state behind signals: FXSAVE images, pending queues, futex keys, timers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import Signal
from kernel_model.task.siginfo import SIGINFO_SIZE, SigInfo
from kernel_model.task.signals import QUEUE_MAX, PendingSignals, bit
from pffemu.engine import fxsave

numbers = st.integers(1, 64)


@given(st.binary(min_size=512, max_size=512), st.integers(0, 0xFFFF), st.integers(0, 0xFF))
def test_fxsave_there_and_back(octets: bytes, fsw: int, present: int) -> None:
    area = bytearray(512)
    area[0:2], area[2:4], area[4] = octets[0:2], fsw.to_bytes(2, "little"), present
    area[24:26], area[28:32] = octets[24:26], fxsave.MXCSR_MASK.to_bytes(4, "little")
    for n in range(8):
        area[32 + 16 * n : 42 + 16 * n] = octets[32 + 16 * n : 42 + 16 * n]
    area[160:416] = octets[160:416]
    assert fxsave.to_fxsave(fxsave.from_fxsave(bytes(area))) == bytes(area)


def test_the_reset_state_is_what_fninit_leaves() -> None:
    area = fxsave.to_fxsave(fxsave.RESET)
    assert area[0:2] == b"\x7f\x03"
    assert area[4] == 0
    assert area[24:28] == (0x1F80).to_bytes(4, "little")


@given(st.lists(numbers, max_size=40), st.lists(numbers, max_size=40), st.integers(0, (1 << 64) - 1))
def test_pending_signals(sent: list[int], taken: list[int], flushed: int) -> None:
    pending = PendingSignals()
    for signo in sent:
        pending.add(SigInfo.from_user(signo, 0, len(pending.queue), 0))
    for signo in range(1, 32):
        assert sum(info.signo == signo for info in pending.queue) == (signo in sent)
    for signo in range(32, 65):
        assert sum(info.signo == signo for info in pending.queue) == sent.count(signo)
    for signo in taken:
        info = pending.first(bit(signo))
        assert (info is None) == (not pending.mask & bit(signo))
        if info is not None:
            assert info is next(other for other in pending.queue if other.signo == signo)  # the oldest
            pending.remove(info)
    pending.flush(flushed)
    assert pending.mask == sum(bit(signo) for signo in {info.signo for info in pending.queue})
    assert not pending.mask & flushed


def test_faults_come_first_then_the_lowest_number() -> None:
    pending = PendingSignals()
    for signo in (Signal.SIGHUP, Signal.SIGTERM, 40, Signal.SIGSEGV, 35):
        pending.add(SigInfo.from_user(signo, 0, 1, 0))
    order = []
    while (info := pending.first(~0)) is not None:
        order.append(int(info.signo))
        pending.remove(info)
    assert order == [Signal.SIGSEGV, Signal.SIGHUP, Signal.SIGTERM, 35, 40]


def test_a_queue_is_finite() -> None:
    pending = PendingSignals()
    sent = [pending.add(SigInfo.from_user(40, 0, 1, 0)) for _ in range(QUEUE_MAX + 5)]
    assert sent.count(True) == QUEUE_MAX


@given(numbers, st.integers(-(1 << 31), (1 << 31) - 1), st.binary(max_size=112))
def test_siginfo_has_128_bytes(signo: int, code: int, fields: bytes) -> None:
    octets = SigInfo(signo, code, fields).pack()
    assert len(octets) == SIGINFO_SIZE
    assert SigInfo.unpack(octets, signo).fields == fields.ljust(112, b"\0")


@pytest.mark.parametrize(("number", "name"), [(34, "SIGRTMIN+0"), (40, "SIGRTMIN+6"), (32, "SIG32"), (9, "SIGKILL")])
def test_every_signal_has_a_name(number: int, name: str) -> None:
    assert Signal(number).name == name


@pytest.mark.parametrize("number", [0, -1, 65])
def test_no_other_number_is_a_signal(number: int) -> None:
    with pytest.raises(ValueError, match="not a valid"):
        Signal(number)
