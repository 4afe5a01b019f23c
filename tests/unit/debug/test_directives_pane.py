"""Directed resolution in the debugger: its pane, its steps forwards and backwards, and a snapshot in mid-run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from guest.build import guest
from pffemu import Deadlock, Exited, Machine, Mode
from pffemu.arch import directed as arch
from pffemu.debug.panes.directives import directives
from pffemu.debug.panes.walk import walk
from pffemu.events.directed import DirectedStep, DirectedWait
from pffemu.hw import frame_rings
from pffemu.state import snapshot, snapshot_file
from pffemu.state.machine_hash import machine_hash

ARGUMENTS = ["12", "1", "0", "1", "1", "0", "1", "8", "4", "2"]  # a ring of 8 that is refilled


def in_the_middle() -> Machine:
    machine = Machine(mode=Mode.HW, ram=16 << 20)
    machine.load(guest("fault_bench"), ARGUMENTS)
    while machine.events.counts[DirectedStep] < 6 * 7:
        machine.run(budget=20)
    return machine


def test_the_pane_shows_directives_rings_and_epochs() -> None:
    machine = in_the_middle()
    text = directives(machine.cpus[0], machine.cpus).plain
    assert "COPY from " in text
    assert "rw, generation 0" in text
    assert "of 8 frames, 0 returned" in text
    assert "epoch 1" in text
    region = machine.memory.read_u64(machine.symbols["region"])
    assert "not present: directive 1, generation 0\n" in walk(machine.cpus[0], region + 11 * 4096).plain
    leaf = machine.process.mm.pages.place(region + 11 * 4096)
    machine.ram.words[leaf] |= arch.BUSY | 1 << arch.CORE_SHIFT
    assert "BUSY: core 1 fills it" in walk(machine.cpus[0], region + 11 * 4096).plain


def test_a_core_that_meets_a_closed_gate_makes_its_access_again_and_a_gate_that_stays_closed_is_reported() -> None:
    """No operation of the kernel leaves the gate closed; here the test does."""
    machine = in_the_middle()
    context, cpu = machine.cpus[0].directed.context, machine.cpus[0]
    assert context is not None
    frame_rings.move_gate(cpu.mmu.ram.words, context.epochs, 1)
    steps = machine.events.counts[DirectedStep]
    stop = machine.run()
    assert isinstance(stop, Deadlock)
    assert "never ends" in stop.message
    assert "gate closed" in directives(cpu, machine.cpus).plain
    assert machine.events.counts[DirectedStep] == steps
    assert machine.events.counts[DirectedWait] > 100


def test_an_address_space_without_directives_says_so() -> None:
    machine = Machine(mode=Mode.HW, ram=16 << 20)
    assert "no directives" in directives(machine.cpus[0], machine.cpus).plain


def finished(machine: Machine) -> tuple[Any, str, dict[str, int]]:
    stop = machine.run()
    return stop, machine_hash(machine), machine.counts()


def test_a_snapshot_holds_directives_and_rings() -> None:
    machine = in_the_middle()
    taken, before = snapshot.take(machine), directives(machine.cpus[0], machine.cpus).plain
    first = finished(machine)
    assert first[0] == Exited(0)
    snapshot.put_back(machine, taken)
    assert directives(machine.cpus[0], machine.cpus).plain == before
    assert finished(machine) == first


def test_a_snapshot_file_holds_them_too(tmp_path: Path) -> None:
    machine = in_the_middle()
    snapshot_file.save(machine, tmp_path / "half")
    other = snapshot_file.restore(tmp_path / "half")
    assert finished(other) == finished(machine)
