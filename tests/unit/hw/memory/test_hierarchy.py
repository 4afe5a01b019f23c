"""The hierarchy on guests: levels show, misses overlap or depend, and no way of running changes a result."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from pffemu import Machine, assemble
from pffemu.engine import jit
from pffemu.engine.count_block import STALL
from pffemu.errors import UsageError
from pffemu.hw.cpu_options import CpuOptions, Memory
from pffemu.hw.memory.access import access
from pffemu.hw.memory.fetch import CAUSE_BITS, fetch
from pffemu.hw.memory.layout import BY_L2, BY_L3, BY_MEMORY, BY_TRANSFER, CORE_WORDS, FIRST_CORE
from pffemu.machine.stop import BudgetUsedUp
from pffemu.state.machine_hash import machine_hash
from pffemu.state.saved_options import read, written
from pffemu.state.snapshot import put_back, take
from pffemu.timing import AccountingError, load_profile
from pffemu.timing.hierarchy import Hierarchy
from pffemu.timing.load import parse_profile

SMALL_TEXT = """
name = "small"
machine = "small caches, so that tests are quick"
base = "sapphire-rapids"
[memory]
"l1.size" = { value = 4, unit = "KiB", status = "guessed", source = "test" }
"l1.ways" = { value = 4, unit = "ways", status = "guessed", source = "test" }
"l2.size" = { value = 16, unit = "KiB", status = "guessed", source = "test" }
"l3.size" = { value = 60, unit = "KiB", status = "guessed", source = "test" }
"dtlb.entries" = { value = 4, unit = "entries", status = "guessed", source = "test" }
"dtlb.ways" = { value = 4, unit = "ways", status = "guessed", source = "test" }
"stlb.entries" = { value = 16, unit = "entries", status = "guessed", source = "test" }
"walk.directories" = { value = 2, unit = "entries", status = "guessed", source = "test" }
"prefetch.pair" = { value = 0, unit = "lines", status = "guessed", source = "test" }
"kernel.lines" = { value = 4, unit = "lines", status = "guessed", source = "test" }
"""
SMALL = parse_profile(SMALL_TEXT, "small")
# a chain of pointers through SIZE bytes, one a line, in an order that no stream follows; it is run twice, then measured
CHASE = """
_start:
 lea rbx, [rip+buf]
 xor ecx, ecx
fill:
 imul rdx, rcx, 0x2d
 add rdx, 0x1b
 and rdx, SIZE / 64 - 1
 shl rdx, 6
 add rdx, rbx
 mov rax, rcx
 shl rax, 6
 mov [rbx+rax], rdx
 inc ecx
 cmp ecx, SIZE / 64
 jne fill
 mov ecx, SIZE / 64
warm:
 mov rbx, [rbx]
 dec ecx
 jnz warm
 rdtsc
 mov r14, rax
 mov ecx, 2048
again:
 mov rbx, [rbx]
 dec ecx
 jnz again
 rdtsc
 sub rax, r14
 mov r14, rax
 mov eax, 231
 xor edi, edi
 syscall
.data
.align 4096
buf: .space SIZE
"""
# loads, stores, a stack, a string instruction, a page fault now and then, and calls of the kernel
MIXED = """
.equ ROUNDS, 300
_start:
 lea r12, [rip+buf]
 mov r13d, ROUNDS
 xor eax, eax
next:
 imul eax, eax, 1103515245
 add eax, 12345
 mov edx, eax
 shr edx, 8
 and edx, 0x1fff8
 mov rbx, [r12+rdx]
 add rbx, rax
 mov [r12+rdx], rbx
 push rbx
 pop rbx
 test eax, 0x70000
 jnz skip
 mov rsi, r12
 lea rdi, [r12+0x20000]
 mov ecx, 7
 rep movsb
 push rax
 mov eax, 39
 syscall
 pop rax
skip:
 dec r13d
 jnz next
 mov eax, 231
 xor edi, edi
 syscall
