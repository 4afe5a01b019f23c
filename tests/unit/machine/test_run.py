"""Machine.run: where it stops, that it goes on as if it had not, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pffemu import BudgetUsedUp, Exited, Interrupted, Machine, Mode, Reached, UsageError, assemble
from tests.guest_tools import CHECKPOINT, PAGE, REGION, Run, forwarding_guest, load, plain_guest

LOOP = plain_guest("mov ecx, 5\nagain: nop\nbody: inc edi\nnop\ndec ecx\njnz again\ndone: nop\n")
FAULT = forwarding_guest(f"mov rbx, {REGION}\nfault: mov rax, [rbx]\nafter: jmp leave\n")


def until(done: Run, *places: int | str) -> int:
    """The address a thread reached."""
    stop = done.machine.run(until=places)
    assert isinstance(stop, Reached), stop
    assert done.cpu.registers["rip"] == stop.address
    return stop.address


@pytest.mark.parametrize("compiled", [None, False])
def test_a_run_stops_before_a_symbol_each_time_it_comes_there_and_counts_exactly(compiled: bool | None) -> None:
    done = load(LOOP, compiled=compiled)
    for i in range(5):
        assert until(done, "body") == done.symbol("body")
        assert done.machine.instructions == 2 + 5 * i
        assert done.cpu.registers["rdi"] == i
    assert done.machine.run(until=["body"]) == Exited(5)
    assert done.machine.instructions == 1 + 25 + 1 + 2


def test_addresses_and_symbols_can_be_mixed_and_change_between_runs() -> None:
    done = load(LOOP)
    assert until(done, "done", done.symbol("body")) == done.symbol("body")
    assert until(done, "again") == done.symbol("again")
    assert until(done, "done") == done.symbol("done")
    assert done.cpu.registers["rdi"] == 5
    assert done.machine.run() == Exited(5)


def test_a_stop_at_the_first_instruction_runs_nothing() -> None:
    done = load(LOOP)
    assert until(done, "_start") == done.symbol("_start")
    assert done.machine.instructions == 0
    assert done.machine.run(until=["_start"]) == Exited(5)


def test_an_address_inside_an_instruction_is_never_reached() -> None:
    done = load(LOOP)
    assert done.machine.run(until=[done.symbol("_start") + 1]) == Exited(5)


def test_a_stop_changes_nothing_in_the_end() -> None:
    whole, stopped = load(LOOP), load(LOOP)
    whole.go()
    while isinstance(stopped.machine.run(until=["again", "body", "done"]), Reached):
        pass
    assert whole.cpu.engine.save_registers() == stopped.cpu.engine.save_registers()
    assert whole.machine.instructions == stopped.machine.instructions


def test_the_handler_of_a_forwarded_fault_can_be_stopped_at_and_the_access_comes_again() -> None:
    done = load(FAULT)
    places = ("fault", "handler", "after")
    seen = [until(done, *places) for _ in range(4)]
    assert seen == [done.symbol(name) for name in ("fault", "handler", "fault", "after")]
    assert done.machine.run(until=places) == Exited(0)


def test_steps_walk_through_a_delivery_one_instruction_at_a_time() -> None:
    done = load(FAULT)
    until(done, "fault")
    rips = []
    for _ in range(2):
        assert isinstance(done.machine.run(1), BudgetUsedUp)
        rips.append(done.cpu.registers["rip"] - done.symbol("handler"))
    assert rips == [1, 2]  # the fault, and the handler's two PUSHes


@pytest.mark.parametrize("cpus", [1, 2])
def test_stops_in_several_threads_name_the_thread(cpus: int) -> None:
    body = (
        "mov eax, SYS_clone\nmov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD\n"
        "lea rsi, [rip + stack + 4096]\nxor edx, edx\nxor r10d, r10d\nxor r8d, r8d\nsyscall\n"
        "both: nop\n1: jmp 1b\n"
    )
    done = load(plain_guest(body, "stack: .zero 4096\n"), cpus=cpus)
    stops = [done.machine.run(until=["both"]) for _ in range(2)]
    assert all(isinstance(stop, Reached) for stop in stops)
    assert {stop.tid for stop in stops if isinstance(stop, Reached)} == {1, 2}
    assert isinstance(done.machine.run(1000, until=["both"]), BudgetUsedUp)


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        load(LOOP).machine.run(until=["nowhere"])
    assert "nowhere" in str(caught.value)
    assert "again" in str(caught.value)


def test_nothing_loaded_twice_loaded_and_a_budget_without_counting_are_refused() -> None:
    with pytest.raises(UsageError):
        Machine().run()
    done = load(LOOP, counting=False)
    with pytest.raises(UsageError):
        done.machine.run(10)
    with pytest.raises(UsageError):
        done.machine.load(LOOP)


def test_an_interrupt_between_two_runs_stops_the_next_one_once() -> None:
    done = load(plain_guest("1: jmp 1b\n"))
    done.machine.interrupt()
    assert done.machine.run(10_000) == Interrupted()
    assert isinstance(done.machine.run(10_000), BudgetUsedUp)


def test_stops_work_with_counting_off() -> None:
    done = load(LOOP, counting=False)
    assert until(done, "done") == done.symbol("done")
    assert done.machine.run() == Exited(5)


@pytest.mark.parametrize("mode", Mode)
def test_memory_is_read_and_written_by_virtual_address(mode: Mode) -> None:
    done = load(plain_guest(CHECKPOINT + "mov edi, [rip + word]\n", "word: .quad 1\n"), mode=mode).to_checkpoint()
    memory = done.machine.memory
    assert memory.read_u64(done.symbol("word")) == 1
    memory.write_u64(done.symbol("word"), 42)
    assert not memory.is_present(REGION)
    with pytest.raises(UsageError):
        memory.read(REGION - PAGE, 8)
    with pytest.raises(UsageError):
        memory.write(REGION, b"x")
    assert done.go() == Exited(42)


def test_a_breakpoint_is_passed_even_when_the_budget_lets_its_block_not_run_whole() -> None:
    machine = Machine(cpus=1)
    machine.load(assemble("_start: nop\nhere: nop\nnop\nnop\nnop\njmp here"))
    assert isinstance(machine.run(10, ["here"]), Reached)
    stop = machine.run(2, ["here"])
    assert isinstance(stop, BudgetUsedUp), stop
    assert machine.instructions == 3


@pytest.mark.parametrize("program", ["mov eax, 1", "prog.s", b"\x7fELF", None])
def test_text_is_no_program_because_it_could_be_source_or_a_name(program: Any) -> None:
    with pytest.raises(UsageError, match=r"Path\('prog'\) for a file, assemble"):
        Machine(cpus=1, ram=16 << 20).load(program)
