"""The debugger's panes, on a machine that stands inside a forwarded fault."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from rich.text import Text

from guest.build import guest
from guest.workloads import RESULT_FD, FaultWorkload
from pffemu import Machine, Mode, Reached
from pffemu.arch.frames import FIELDS, FrameLayout
from pffemu.debug.panes import HERE, NEW
from pffemu.debug.panes import registers as registers_pane
from pffemu.debug.panes import stack as stack_pane
from pffemu.debug.panes.code import SourceLine, code
from pffemu.debug.panes.queues import queues
from pffemu.debug.panes.regions import regions
from pffemu.debug.panes.uintr import uintr
from pffemu.debug.panes.walk import walk
from pffemu.events.hw import FramePushed, WalkRefused


@dataclass
class Stand:
    machine: Machine
    frame: FramePushed
    fault: WalkRefused


class _Nowhere:
    def write(self, data: bytes, /) -> None:
        pass


@pytest.fixture(scope="module")
def inside() -> Stand:
    """A session before the handler's first instruction."""
    workload = FaultWorkload(4)
    machine = Machine(mode=Mode.PFF)
    for fd, data in workload.files.items():
        machine.open_ram_file(fd, "data", data)
    machine.open_output(RESULT_FD, "result", _Nowhere())
    machine.load(guest(workload.guest), workload.arguments)
    events: list[object] = []
    machine.events.sinks.append(events.append)
    assert isinstance(machine.run(until=["page_fault_handler"]), Reached)
    frame = next(event for event in events if isinstance(event, FramePushed))
    fault = next(event for event in events if isinstance(event, WalkRefused))
    return Stand(machine, frame, fault)


def styled(text: Text, style: str) -> list[str]:
    return [text.plain[span.start : span.end] for span in text.spans if span.style == style]


def no_source(_address: int) -> None:
    return None


def test_code_marks_rip_and_names_the_function(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    text = code(cpu, inside.machine.symbols, no_source, 12)
    (here,) = styled(text, HERE)
    assert here.startswith(f"=> {cpu.registers['rip']:#x}")
    assert f"{inside.machine.symbols.describe(cpu.registers['rip'])}:" in text.plain.splitlines()
    assert len(text.plain.splitlines()) <= 12


def test_code_shows_source_lines_where_there_are_some(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    rip = cpu.registers["rip"]
    text = code(cpu, inside.machine.symbols, lambda a: SourceLine("a.c", 7, " x = 1; ") if a >= rip else None, 12)
    assert "a.c:7    x = 1;" in text.plain
    assert text.plain.count("a.c:7") == 1


def test_code_shows_lines_of_assembly_beside_their_instructions(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    rip = cpu.registers["rip"]
    text = code(cpu, inside.machine.symbols, lambda a: SourceLine("a.s", 7, " push rax ") if a >= rip else None, 12)
    lines = text.plain.splitlines()
    assert lines.count("a.s") == 1
    (here,) = (line for line in lines if line.startswith("=>"))
    assert here.endswith("    7  push rax")
    assert len(lines) <= 12


def test_code_shows_instructions_in_front_of_rip(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    cpu.engine.run_exactly(3)
    rip = cpu.registers["rip"]
    lines = code(cpu, inside.machine.symbols, no_source, 12).plain.splitlines()
    assert next(i for i, line in enumerate(lines) if line.startswith("=>")) >= 2
    assert any(line.startswith(f"=> {rip:#x}") for line in lines)


def test_no_code_is_said_so(inside: Stand) -> None:
    machine = Machine(mode=Mode.PFF)
    text = code(machine.cpus[0], inside.machine.symbols, no_source, 12)
    assert "no code there" in text.plain


def test_only_changed_registers_stand_out(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    before = registers_pane.read(cpu)
    same = registers_pane.registers(cpu, inside.machine.symbols, before)
    assert styled(same, NEW) == []
    changed = registers_pane.registers(cpu, inside.machine.symbols, {**before, "rdx": before["rdx"] ^ 1})
    assert styled(changed, NEW) == [f"{before['rdx']:016x}"]
    assert "IF" in next(line for line in same.plain.splitlines() if line.startswith("rflags"))


def test_uintr_says_where_a_fault_goes(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    assert "the kernel (UIF=0)" in uintr(cpu, inside.machine.symbols).plain
    cpu.uintr.uif = True
    try:
        assert "ring 3, user vector 14" in uintr(cpu, inside.machine.symbols).plain
    finally:
        cpu.uintr.uif = False


def test_the_stack_names_the_words_of_the_frame(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    text = stack_pane.stack(cpu, inside.machine.symbols, [inside.frame], {}, 4, 16)
    for name in FIELDS[FrameLayout.VECTOR_FIRST]:
        assert name in text.plain
    address_line = next(line for line in text.plain.splitlines() if "fault address" in line)
    assert f"{inside.fault.address:016x}" in address_line
    addresses = [int(line[5:].split()[0], 16) for line in text.plain.splitlines()]
    assert addresses == sorted(addresses, reverse=True)
    assert min(addresses) < cpu.registers["rsp"] < max(addresses)


def test_a_changed_word_of_the_stack_stands_out(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    before = stack_pane.read(cpu, 4, 16)
    assert styled(stack_pane.stack(cpu, inside.machine.symbols, [], before, 4, 16), NEW) == []
    address = inside.frame.rsp + 32
    before[address] ^= 1
    text = stack_pane.stack(cpu, inside.machine.symbols, [], before, 4, 16)
    assert styled(text, NEW) == [f"{inside.fault.address:016x}"]


def test_the_walk_ends_at_the_entry_that_refused(inside: Stand) -> None:
    text = walk(inside.machine.cpus[0], inside.fault.address)
    assert text.plain.splitlines()[-2].endswith("not present")
    assert "region   none" not in text.plain
    rip = inside.machine.cpus[0].registers["rip"]
    granted = walk(inside.machine.cpus[0], rip).plain
    assert "not present" not in granted
    assert granted.splitlines()[-2].startswith("PTE")
    assert "region   none of this address space" in granted


def test_regions_and_areas(inside: Stand) -> None:
    cpu = inside.machine.cpus[0]
    text = regions(cpu, inside.machine.process.mm)
    (region,) = inside.machine.regions.regions
    assert f"{region.start:#x}-{region.end:#x}  missing" in text.plain
    (here,) = styled(text, HERE)
    assert "r-x" in here


def test_queues_say_who_sleeps_for_what() -> None:
    workload = FaultWorkload(4)
    machine = Machine(mode=Mode.UFFD, cpus=2)
    for fd, data in workload.files.items():
        machine.open_ram_file(fd, "data", data)
    machine.open_output(RESULT_FD, "result", _Nowhere())
    machine.load(guest(workload.guest), workload.arguments)
    assert "no thread sleeps" in queues(machine, machine.process.tasks, 0).plain
    blocked = ""
    while "asleep" not in blocked:
        machine.run(budget=50)
        blocked = queues(machine, machine.process.tasks, 0).plain
    assert "core 1" in blocked
    assert "asleep: userfaultfd 3 to bring in" in blocked
