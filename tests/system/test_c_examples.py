"""The examples in C: built as their first comment says, run, and what they print."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE
from pffemu import Exited, Machine, Mode
from pffemu.events.hw import HandlerEntered, SendUipi
from pffemu.events.kernel import ContextSwitch, Syscall
from pffemu.events.trace import TraceHash

EXAMPLES = Path(__file__).parents[2] / "examples"
FLAGS = ("-O2", "-static", "-pthread", "-muintr", "-Wall", "-Wextra", "-Werror", "-I", str(INCLUDE))
pytestmark = pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every example as a program."""
    compiler, folder = find_c_compiler(), tmp_path_factory.mktemp("examples")
    assert compiler is not None
    for source in EXAMPLES.glob("*.c"):
        subprocess.run([*compiler, *FLAGS, "-o", str(folder / source.stem), str(source)], check=True, timeout=300)
    return folder


def run(program: Path, *arguments: str, cpus: int = 2, mode: Mode = Mode.PFF) -> tuple[Machine, str]:
    output = io.BytesIO()
    machine = Machine(mode=mode, cpus=cpus, stdout=output, stderr=output)
    machine.load(program, arguments)
    trace = TraceHash()
    machine.events.sinks.append(trace)
    assert machine.run() == Exited(0), output.getvalue()
    return machine, f"{output.getvalue().decode()}{trace.hexdigest()}"


def test_ping_pong_makes_no_system_call_and_no_switch_on_the_way(built: Path) -> None:
    few, _ = run(built / "uipi_ping_pong", "10")
    many, output = run(built / "uipi_ping_pong", "500")
    for kind in (Syscall, ContextSwitch):
        assert few.events.counts[kind] == many.events.counts[kind]
    assert many.events.counts[SendUipi] == many.events.counts[HandlerEntered] == 2 * 500 + 1
    match = re.match(r"500 round trips, (\d+) cycles each\n", output)
    assert match is not None
    assert 2 * 1000 < int(match[1]) < 2 * 1800  # xUI: 1360 one way


def test_ping_pong_is_the_same_every_time(built: Path) -> None:
    assert run(built / "uipi_ping_pong", "200")[1] == run(built / "uipi_ping_pong", "200")[1]


def test_the_timer_of_the_thread_is_earlier_than_a_thread_that_plays_timer(built: Path) -> None:
    _, output = run(built / "uipi_timer")
    late = [int(cycles) for cycles in re.findall(r"20 ticks, (\d+) cycles late", output)]
    assert len(late) == 2
    assert late[0] < late[1]


@pytest.mark.parametrize("ticks", [3, 30])
def test_workers_that_never_yield_share_a_core(built: Path, ticks: int) -> None:
    machine, output = run(built / "uipi_preempt", str(ticks), cpus=1)
    work = [int(rounds) for rounds in re.findall(r"worker \d: (\d+) rounds", output)]
    assert len(work) == 3
    assert max(work) < 1.5 * min(work)
    assert machine.events.counts[HandlerEntered] == ticks


def test_on_one_core_every_ping_takes_a_switch(built: Path) -> None:
    machine, output = run(built / "uipi_ping_pong", "5", cpus=1)
    assert output.startswith("5 round trips")
    assert machine.events.counts[ContextSwitch] >= 10


def test_the_userfaultfd_example_runs_as_on_the_host_and_forwarded_with_the_lines_of_pff(
    built: Path, tmp_path: Path
) -> None:
    forwarded = tmp_path / "pff_pages"
    compiler = find_c_compiler()
    assert compiler is not None
    source = EXAMPLES / "uffd_pages.c"
    subprocess.run([*compiler, *FLAGS, "-DPFF", "-o", str(forwarded), str(source)], check=True, timeout=300)
    for program, mode, messages, frames in (
        (built / "uffd_pages", Mode.PFF, 8, 0),
        (forwarded, Mode.PFF, 0, 8),
        (forwarded, Mode.UFFD, 8, 0),
    ):
        machine, output = run(program, mode=mode)
        assert output.startswith("8 pages, sum 36\n")
        counts = machine.counts()
        assert (counts["uffd_messages"], counts["forwarded"], counts["uirets"]) == (messages, frames, frames)
    added = re.findall(r"^#ifdef PFF$(.*?)^#endif$", source.read_text(), re.MULTILINE | re.DOTALL)
    assert sum(len(re.findall(r"^\s*\S", lines, re.MULTILINE)) for lines in added) <= 10
