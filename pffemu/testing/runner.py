"""Runs one case: the set-up in guest code, the block with stops at its `# at` labels, then the claims about its end."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from kernel_model.abi.uapi import Errno
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import ALWAYS_ONE, IF
from pffemu.asm import Program
from pffemu.errors import UsageError
from pffemu.hw.cpu import Cpu
from pffemu.inspect.core_state import write_state
from pffemu.inspect.expressions import MASK, Names, Verdict, judge, value_of
from pffemu.inspect.view import MOST_EVENTS, Recorder, View, counts_of
from pffemu.inspect.wide import WIDE_MASK, XMM
from pffemu.machine.elf_variables import Variable
from pffemu.machine.machine import Machine
from pffemu.machine.stop import BudgetUsedUp, Deadlock, Exited, Interrupted, Killed, Reached, Stop
from pffemu.machine.symbols import SymbolTable
from pffemu.testing.blocks import BEGIN, END
from pffemu.testing.cases import Case, build
from pffemu.testing.claims import Expect
from pffemu.testing.errors import TestFileError
from pffemu.testing.fault_claims import survive
from pffemu.testing.harness_code import FAILED, OWN_LABELS, SETUP, SURVIVED
from pffemu.testing.setup import CLEARED, REGISTERS, Assignment

_SETUP_BUDGET: Final = 100_000  # instructions


@dataclass(frozen=True, slots=True)
class Failure:
    """One claim that does not hold: its line, and what was found instead."""

    where: str
    claim: str
    what: str
    verdict: Verdict | None = None
    event: int | None = None  # index of the event at which the order differed


@dataclass(slots=True)
class Run:
    """A case during and after its run."""

    case: Case
    program: Program
    machine: Machine
    recorder: Recorder
    output: dict[str, io.BytesIO]
    symbols: dict[str, int]
    places: SymbolTable
    variables: Mapping[str, Variable]
    stop: Stop | None = None
    cpu_index: int = 0
    before: dict[str, int] = field(default_factory=dict)
    start_counts: dict[str, int] = field(default_factory=dict)
    start_clock: int = 0
    arrivals: dict[str, int] = field(default_factory=dict)
    survived: int = 0  # faults after which the block has gone on
    failures: list[Failure] = field(default_factory=list)

    @property
    def cpu(self) -> Cpu:
        return self.machine.cpus[self.cpu_index]

    @property
    def tid(self) -> int:
        """The thread that ended the block, or is running it."""
        ended = self.machine.kernel.ended
        return ended.tid or self.cpu.tid if ended is not None else self.cpu.tid

    @property
    def reached_end(self) -> bool:
        return isinstance(self.stop, Reached) and self.stop.address == self.symbols[END]

    def view(self) -> View:
        output = {name: buffer.getvalue() for name, buffer in self.output.items()}
        status = self.stop.status if isinstance(self.stop, Exited) else None
        return View(self.machine, self.cpu, self.recorder, self.symbols, output, self.start_counts, status)

    def fail(self, where: str, claim: str, what: str, verdict: Verdict | None = None, event: int | None = None) -> None:
        self.failures.append(Failure(where, claim, what, verdict, event))

    def judge(self, expect: Expect, moment: str = "", names: Names | None = None, event: int | None = None) -> None:
        """Check one expression now; `names`: its names, if not only the machine's."""
        directive = expect.directive
        claim = f"{directive.name}: {directive.text}" if not expect.label else f"at {directive.label}: {directive.text}"
        try:
            verdict = judge(expect.condition, names or replace(self.view(), variables=self.variables))
        except UsageError as error:
            self.fail(directive.where, claim, str(error), event=event)
            return
        if not verdict.holds:
            self.fail(directive.where, claim, f"does not hold{moment}", verdict, event)


def start(case: Case) -> Run:
    """Build the machine and run the set-up code; the block's first instruction comes next. Raises PffemuError."""
    built, setup = build(case), case.setup
    program = built.program
    output = {"stdout": io.BytesIO(), "stderr": io.BytesIO()}
    table: dict[str, Any] = {} if setup.regions is None else {"uffd_regions": setup.regions}
    machine = Machine(
        mode=setup.mode, cpus=setup.cpus, ram=setup.ram, cpu=setup.cpu, stdin=setup.stdin,
        stdout=output["stdout"], stderr=output["stderr"], outlive=False, **table,
    )  # fmt: skip
    shown = _shown_symbols(program) | setup.symbols
    machine.load(replace(built.image, entry=program.symbols[SETUP], symbols=shown), setup.arguments)
    symbols = {**program.symbols, **case.setup.symbols, **case.parameters.numbers}
    run = Run(case, program, machine, Recorder(machine), output, symbols, SymbolTable(shown), built.variables)
    _run_setup(run)
    machine.events.sinks.append(run.recorder)
    run.start_counts = counts_of(machine)
    run.start_clock = run.cpu.clock
    _put_registers(run)
    _put_state(run)
    run.before = register_values(run)
    return run


def register_values(run: Run) -> dict[str, int]:
    """The registers of the core that runs the block, including SSE's."""
    saved = run.cpu.engine.save_registers()
    return {name: run.cpu.registers[name] for name in REGISTERS} | {name: saved.xmm(n) for name, n in XMM.items()}


def _shown_symbols(program: Program) -> dict[str, int]:
    """Labels for messages: the file's own are preferred."""
    own = {name: at for name, at in program.symbols.items() if name not in (*OWN_LABELS, BEGIN, END)}
    taken = set(own.values())
    return own | {name: program.symbols[name] for name in (BEGIN, END) if program.symbols[name] not in taken}


