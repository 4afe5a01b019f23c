"""What a tool writes into a guest's memory is what the guest goes on with."""

from __future__ import annotations

import pytest

from pffemu import BudgetUsedUp, CpuOptions, Exited, Machine, assemble

_SPIN = """
    _start: mov eax, 57
    syscall
    test eax, eax
    jz child
again: mov edi, [rip + number]
    call code
    cmp edi, 1
    je again
    mov eax, 60
    syscall
child: mov eax, 34
    syscall
    jmp child
.balign 4096
code: add edi, 0
    ret
.balign 4096
.data
number: .quad 1
"""


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("symbol", "offset"), [("code", 2), ("number", 0)])
def test_a_page_shared_with_a_child_is_copied_and_seen_at_once(symbol: str, offset: int, compiled: bool) -> None:
    machine = Machine(ram=16 << 20, cpus=1, cpu=CpuOptions(compiled=compiled))
    machine.load(assemble(_SPIN))
    assert isinstance(machine.run(200_000), BudgetUsedUp)
    machine.memory.write(machine.symbols[symbol] + offset, b"\x07")
    assert machine.run(200_000) == Exited(8 if symbol == "code" else 7)