.data
.align 4096
buf: .space 0x22000
"""
needs_numba = pytest.mark.skipif(not jit.available(), reason="numba is not installed, or PFFEMU_JIT is 0")


def machine(source: str, memory: Memory = Memory.CACHES, compiled: bool | None = None, cpus: int = 1) -> Machine:
    cpu = CpuOptions(memory=memory, profile=SMALL, compiled=jit.available() if compiled is None else compiled)
    built = Machine(cpu=cpu, ram=1 << 24, cpus=cpus, stdout=io.BytesIO())
    built.load(assemble(source))
    return built


@cache
def chased(size: int, memory: Memory = Memory.CACHES) -> float:
    """Cycles of a step through `size` bytes."""
    built = machine(CHASE.replace("SIZE", str(size)), memory)
    assert built.run().exit_code == 0
    return built.cpus[0].registers["r14"] / 2048


def test_a_chase_shows_each_level() -> None:
    sizes = [1 << 10, 1 << 11, 1 << 13, 1 << 15, 1 << 18]
    times = [round(chased(size), 1) for size in sizes]
    assert times == sorted(times)
    h = Hierarchy.of(SMALL)
    assert times[0] == times[1] < h.l1_latency / 65536  # both fit the first level
    for time, latency in zip(times[2:], (h.l2_latency, h.l3_latency, h.memory_latency), strict=True):
        assert latency / 65536 <= time < latency / 65536 * 1.6 + 40  # and what the TLBs add


def test_dependent_misses_do_not_overlap_in_the_profile_and_do_in_the_lower_bound() -> None:
    size = 1 << 18
    overlapped, between, serial = (chased(size, kind) for kind in (Memory.OVERLAPPED, Memory.CACHES, Memory.SERIAL))
    assert overlapped * 4 < between <= serial + 1


def test_a_miss_depends_on_one_that_holds_a_pointer_to_it_and_on_no_other() -> None:
    chase, mixed = (machine(text, Memory.CACHES) for text in (CHASE.replace("SIZE", str(1 << 15)), MIXED))
    for built in (chase, mixed):
        built.run()
    shares = [_counts(built)["dependent_misses"] / _counts(built)["l1_misses"] for built in (chase, mixed)]
    assert shares[0] > 0.5
    assert shares[1] == 0


def test_the_other_line_of_a_pair_comes_along() -> None:
    alone, paired = Two(), Two('"prefetch.pair" = { value = 1, unit = "lines"')
    for two, misses in ((alone, 2), (paired, 1)):
        cpu = two.machine.cpus[0]
        assert cpu.caches is not None
        for line in (70, 71):
            access(two.words, two.cores[0], cpu._executed, two.machine.ram.words, 0, line, False)
        assert cpu.caches.counts()["l2_misses"] == misses
    assert paired.machine.cpus[0].caches.counts()["prefetches"] == 1  # type: ignore[union-attr]


def test_a_mispredicted_branch_waits_for_the_loads_before_it() -> None:
    never = MIXED.replace("test eax, 0x70000", "test eax, 0")
    always, random = (machine(text, Memory.CACHES) for text in (never.replace("jnz skip", "jz skip"), MIXED))
    for built in (always, random):
        built.run()
    waits = [_counts(built)["misses_before_mispredictions"] for built in (always, random)]
    assert waits[0] < 10 < waits[1]


def _counts(built: Machine) -> dict[str, int]:
    assert built.cpus[0].caches is not None
    return built.cpus[0].caches.counts()


def test_independent_misses_overlap_and_stay_between_the_bounds() -> None:
    overlapped, between, serial = (
        _clock(machine(MIXED, kind)) for kind in (Memory.OVERLAPPED, Memory.CACHES, Memory.SERIAL)
    )
    assert overlapped <= between < serial / 2


def _clock(built: Machine) -> int:
    built.run()
    return built.cpus[0].clock


def results(built: Machine) -> tuple[str, int, dict[str, int], dict[str, int]]:
    caches = built.cpus[0].caches
    assert caches is not None
    return machine_hash(built), built.cpus[0].clock, caches.counts(), caches.stalls


@needs_numba
def test_compiled_and_plain_are_equal() -> None:
    one, other = machine(MIXED, compiled=True, cpus=2), machine(MIXED, compiled=False, cpus=2)
    one.run()
    other.run()
    assert results(one) == results(other)
    assert results(one)[2]["l3_misses"] > 100
    assert results(one)[2]["page_walks"] > 100


@pytest.mark.parametrize("budget", [1, 7, 500])
def test_a_run_that_stops_often_is_the_same_run(budget: int) -> None:
    whole, parts = machine(MIXED), machine(MIXED)
    whole.run()
    while isinstance(parts.run(budget=budget), BudgetUsedUp):
        pass
    assert results(whole) == results(parts)


def test_a_snapshot_has_the_caches() -> None:
    built = machine(MIXED, cpus=2)
    built.run(budget=2000)
    snapshot = take(built)
    built.run()
    expected = results(built)
    put_back(built, snapshot)
    assert built.instructions == 2000
    built.run()
    assert results(built) == expected


def test_a_snapshot_file_has_the_hierarchy() -> None:
    options = machine(MIXED).options
    again = read(written(options), (), False)
    assert Hierarchy.of(again.cpu.profile) == Hierarchy.of(SMALL)
    assert again.cpu.memory is Memory.CACHES


def test_stalls_are_booked_and_sums_are_checked() -> None:
    built = machine(MIXED)
    built.run()  # checks them
    cpu = built.cpus[0]
    assert cpu.caches is not None
    booked = {name: units for name, units in cpu.ledgers[1].units.items() if name.startswith("memory.")}
    assert booked == {name: cycles for name, cycles in cpu.caches.stalls.items() if cycles}
    assert booked["memory.dram"] > 1000
    cpu.engine.counter.state[STALL] += 1 << 16  # type: ignore[union-attr]
    with pytest.raises(AccountingError, match="memory"):
        cpu.check_accounts()


def test_instructions_take_as_long_as_without_caches() -> None:
    flat, cached = machine(MIXED, Memory.FLAT), machine(MIXED)
    flat.run()
    cached.run()
    assert flat.cpus[0].instruction_clock == cached.cpus[0].instruction_clock
    assert flat.instructions == cached.instructions
    assert flat.cpus[0].clock < cached.cpus[0].clock


def test_flat_has_no_hook() -> None:
    assert machine(MIXED, Memory.FLAT).cpus[0].caches is None


def test_a_hierarchy_needs_counting() -> None:
    with pytest.raises(UsageError, match="counting"):
        CpuOptions(memory=Memory.CACHES, counting=False)


class Two:
    """Two cores' caches without a machine."""

    def __init__(self, changed: str = "") -> None:
        """`changed`: an entry of `[memory]`, without status and source."""
        profile = SMALL
        if changed:
            rest = ', status = "guessed", source = "test" }'
            profile = parse_profile(
                SMALL_TEXT.replace('"prefetch.pair" = { value = 0, unit = "lines"' + rest, changed + rest), "x"
            )
        built = Machine(cpu=CpuOptions(memory=Memory.CACHES, profile=profile, compiled=False), ram=1 << 22, cpus=2)
        assert built.caches is not None
        self.machine, self.words = built, built.caches.words
        self.cores = [self.words[FIRST_CORE] + i * self.words[CORE_WORDS] for i in range(2)]

    def load(self, core: int, line: int = 5, *, held: bool = False) -> int:
        return fetch(self.words, self.cores[core], line, False, held) & ((1 << CAUSE_BITS) - 1)

    def store(self, core: int, line: int = 5, *, held: bool = False) -> int:
        return fetch(self.words, self.cores[core], line, True, held) & ((1 << CAUSE_BITS) - 1)


