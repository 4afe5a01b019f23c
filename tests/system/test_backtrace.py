"""Backtraces, `finish` and `reverse-finish` on programs a C compiler made, however they were linked and optimised."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE
from pffemu import Machine
from pffemu.debug.commands import Commands
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import frames_of_file, lines_of_file
from pffemu.errors import UsageError

SOURCE = Path(__file__).parent / "guests" / "calls.c"
BUILDS = {
    "plain": ("-O0", "-static"),
    "optimised": (
        "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-fno-ipa-cp", "-fno-ipa-sra", "-static",
    ),
    "static-pie": ("-O1", "-fno-optimize-sibling-calls", "-static-pie", "-fPIE"),
}  # fmt: skip


@pytest.fixture(scope="module", params=BUILDS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    path = tmp_path_factory.mktemp("calls") / request.param
    command = [*compiler, "-g", "-muintr", *BUILDS[request.param], f"-I{INCLUDE}", str(SOURCE), "-o", str(path)]
    subprocess.run(command, check=True, timeout=100)
    return path


@pytest.fixture
def talk(program: Path) -> Iterator[Commands]:
    machine = Machine(stdout=io.BytesIO(), stderr=io.BytesIO())
    machine.load(program)
    session = Session(machine, frames_of_file(program))
    yield Commands(session, Places(machine, lines_of_file(program, (SOURCE.parent,))))
    session.close()


def functions(talk: Commands) -> list[str]:
    """Of a backtrace, innermost first; the lines between frames too, by their first words."""
    return [
        line.split()[2].partition("+")[0] if line.startswith("#") else line.split(",")[0].strip(" -")
        for line in talk.execute("bt").splitlines()
    ]


def line_of(text: str) -> int:
    return 1 + next(i for i, line in enumerate(SOURCE.read_text().splitlines()) if text in line)


def test_through_a_recursion_and_out_of_it_call_by_call(talk: Commands) -> None:
    talk.execute("break leaf")
    assert "return total += x" in talk.execute("continue") + talk.execute("code")
    found = functions(talk)
    assert found[: found.index("main") + 1] == ["leaf", *["recurse"] * 4, "main"]
    assert found[-1] == "_start"
    depth = []
    while "main" not in talk.execute("finish").splitlines()[0]:
        depth.append(functions(talk).count("recurse"))
    assert depth == [4, 3, 2, 1]
    talk.execute("reverse-step")
    assert functions(talk)[:2] == ["recurse", "main"]
    talk.execute("reverse-finish")
    assert functions(talk)[0] == "main"
    assert "call" in talk.execute("where").splitlines()[-1]


def test_from_a_function_of_the_handler_through_uiret_to_the_access_and_back(talk: Commands) -> None:
    talk.execute("break bring_in")
    talk.execute("continue")
    found = functions(talk)
    assert found[: found.index("main") + 1] == ["bring_in", "handler", "user interrupt", "read_page", "main"]
    assert functions(talk)[0] == "bring_in"
    talk.execute("finish")
    assert functions(talk)[:2] == ["handler", "user interrupt"]
    said = talk.execute("finish")
    assert f"calls.c:{line_of('the access')}" in said
    assert functions(talk)[:2] == ["read_page", "main"]
    talk.execute("reverse-continue")
    talk.execute("reverse-finish")
    assert functions(talk)[:2] == ["handler", "user interrupt"]
    said = talk.execute("reverse-finish")
    assert f"calls.c:{line_of('the access')}" in said
    assert talk.execute("print uif") == "0x1 = 1"


def test_every_instruction_of_a_delivery_knows_its_callers(talk: Commands) -> None:
    talk.execute("break read_page")
    talk.execute("continue")
    seen = set()
    while (found := functions(talk)) and "read_page" in found:
        assert found[found.index("read_page") :][:2] == ["read_page", "main"], found
        assert found[-1] == "_start"
        assert (found[0] == "read_page") == ("user interrupt" not in found)
        seen.add(found[0])
        talk.execute("step")
    assert seen >= {"read_page", "handler", "bring_in"}


def test_through_a_signal_frame(talk: Commands) -> None:
    talk.execute("break leaf if rdi == 10")
    talk.execute("continue")
    found = functions(talk)
    assert found[:2] == ["leaf", "on_signal"]
    assert found[3] == "signal"
    assert found[-3:][:1] == ["__libc_start_call_main"]
    assert "raise" in found or "pthread_kill" in " ".join(found)
    talk.execute("finish")
    assert functions(talk)[0] == "on_signal"
    talk.execute("finish")
    assert functions(talk)[1] == "signal"
    assert "pthread_kill" in talk.execute("finish") or "raise" in talk.execute("where")
    talk.execute("delete 1")
    talk.execute("break on_signal")
    talk.execute("reverse-continue")
    talk.execute("reverse-finish")
    assert "syscall" in talk.execute("where")
    assert "signal" not in functions(talk)


def test_the_outermost_function_has_no_caller(talk: Commands) -> None:
    assert functions(talk) == ["_start"]
    for command in ("finish", "reverse-finish"):
        with pytest.raises(UsageError, match="caller is unknown"):
            talk.execute(command)
    assert "instruction 0" in talk.execute("where")
