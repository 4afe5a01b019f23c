"""The registers that a core caches are always those of the engine, however they were written."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Machine
from pffemu.arch.registers import GENERAL
from pffemu.engine.registers import WIDTH_MASK, RegisterFile

MACHINE = Machine(ram=1 << 22, cpus=1)
NAMES = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")
STATUS = 0x8D5  # flags that any value may have

names = st.sampled_from(NAMES)
values = st.integers(0, (1 << 64) - 1)
changes = st.one_of(
    st.tuples(st.just("one"), names, values),
    st.tuples(st.just("group"), st.lists(names, min_size=1, max_size=4, unique=True), values),
    st.tuples(st.just("all"), names, values),
    st.tuples(st.just("skip"), names, values),
    st.tuples(st.just("look"), st.lists(names, min_size=2, max_size=4, unique=True), values),
)


def legal(name: str, value: int) -> int:
    return value & STATUS | 0x202 if name == "rflags" else value


@settings(deadline=None)
@given(st.lists(changes, max_size=12))
def test_after_any_writes_and_reads_every_register_is_the_engines(done: list[tuple[str, list[str] | str, int]]) -> None:
    engine = MACHINE.cpus[0].engine
    registers = engine.registers
    for what, which, value in done:
        chosen = [which] if isinstance(which, str) else which
        if what == "one":
            registers[chosen[0]] = legal(chosen[0], value)
        elif what == "group":
            registers.group(*chosen).write(*(legal(name, value) for name in chosen))
        elif what == "all":
            engine.load_registers(engine.save_registers().replace(**{chosen[0]: legal(chosen[0], value)}))
        elif what == "skip":
            target = registers.rip() + value % 16 & WIDTH_MASK
            registers.skip(value % 16)
            assert registers.rip() == registers["rip"] == registers.group("rip").read()[0] == target
        else:
            assert registers.group(*chosen).read() == [registers[name] for name in chosen]
        assert_true(registers, engine.save_registers().word)


def assert_true(registers: RegisterFile, real: Callable[[str], int]) -> None:
    assert {name: registers[name] for name in NAMES} == {name: real(name) for name in NAMES}
    assert registers.rip() == real("rip")
