"""`step-line`, `next-line` and `info locals` in a program that a C compiler made."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu import Machine, UsageError
from pffemu.debug.commands import Commands
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import frames_of_file, lines_of_file, locals_of_file, variables_of_file

SOURCE = """#include <string.h>
static volatile int total;
static int add(int x)
{
    total += x;
    return total;
}
int main(int argc, char **argv)
{
    int sum = 0;
    for (int i = 0; i < 2; i++)
        sum += add(i) + add(1);
    total = strlen(argv[0]);
    return sum;
}
"""

OPTIMIZED = """static volatile int sink;
static inline int twice(int x)
{
    int y = 2 * x;
    sink = y;
    return y;
}
__attribute__((noinline)) int work(int n, const char *text)
{
    const int step = 1;
    long sum = 0;
    for (int i = 0; i < n; i += step) {
        sum += twice(i) + text[i];
        sink = i;
    }
    return (int)sum;
}
int main(void) { return work(3, "abc"); }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    folder = tmp_path_factory.mktemp("lines")
    (folder / "lines.c").write_text(SOURCE)
    command = [*compiler, "-g", "-O0", "-fno-builtin", "-static", str(folder / "lines.c"), "-o", str(folder / "lines")]
    subprocess.run(command, check=True, timeout=100)
    return folder / "lines"


@pytest.fixture
def talk(program: Path) -> Iterator[Commands]:
    yield from at(program, "lines.c:10")


def at(program: Path, place: str) -> Iterator[Commands]:
    """A conversation with a program that has come to a place."""
    machine = Machine(stdout=io.BytesIO(), stderr=io.BytesIO())
    machine.load(program)
    session = Session(
        machine, frames_of_file(program), lambda: variables_of_file(program), lambda: locals_of_file(program)
    )
    talk = Commands(session, Places(machine, lines_of_file(program)))
    talk.execute(f"break {place}")
    talk.execute("continue")
    yield talk
    session.close()


def line_in(text: str) -> int:
    found = re.search(r"lines\.c:(\d+)", text)
    assert found, text
    return int(found[1])


def test_next_line_runs_calls_and_goes_round_loops(talk: Commands) -> None:
    lines = [line_in(talk.execute("next-line")) for _ in range(8)]
    assert lines == [11, 12, 11, 12, 11, 13, 14, 15]


def test_step_line_enters_functions_with_lines_only(talk: Commands) -> None:
    lines = [line_in(talk.execute("step-line")) for _ in range(6)]
    assert lines[:5] == [11, 12, 4, 5, 6]
    talk.execute("tbreak lines.c:13")
    talk.execute("continue")
    assert line_in(talk.execute("sl")) == 14


def test_a_number_repeats_and_a_breakpoint_ends_it(talk: Commands) -> None:
    assert line_in(talk.execute("nl 5")) == 11
    talk.execute("goto 0")
    with pytest.raises(UsageError, match="no source line here"):
        talk.execute("nl")


def test_a_breakpoint_in_a_called_function_comes_first(talk: Commands) -> None:
    talk.execute("break lines.c:5")
    assert line_in(talk.execute("nl 9")) == 5


def test_locals_are_those_in_scope_with_their_values(talk: Commands) -> None:
    talk.execute("break lines.c:5")
    talk.execute("continue")
    assert talk.execute("info locals") == "x = 0"
    talk.execute("continue")
    assert talk.execute("locals") == "x = 1"
    talk.execute("finish")
    names = dict(line.split(" = ") for line in talk.execute("locals").splitlines())
    assert (names["argc"], names["sum"], names["i"]) == ("1", "0", "0")
    talk.execute("delete 2")
    talk.execute("tbreak lines.c:14")
    talk.execute("continue")
    names = dict(line.split(" = ") for line in talk.execute("locals").splitlines())
    assert names.keys() == {"argc", "argv", "sum"}
    assert names["sum"] == "6"  # add(0) + add(1), then add(1) + add(1): (0 + 1) + (2 + 3)


def test_without_debug_information_locals_are_one_error(talk: Commands) -> None:
    talk.execute("goto 0")
    with pytest.raises(UsageError, match="no local variables known at _start"):
        talk.execute("locals")


def test_back_by_lines_to_where_the_steps_came_from(talk: Commands) -> None:
    assert [line_in(talk.execute("nl")) for _ in range(5)] == [11, 12, 11, 12, 11]
    assert [line_in(talk.execute("reverse-next-line")) for _ in range(5)] == [12, 11, 12, 11, 10]
    assert [line_in(talk.execute("sl")) for _ in range(5)] == [11, 12, 4, 5, 6]
    assert [line_in(talk.execute("rsl")) for _ in range(4)] == [5, 4, 12, 11]
    talk.execute("step 2")
    assert line_in(talk.execute("rnl")) == 11  # from its middle, to its start


def test_print_and_set_know_the_functions_variables(talk: Commands) -> None:
    talk.execute("break lines.c:5 if x == 1")
    talk.execute("continue")
    assert talk.execute("print x + 1").startswith("0x2 = 2")
    talk.execute("set x = -3")
    assert talk.execute("p x").endswith("= -3")
    talk.execute("step-line")
    assert talk.execute("print total").endswith("= -3")
    with pytest.raises(UsageError, match="cannot set 'y = 1'"):
        talk.execute("set y = 1")
    talk.execute("finish")
    with pytest.raises(UsageError, match="cannot set 'x = 1'"):
        talk.execute("set x = 1")


@pytest.mark.parametrize("flags", ["-O1", "-O2", "-O2 -gdwarf-4"])
def test_variables_of_optimized_code_are_right_or_dropped(flags: str, tmp_path: Path) -> None:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    (tmp_path / "o.c").write_text(OPTIMIZED)
    command = [*compiler, "-g", *flags.split(), "-static", str(tmp_path / "o.c"), "-o", str(tmp_path / "o")]
    subprocess.run(command, check=True, timeout=100)
    talk = next(rest := at(tmp_path / "o", "work"))
    talk.execute("delete 1")
    seen: dict[str, set[str]] = {}
    while (shown := talk.execute("info locals")).count("n = 3"):
        for name, value in (line.split(" = ") for line in shown.splitlines()):
            seen.setdefault(name, set()).add(value)
        if "sum = 300" in shown:
            break
        talk.execute("step")
    dropped = "(the compiler has dropped it here: build with -O0)"
    assert {"n", "text", "sum", "i", "x", "step"} <= seen.keys()
    assert seen["i"] >= {"0", "1", "2"}
    for name, values in {
        "n": "3",
        "sum": "0 97 197 300",
        "i": "0 1 2 3",
        "x": "0 1 2",
        "y": "0 2 4",
        "step": "1",
    }.items():
        assert seen.get(name, set()) <= {*values.split(), dropped}, name
    assert talk.execute("print sum * 2").startswith("0x258 = 600")
    with pytest.raises(UsageError, match="'sum' has no address here"):
        talk.execute("set sum = 1")
    next(rest, None)
