"""A snapshot's file is data: it says nothing about the host, changes no class, and takes no more than it declares."""

from __future__ import annotations

import ast
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kernel_model.abi.uapi import LinuxError
from kernel_model.files.host_tree import Mount, open_host
from kernel_model.files.tree.place import Place
from kernel_model.files.tree.tree import Tree
from pffemu import CpuOptions, Exited, Machine, Mode, assemble, compiled
from pffemu.debug import history
from pffemu.errors import PffemuError, UsageError
from pffemu.hw.uintr_state import UintrState
from pffemu.machine.streams import InputLog
from pffemu.state import snapshot, snapshot_file
from pffemu.state.attribute_types import UNKNOWN, declared, resolved
from pffemu.state.classes import check_attribute, permitted_class
from pffemu.state.snapshot import SnapshotError
from pffemu.state.type_check import fits
from pffemu.timing.load import load_profile
from pffemu.timing.locking import Locking
from tests.campaign import LONG, rounds
from tests.fuzz import snapshots
from tests.fuzz.snapshots import Parts
from tests.guest_tools import plain_guest

MUTANTS = rounds(12, 10_000)

READER = plain_guest(
    """
    mov eax, SYS_open
    lea rdi, [rip + name]
    xor esi, esi
    xor edx, edx
    syscall
    mov ebx, eax
opened:
    mov edi, ebx
    xor eax, eax
    lea rsi, [rip + buffer]
    mov edx, 64
    syscall
    mov edi, eax
""",
    'name: .asciz "/secret"\nbuffer: .zero 64\n',
)


def machine_with_root(folder: Path) -> Machine:
    folder.mkdir(exist_ok=True)
    (folder / "secret").write_text("secret")
    machine = Machine(roots=(Mount(str(folder), ()),), stdout=io.BytesIO())
    machine.load(READER)
    return machine


def saved(machine: Machine, path: Path) -> Parts:
    snapshot_file.save(machine, path)
    return Parts.of(path.read_bytes())


def test_a_snapshot_has_no_roots_until_the_user_gives_them(tmp_path: Path) -> None:
    machine = machine_with_root(tmp_path / "root")
    machine.run(until=["opened"])
    path = tmp_path / "state"
    parts = saved(machine, path)
    assert str(tmp_path) not in json.dumps([parts.options, parts.graph])
    assert str(tmp_path).encode() not in bytes(parts.octets)
    with pytest.raises(SnapshotError, match="--root HOST:/"):
        snapshot_file.restore(path)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "secret").write_text("mine, not yours")
    again = snapshot_file.restore(path, roots=(Mount(str(mine), ()),))
    assert again.run() == Exited(15)


def test_a_snapshot_that_hides_its_roots_has_none(tmp_path: Path) -> None:
    machine = machine_with_root(tmp_path / "root")
    parts = saved(machine, path := tmp_path / "state")
    parts.options["host"]["roots"] = []
    path.write_bytes(parts.written())
    assert snapshot_file.restore(path).run() == Exited(-9 & 0xFF)  # EBADF: nothing was opened
    parts.options["machine"]["roots"] = [["/", [], False, True]]
    path.write_bytes(parts.written())
    with pytest.raises(SnapshotError):
        snapshot_file.restore(path)


def test_the_program_is_where_the_user_says(tmp_path: Path) -> None:
    source = tmp_path / "prog.s"
    source.write_text("_start: mov eax, 60\nxor edi, edi\nsyscall\n")
    machine = Machine()
    machine.load(source)
    path = tmp_path / "state"
    snapshot_file.save(machine, path)
    assert snapshot_file.restore(path).process.image.file == ""
    assert snapshot_file.restore(path, program=source).process.image.file == str(source)
    other = tmp_path / "other.s"
    other.write_text("_start: nop\nmov eax, 60\nsyscall\n")
    with pytest.raises(UsageError, match="not the program"):
        snapshot_file.restore(path, program=other)


def node_of(parts: Parts, name: str) -> tuple[list[Any], list[str]]:
    """A node of class `name`, and the names of its attributes."""
    number = next(i for i, row in enumerate(parts.graph["classes"]) if row[1] == name)
    node = next(node for node in parts.graph["nodes"] if node[0] == "object" and node[1] == number)
    return node, parts.graph["classes"][number][2]