def test_a_line_goes_from_core_to_core() -> None:
    two = Two()
    assert two.store(0) == BY_MEMORY
    assert two.load(1) == BY_TRANSFER  # the first core had it for itself
    assert two.store(0, held=True) == BY_TRANSFER  # both share it: the copy is made invalid
    assert two.store(1) == BY_TRANSFER
    assert two.load(0) == BY_TRANSFER
    assert two.load(0, 6) == BY_MEMORY
    assert two.load(0, 6) == BY_L2


def test_the_third_level_takes_what_leaves_the_second() -> None:
    two = Two()
    ways, sets = Hierarchy.of(SMALL).l2[1], Hierarchy.of(SMALL).l2[0]
    lines = [1 + sets * i for i in range(ways + 1)]
    assert [two.load(0, line) for line in lines] == [BY_MEMORY] * (ways + 1)
    assert two.load(1, lines[0]) == BY_L3  # the oldest one had to leave, and no core has it
    assert two.load(0, lines[-1]) == BY_L2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('"l1.ways" = { value = 5, unit = "ways"', "in 5 ways"),
        ('"dtlb.entries" = { value = 96.5, unit = "entries"', "not possible"),
        ('"l2.size" = { value = 3, unit = "MiB"', "sets"),
        ('"window.exposed" = { value = 2, unit = "share"', "whole"),
        ('"l4.size" = { value = 2, unit = "MiB"', "unknown key"),
        ('"line" = { value = 48, unit = "bytes"', "48 bytes"),
        ('"l3.size" = { value = 2, unit = "ways"', "unit"),
    ],
)
def test_a_wrong_hierarchy_is_one_error(entry: str, message: str) -> None:
    text = (
        f'name = "x"\nmachine = "x"\nbase = "sapphire-rapids"\n[memory]\n{entry}, status = "guessed", source = "x" }}'
    )
    with pytest.raises(UsageError, match=message):
        parse_profile(text, "x.toml")


def test_every_profile_in_the_box_has_a_hierarchy() -> None:
    for name in ("sapphire-rapids", "amd-rome", "gem5-o3"):
        assert Hierarchy.of(load_profile(name)).l1[0] == 64


def test_the_digest_of_a_profile_does_not_know_stalls() -> None:
    profile: Any = load_profile()
    assert replace(profile, hierarchy={}).digest == profile.digest
