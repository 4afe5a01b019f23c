"""Hooks are compiled once a guest has run for a while, without any effect on what the guest does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pffemu.engine import jit

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not jit.available(), reason="numba is not installed (extra: fast)")

# In a process of its own: where numba is loaded already, there is nothing to wait for.
SCRIPT = """
import sys
from pffemu import CpuOptions, Machine, assemble
from guest.paths import INCLUDE
from pffemu.engine import jit, native_code

jit.WARM_UP = jit.SHORT_WARM_UP = jit.WarmUp({warm_up}, {blocks})
machine = Machine(cpus=1, cpu=CpuOptions(compiled={compiled}))
trace = []
machine.events.sinks.append(lambda event: trace.append(event))
machine.load(assemble('''
    .include "pff.inc"
    .text
    _start: mov ebx, 2000
    again:  mov eax, SYS_gettid
            syscall
            lea rdi, [rip + room]
            mov ecx, 37
            rep stosb
            mov rax, [rip + far]
            dec ebx
            jnz again
            mov eax, SYS_exit_group
            mov edi, 7
            syscall
    .data
    far: .quad 1
    room: .space 9000
''', include_dirs=[INCLUDE]))
stops = [str(machine.run(budget=101)) for _ in range(20)]
assert machine.run().exit_code == 7
print(hash(str(trace)), machine.instructions, machine.cpus[0].clock, stops[0])
print(native_code.hooks.cache_info().currsize > 0, file=sys.stderr)
"""


def ran(warm_up: int, compiled: bool | None, blocks: int = 1 << 40) -> tuple[str, bool]:
    """What the guest did, and whether its hooks were compiled."""
    script = SCRIPT.format(warm_up=warm_up, compiled=compiled, blocks=blocks)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, "True" in done.stderr


def test_the_hooks_of_a_short_run_stay_plain() -> None:
    assert not ran(1 << 40, None)[1]


@pytest.mark.parametrize("warm_up", [1, 100, 5_003, 15_000])
def test_the_exchange_changes_nothing(warm_up: int) -> None:
    plain, _ = ran(0, False)
    warmed, compiled = ran(warm_up, None)
    assert compiled
    assert warmed == plain


@pytest.mark.parametrize("blocks", [1, 100, 5_003])
def test_many_short_blocks_end_it_sooner_and_change_nothing(blocks: int) -> None:
    plain, _ = ran(0, False)
    warmed, compiled = ran(1 << 40, None, blocks)
    assert compiled
    assert warmed == plain