def test_host_paths_and_descriptors_in_a_file_do_not_count(tmp_path: Path) -> None:
    machine = machine_with_root(tmp_path / "root")
    machine.run(until=["opened"])
    parts = saved(machine, path := tmp_path / "state")
    roots = (Mount(str(tmp_path / "root"), ()),)
    node, names = node_of(parts, "HostFile")
    read, write = os.pipe()
    node[2][names.index("_descriptor")] = write
    path.write_bytes(parts.written())
    restored = snapshot_file.restore(path, roots=roots)
    assert restored.run() == Exited(6)
    del restored
    assert os.write(write, b"still open") == 10
    os.close(read), os.close(write)
    node, names = node_of(parts, "Image")
    parts.graph["nodes"].append(["list", []])
    node[2][names.index("file")] = "/etc/passwd"
    path.write_bytes(parts.written())
    assert snapshot_file.restore(path, roots=roots).process.image.file == ""


@pytest.mark.parametrize(
    "names", [(b"..",), (b"..", b"secret"), (b"a/../../secret",), (b"/etc/passwd",), (b".",), (b"",), ("secret",)]
)
def test_a_path_that_no_walk_has_checked_does_not_lead_out(tmp_path: Path, names: Any) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "root").mkdir()
    with pytest.raises(LinuxError):
        open_host(Place(names, 0o100644, Mount(str(tmp_path / "root"), ())), os.O_RDONLY)