def _run_setup(run: Run) -> None:
    stop = run.machine.run(budget=_SETUP_BUDGET, until=[run.symbols[BEGIN], run.symbols[FAILED]])
    if isinstance(stop, Reached) and stop.address == run.symbols[BEGIN]:
        run.cpu_index = stop.cpu_index
        return
    where = f"{run.case.block.file}:{run.case.block.first}"
    if isinstance(stop, Reached):
        result = -run.machine.cpus[stop.cpu_index].registers["rax"] & MASK64
        known = Errno(result).name if result in Errno.__members__.values() else str(result)
        raise TestFileError(
            f"the set-up failed: a system call returned {known}", where=where, remedy="see # map, # uffd"
        )
    raise TestFileError(f"the set-up did not finish: {stop}", where=where, remedy="see # map, # uffd, # thread")


def _put_registers(run: Run) -> None:
    registers = run.cpu.registers
    for name in CLEARED:
        registers[name] = 0
    registers["rflags"] = IF | ALWAYS_ONE
    for assignment in run.case.setup.registers:
        value = _number(run, assignment)
        if assignment.name in XMM:
            saved = run.cpu.engine.save_registers()
            run.cpu.engine.load_registers(saved.with_xmm(XMM[assignment.name], value))
        else:
            registers[assignment.name] = value


def _put_state(run: Run) -> None:
    cpu = run.cpu
    for assignment in run.case.setup.state:
        value = _number(run, assignment)
        match assignment.name:
            case "region_tag":
                run.machine.regions.regions = [r._replace(tag=value) for r in run.machine.regions.regions]
            case "region_mode":
                run.machine.regions.regions = [r._replace(mode=value) for r in run.machine.regions.regions]
            case name:
                write_state(cpu, name, value)


def _number(run: Run, assignment: Assignment) -> int:
    try:
        value = value_of(assignment.value, run.view())
    except UsageError as error:
        raise assignment.directive.error(error.what, error.remedy) from None
    if not isinstance(value, int):
        raise assignment.directive.error(f"{assignment.name} is not a number", "write a number or an address")
    return value & (WIDE_MASK if assignment.name in XMM else MASK)


Advance: TypeAlias = Callable[[Run, set[int], int], Stop]  # (run, places to stop at, instructions left)


def run_whole(run: Run, places: set[int], budget: int) -> Stop:
    """Run at full speed to the next of `places`, to the end, or for `budget` instructions."""
    return run.machine.run(budget, places)


def run_block(run: Run, advance: Advance = run_whole) -> None:
    """Run the block to its end, checking `# at` claims on the way; `advance` runs the machine."""
    claims, symbols = run.case.claims, run.symbols
    for expect in claims.at:
        if expect.label not in symbols:
            raise expect.directive.error(f"no label {expect.label!r}", "name a label of the block")
    _check_breakpoints(run)
    places = {symbols[END], *(symbols[label] for label in claims.labels)}
    places |= {symbols[SURVIVED]} if claims.survived else set()
    end = run.machine.instructions + run.case.setup.budget
    _arrive(run, symbols[BEGIN])
    if symbols[BEGIN] == symbols[END]:  # no code at all
        run.stop = Reached(symbols[END], run.cpu.tid, run.cpu.index)
        return
    while True:
        left = end - run.machine.instructions
        stop = advance(run, places, left) if left > 0 else BudgetUsedUp(run.case.setup.budget, "")
        if left > 0 and isinstance(stop, BudgetUsedUp) and run.cpu.registers["rip"] in places:
            stop = Reached(run.cpu.registers["rip"], run.cpu.tid, run.cpu.index)  # with its last instruction
        run.stop = stop
        if not isinstance(stop, Reached):
            break
        run.cpu_index = stop.cpu_index
        _arrive(run, stop.address)
        if claims.survived and stop.address == symbols[SURVIVED]:
            survive(run)
        if stop.address == symbols[END]:
            break
    ended = run.machine.kernel.ended
    if ended is not None:
        run.cpu_index = ended.cpu_index


def _check_breakpoints(run: Run) -> None:
    """The places of `# break:`, which the debugger will want."""
    for directive in run.case.block.named("break"):
        place = directive.text.partition(" if ")[0].strip()
        if place.isidentifier() and place not in run.symbols:
            raise directive.error(f"no label {place!r}", "name a label of the block")


def _arrive(run: Run, address: int) -> None:
    for label in run.case.claims.labels:
        if run.symbols[label] != address:
            continue
        run.arrivals[label] = run.arrivals.get(label, 0) + 1
        for expect in run.case.claims.at:
            if expect.label == label and expect.arrival in (0, run.arrivals[label]):
                run.judge(expect, f" at arrival {run.arrivals[label]}")


def describe_stop(run: Run) -> str:
    """How the block ended, as text."""
    stop = run.stop
    if run.reached_end:
        return "ran to its end"
    if isinstance(stop, Killed):
        return f"was killed by {stop.signal.name}: {stop.message}"
    if isinstance(stop, BudgetUsedUp):
        return f"used up its budget of {run.case.setup.budget} instructions at {rip_text(run)}"
    if isinstance(stop, Interrupted):
        return f"was stopped after {MOST_EVENTS} events at {rip_text(run)}"
    if isinstance(stop, Deadlock):
        return f"cannot go on: {stop}"
    return str(stop)


def rip_text(run: Run) -> str:
    rip = run.cpu.registers["rip"]
    return f"{run.places.describe(rip)} ({rip:#x})"
