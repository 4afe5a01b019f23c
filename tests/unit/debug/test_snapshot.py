"""Snapshots: complete, exact, and harmless whatever the file says."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_model.abi.uapi import Signal
from pffemu import Exited, Machine, Mode, Reached, compiled
from pffemu.errors import MissingFileError, PffemuError
from pffemu.state import snapshot, snapshot_file
from pffemu.state.classes import permitted_class
from pffemu.state.machine_hash import machine_hash, state_lines
from pffemu.state.snapshot import SnapshotError
from tests.guest_tools import Run, load, plain_guest
from tests.unit.machine.test_stops_change_nothing import GUEST

ECHO = plain_guest(
    """
    mov r12d, 4
next: xor eax, eax
    xor edi, edi
    lea rsi, [rip + buffer]
    mov edx, 4
    syscall
    mov edx, eax
    mov eax, 1
    mov edi, 1
    syscall
    dec r12d
    jnz next
    xor edi, edi
""",
    "buffer: .zero 64\n",
)


TSC = """
    rdtsc
    mov edi, 26                 # PR_SET_TSC
    mov esi, 2                  # PR_TSC_SIGSEGV
    mov eax, SYS_prctl
    syscall
faults:
    rdtsc
"""


def some_way(at: int, cpus: int = 2, mode: Mode = Mode.PFF) -> Run:
    done = load(GUEST, cpus=cpus, mode=mode)
    done.machine.run(at)
    return done


def rest_of(done: Run) -> tuple[Any, list[Any], str]:
    before = len(done.events)
    stop = done.machine.run()
    return stop, done.events[before:], machine_hash(done.machine)


@pytest.mark.parametrize("at", [0, 1, 777, 20_001, 20_420, 47_000])
@pytest.mark.parametrize("cpus", [1, 2])
def test_a_machine_that_is_put_back_goes_on_bit_for_bit(at: int, cpus: int) -> None:
    done = some_way(at, cpus)
    kept, before = snapshot.take(done.machine), list(state_lines(done.machine))
    first = rest_of(done)
    assert first[0] == Exited(5)
    snapshot.put_back(done.machine, kept)
    assert list(state_lines(done.machine)) == before
    assert rest_of(done) == first


@pytest.mark.parametrize("at", [0, 20_420, 47_000])
def test_a_file_goes_on_bit_for_bit_in_a_new_machine(at: int, tmp_path: Path) -> None:
    done = some_way(at)
    path = tmp_path / "state"
    snapshot_file.save(done.machine, path)
    assert snapshot_file.is_snapshot(path)
    machine = snapshot_file.restore(path, stdout=io.BytesIO(), stderr=io.BytesIO())
    assert machine.symbols["parent"] == done.symbol("parent")
    events: list[Any] = []
    machine.events.sinks.append(events.append)
    restored = Run(machine, events, io.BytesIO())
    assert rest_of(restored) == rest_of(done)


def test_equal_states_have_equal_hashes_and_every_instruction_another() -> None:
    done, other = some_way(20_000), some_way(20_000)
    hashes = []
    for _ in range(20):
        hashes.append(machine_hash(done.machine))
        assert hashes[-1] == machine_hash(other.machine)
        done.machine.run(1)
        other.machine.run(1)
    assert len(set(hashes)) == len(hashes)


def _set_sse(machine: Machine) -> None:
    engine = machine.cpus[0].engine
    saved = engine.save_registers()
    engine.load_registers(saved._replace(floating=b"\1" + saved.floating[1:]))


CHANGES: dict[str, Callable[[Machine], object]] = {
    "RAM": lambda m: m.memory.write(m.symbols["log"], b"x"),
    "a register": lambda m: m.cpus[0].registers.__setitem__("r10", 1),
    "an SSE register": lambda m: _set_sse(m),
    "UIF": lambda m: setattr(m.cpus[0].uintr, "uif", not m.cpus[0].uintr.uif),
    "a forwarding bit": lambda m: setattr(m.cpus[-1].apic, "forwarding_active", 1 << 77),
    "CR4.TSD": lambda m: m.cpus[0].set_tsd(True),
    "a region": lambda m: m.regions.remove_tag(m.regions.regions[0].tag),
    "a device latch": lambda m: m.bus.store(m.cpus[0], m.options.uffd_mmio_base, 4, 0x1000),
    "a clock": lambda m: m.cpus[-1].charge("cpu.tlb_flush"),
    "a frame": lambda m: m.kernel.frames.take(),
    "a mapping": lambda m: m.process.mm.protect(m.cpus[0], 0x10000000, 0x10001000, 1),
    "a descriptor": lambda m: m.process.files.close(m.cpus[0], 1),
    "a thread": lambda m: setattr(m.process.tasks[1], "clear_child_tid", 8),
    "the run queues": lambda m: m.kernel.scheduler.preempt(m.cpus[0]),
    "the number of faults": lambda m: m.events.faults.begin(1, 0x1000),
    "the turn": lambda m: setattr(m.turns.current, "end", 1),
    "standard output": lambda m: m.streams[1].write(b"x"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_each_component_is_part_of_the_hash_and_of_a_snapshot(what: str) -> None:
    done = some_way(20_100, cpus=1)
    kept, before = snapshot.take(done.machine), machine_hash(done.machine)
    CHANGES[what](done.machine)
    assert machine_hash(done.machine) != before
    snapshot.put_back(done.machine, kept)
    assert machine_hash(done.machine) == before


def test_input_is_read_again_and_output_is_written_once() -> None:
    done = load(ECHO, stdin=b"one two three")
    done.machine.run(until=["next"])
    done.machine.run(until=["next"])
    kept = snapshot.take(done.machine)
    for _ in range(3):
        snapshot.put_back(done.machine, kept)
        assert done.machine.run() == Exited(0)
        assert done.output.getvalue() == b"one two three"


def test_the_engine_is_told_of_cr4_again() -> None:
    machine = load(plain_guest(TSC, "")).machine
    kept = snapshot.take(machine)
    machine.run(until=["faults"])
    snapshot.put_back(machine, kept)
    assert isinstance(machine.run(until=["faults"]), Reached)
    assert machine.run().exit_code == 128 + Signal.SIGSEGV


def test_an_ended_machine_can_be_put_back() -> None:
    done = some_way(1000)
    kept = snapshot.take(done.machine)
    done.machine.run()
    ended = snapshot.take(done.machine)
    snapshot.put_back(done.machine, kept)
    snapshot.put_back(done.machine, ended)
    assert done.machine.run() == Exited(5)


# -- files that are none -------------------------------------------------------------------------------------------


def test_damaged_and_foreign_files_are_one_error(tmp_path: Path) -> None:
    path = tmp_path / "state"
    snapshot_file.save(some_way(100).machine, path)
    good = path.read_bytes()
    line, _, body = good.partition(b"\n")
    header = json.loads(line[len(snapshot_file.MAGIC) :])

    def with_header(**changes: Any) -> bytes:
        return snapshot_file.MAGIC + json.dumps(header | changes).encode() + b"\n" + body

    bad = {
        "empty": b"", "text": b"hello\n", "cut": good[:-10], "changed": good[:-1] + bytes([good[-1] ^ 1]),
        "newer": with_header(version=snapshot_file.VERSION + 1), "type": with_header(size="x"),
        "other build": with_header(compiled=not compiled.IN_USE),
        "older": with_header(version=snapshot_file.VERSION - 1), "size": with_header(size=5),
        "larger": with_header(size=1 << 40), "headless": snapshot_file.MAGIC + b"[]\n" + body,
    }  # fmt: skip
    for name, data in bad.items():
        path.write_bytes(data)
        with pytest.raises(SnapshotError) as caught:
            snapshot_file.restore(path)
        assert str(path) in str(caught.value), name
    with pytest.raises(MissingFileError):
        snapshot_file.restore(tmp_path / "none")
    with pytest.raises(SnapshotError):
        snapshot_file.save(some_way(1).machine, tmp_path)


FORBIDDEN = (
    "os.system builtins.eval pathlib.Path pffemu.machine.loader.load pffemu.cli.app.main pffemu.state.snapshot.take "
    "pffemu.machine.machine.sys pffemu.nothing.here"
)


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_nothing_but_classes_of_the_machine_can_be_in_a_file(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    with pytest.raises(SnapshotError):
        permitted_class(module, attribute)


def test_a_pickle_is_not_read_from_a_file(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    done = some_way(100)
    kept = snapshot.take(done.machine)
    for octets in (None, b""):
        with pytest.raises(SnapshotError):
            snapshot.put_back(done.machine, snapshot.Snapshot(pickle.dumps(Evil()), kept.pages, octets), foreign=True)
    assert not (tmp_path / "ran").exists()


@settings(max_examples=40, deadline=None)
@given(at=st.floats(0, 0.999), value=st.integers(0, 255))
def test_any_damage_to_the_objects_is_an_error_or_nothing(at: float, value: int) -> None:
    """A file's checksum finds it before; this is about what comes behind."""
    done = some_way(100)
    kept = snapshot.take(done.machine, flat=True)
    damaged = bytearray(kept.graph)
    damaged[int(at * len(damaged))] = value
    with suppress(PffemuError):
        snapshot.put_back(done.machine, snapshot.Snapshot(bytes(damaged), kept.pages, kept.octets), foreign=True)


@pytest.mark.parametrize("at", [0, 20_420])
def test_the_flat_form_is_the_same_state(at: int) -> None:
    done = some_way(at)
    kept, before = snapshot.take(done.machine, flat=True), list(state_lines(done.machine))
    first = rest_of(done)
    snapshot.put_back(done.machine, kept)
    assert list(state_lines(done.machine)) == before
    assert rest_of(done) == first


def test_a_snapshot_of_another_kind_of_machine_is_refused() -> None:
    kept = snapshot.take(some_way(100, cpus=2).machine)
    with pytest.raises(PffemuError):
        snapshot.put_back(Machine(cpus=1), kept)