def test_a_read_only_root_stays_read_only(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(LinuxError, match="EROFS"):
        open_host(Place((b"f",), 0o100644, Mount(str(tmp_path), (), read_only=True)), os.O_RDWR)


CHANGES: dict[str, Callable[[Parts], object]] = {
    "a function": lambda p: p.graph["classes"].append(["os", "system", []]),
    "a foreign class": lambda p: p.graph["classes"].append(["subprocess", "Popen", []]),
    "a function of ours": lambda p: p.graph["classes"].append(["kernel_model.files.host_tree", "look", []]),
    "a host directory": lambda p: p.graph["classes"].append(["kernel_model.files.host_tree", "Mount", ["host"]]),
    "a module behind a module": lambda p: p.graph["classes"].append(["kernel_model.files.host_tree.os", "system", []]),
    "a class attribute": lambda p: p.graph["classes"][0][2].append("__class__"),
    "a method": lambda p: node_of(p, "UintrState")[1].__setitem__(0, "__init__"),
    "an unknown part": lambda p: p.graph["nodes"].append(["part", "mount:/etc"]),
    "an unknown kind": lambda p: p.graph["nodes"].append(["exec", "1"]),
    "a node ahead": lambda p: p.graph["nodes"].insert(0, ["tuple", [[5]]]),
    "no root": lambda p: p.graph.__setitem__("root", None),
    "bytes behind the end": lambda p: p.graph.__setitem__("root", [len(p.octets), 1]),
    "bytes many times": lambda p: p.graph["nodes"].extend(["bytearray", 0, len(p.octets)] for _ in range(3)),
    "a deep list": lambda p: p.graph.__setitem__("root", json.loads("[" * 900 + "]" * 900)),
    "an option": lambda p: p.options["cpu"].__setitem__("nothing", 1),
    "the class of an option": lambda p: p.options["machine"].__setitem__("ram", "9" * 30),
    "an option's number": lambda p: p.options["machine"].__setitem__("locking", 0),
    "an option's text": lambda p: p.options["cpu"].__setitem__("compiled", "yes"),
    "a page behind RAM": lambda p: p.pages.__setitem__(slice(0, 8), (1 << 50).to_bytes(8, "little")),
    "half a page": lambda p: p.pages.__delitem__(slice(100, None)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_not_data_of_the_machine_is_refused(what: str, tmp_path: Path) -> None:
    machine = Machine(cpus=1)
    machine.load(READER)
    parts = saved(machine, path := tmp_path / "state")
    CHANGES[what](parts)
    path.write_bytes(parts.written())
    before = snapshots.fingerprint()
    with pytest.raises(PffemuError):
        snapshot_file.restore(path)
    assert UintrState().handler == 0
    after = snapshots.fingerprint()
    assert all(after[name] == value for name, value in before.items())


@pytest.mark.parametrize("locking", [None, *Locking])
def test_options_come_back_as_they_were(locking: Locking | None, tmp_path: Path) -> None:
    profile = replace(load_profile(), locking=Locking.LINUX_6_18, spreads=())  # spreads are for reports
    machine = Machine(cpus=3, locking=locking, mode=Mode.UFFD, seed=5, cpu=CpuOptions(profile=profile))
    machine.load(READER)
    snapshot_file.save(machine, tmp_path / "state")
    assert snapshot_file.restore(tmp_path / "state").options == machine.options


@pytest.mark.parametrize("part", range(4))
def test_a_pickle_in_any_part_is_not_loaded(part: int, tmp_path: Path) -> None:
    """BUILD of a pickle would set an attribute of a class."""
    machine = Machine(cpus=1)
    machine.load(READER)
    parts = saved(machine, path := tmp_path / "state")
    attack = b"ckernel_model.files.tree.tree\nTree\n(N(dVadd\nckernel_model.files.host_tree\nMount\nstb."
    raw = [
        json.dumps(parts.options).encode(),
        json.dumps(parts.graph).encode(),
        bytes(parts.octets),
        bytes(parts.pages),
    ]
    raw[part] = attack
    path.write_bytes(parts.written(raw))
    before = Tree.add
    with pytest.raises(SnapshotError):
        snapshot_file.restore(path)
    assert Tree.add is before


def test_sizes_are_checked_before_anything_is_made(tmp_path: Path) -> None:
    machine = Machine(cpus=1)
    machine.load(READER)
    parts = saved(machine, path := tmp_path / "state")
    for size in (1 << 40, 1 << 60, -1, 5):
        path.write_bytes(parts.written(size=size))
        with pytest.raises(SnapshotError, match="damaged"):
            snapshot_file.restore(path)
    stream = InputLog(io.BytesIO(b"next"))
    stream.go_to(1 << 60)
    assert stream.read(4) == b"next"


def test_only_data_of_the_model_is_permitted() -> None:
    for module, name in (("pffemu.machine.streams", "OutputLog"), ("pffemu.machine.machine", "Machine"),
                         ("pffemu.errors", "PffemuError"), ("kernel_model.abi.uapi", "LinuxError")):  # fmt: skip
        with pytest.raises(SnapshotError):
            permitted_class(module, name)
    state = permitted_class("pffemu.hw.uintr_state", "UintrState")
    check_attribute(state, "handler")
    for name in ("__dict__", "__class__", "not an identifier"):
        with pytest.raises(SnapshotError):
            check_attribute(state, name)


CHAIN = plain_guest(
    """
    mov r12d, 290
next: mov eax, SYS_fork
    syscall
    test eax, eax
    jnz parent
    dec r12d
    jnz next
    mov eax, SYS_exit_group
    mov edi, 7
    syscall
parent:
    mov eax, SYS_wait4
    mov edi, -1
    lea rsi, [rip + status]
    xor edx, edx
    xor r10d, r10d
    syscall
    movzx edi, byte ptr [rip + status + 1]
""",
    "status: .quad 0\n",
)


def test_a_long_chain_of_processes_is_saved_and_gone_back_to(tmp_path: Path) -> None:
    machine = Machine(ram=256 << 20, cpus=1)
    machine.load(CHAIN)
    machine.run(4_000)
    assert len(machine.kernel.processes) > 250
    kept = snapshot.take(machine)
    assert kept.octets is not None or compiled.IN_USE  # whose calls pickle does not count
    snapshot_file.save(machine, tmp_path / "state")
    before = machine.instructions
    assert machine.run() == Exited(7)
    snapshot.put_back(machine, kept)
    assert machine.instructions == before
    assert snapshot_file.restore(tmp_path / "state").run() == Exited(7)


def test_a_checkpoint_of_a_chain_is_taken_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(ram=256 << 20, cpus=1)
    machine.load(CHAIN)
    machine.turns.begin()
    checkpoints = history.History(machine)
    checkpoints.take(history.Moment(0, 0, 0))
    machine.run(4_000)
    checkpoints.take(history.Moment(0, machine.instructions, 0))
    assert checkpoints.latest(history.Moment(9, 0, 0)).snapshot.octets is not None or compiled.IN_USE


def test_an_old_file_is_one_clear_message(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(snapshot_file.MAGIC + json.dumps({"version": 9, "sha256": "", "size": 1}).encode() + b"\n\x80\x05")
    with pytest.raises(SnapshotError, match=f"version 9, this pffemu reads {snapshot_file.VERSION}"):
        snapshot_file.restore(path)


@pytest.mark.timeout(3600)
def test_mutated_snapshots_change_nothing_and_open_nothing(tmp_path: Path) -> None:
    first = 1_000_000 * int(os.environ.get("PFFEMU_FUZZ_SEED", "0"))
    ended = [snapshots.run_one(tmp_path, seed) for seed in range(first, first + MUTANTS)]
    assert {"refused", "ran"} <= set(ended)


def test_an_attribute_takes_no_value_of_another_type(tmp_path: Path) -> None:
    parts = Parts.of(snapshots.good(tmp_path))
    roots = (Mount(str(tmp_path / "root"), ()),)
    path, out = tmp_path / "state", io.BytesIO()
    places = snapshots.objects_in_attributes(parts)
    assert len(places) > 100
    for values, at, name, others in places[:: 1 if LONG else 12]:
        right = values[at]
        for wrong in (others[0], others[-1], 5, "text"):
            values[at] = wrong
            path.write_bytes(parts.written())
            with pytest.raises(SnapshotError):
                print(f"{name} takes {wrong}", snapshot_file.restore(path, stdout=out, stderr=out, roots=roots))
        values[at] = right
    path.write_bytes(parts.written())
    snapshot_file.restore(path, stdout=out, stderr=out, roots=roots)


def test_the_types_of_attributes_are_known(tmp_path: Path) -> None:
    parts = Parts.of(snapshots.good(tmp_path))
    kinds = [(permitted_class(module, name), names) for module, name, names in parts.graph["classes"]]
    known = [declared(kind, name) is not UNKNOWN for kind, names in kinds for name in names]
    assert sum(known) > 0.97 * len(known)  # the others: numbers, and parts that stay in place


@pytest.mark.parametrize(
    ("value", "written", "right"),
    [
        (5, "int", True), (True, "int", True), ("5", "int", False), (5, "float", True), (None, "int | None", True),
        (b"", "int | None", False), ([1, 2], "list[int]", True), ([1, "2"], "list[int]", False),
        ({1: [b""]}, "dict[int, list[bytes]]", True), ({1: [1]}, "dict[int, list[bytes]]", False),
        ({1: 1}, "dict[bytes, int]", False), ((1, b""), "tuple[int, bytes]", True),
        ((1, 2, 3), "tuple[int, ...]", True), ((1, 2, 3), "tuple[int, int]", False), (len, "Callable[[], int]", True),
        (3, "Callable[[], int]", False), ([], "'list[UintrState]'", True), ([3], "'list[UintrState]'", False),
        (3, "Any", True), ({3}, "frozenset[int]", False), ("x", "Literal['x', 'y']", True),
    ],
)  # fmt: skip
def test_types_of_values(value: Any, written: str, right: bool) -> None:
    expression = ast.parse(written, mode="eval").body
    assert fits(value, resolved(expression, __name__)) is right


def test_a_damaged_machine_is_one_error_of_the_debugger(tmp_path: Path) -> None:
    from tests.system.cli_runs import pffemu

    machine = Machine(cpus=1)
    machine.load(assemble("_start: nop\nmov eax, 60\nsyscall\n"))
    parts = saved(machine, path := tmp_path / "state")
    node, names = node_of(parts, "FrameAllocator")
    node[2][names.index("_next")] = 1 << 60
    path.write_bytes(parts.written())
    ran = pffemu("debug", str(path), stdin=b"step\ncontinue\n")
    assert ran.code == 125
    assert "damaged" in ran.err
