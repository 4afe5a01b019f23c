"""A stock gdb on a guest that forks: each process is an inferior with points and memory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pffemu import parse_root
from tests.system.gdb.c_guests import build
from tests.system.gdb.stub_client import Client, needs_gdb, run_gdb, served

SOURCE = Path(__file__).parents[1] / "guests" / "two_processes.c"
AFTER = 1 + next(i for i, line in enumerate(SOURCE.read_text().splitlines()) if "waitpid(" in line)
BOTH = "set detach-on-fork off\nset schedule-multiple on\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(SOURCE, tmp_path_factory.mktemp("processes") / "first")


@needs_gdb
def test_processes_are_inferiors_and_each_has_its_own_points_and_variables(program: Path, tmp_path: Path) -> None:
    with served(program, str(program)) as serving:
        said = run_gdb(
            serving.port,
            program,
            BOTH + "break work\ncontinue\ncontinue\ninfo inferiors\nprint n\nwatch copied\ncontinue\nprint mine\n"
            "inferior 1\nprint copied\nprint mine\ndelete\ncontinue\ninfo inferiors\ninferior 1\ncontinue\n",
            tmp_path,
        )
    assert "Breakpoint 1.1, work (n=1)" in said
    assert "Breakpoint 1.2, work (n=7)" in said
    assert "* 2    process 2" in said
    assert "$1 = 7\n" in said
    assert "Old value = 1\nNew value = 7" in said
    assert [f"${n} = {value}\n" in said for n, value in ((2, 12), (3, 1), (4, 6))] == [True] * 3, said
    assert "[Inferior 2 (process 2) exited with code 023]" in said
    assert "[Inferior 1 (process 1) exited normally]" in said


@needs_gdb
def test_a_child_that_gdb_leaves_runs_on_without_stops_and_the_parent_goes_back(program: Path, tmp_path: Path) -> None:
    with served(program, str(program)) as serving:
        said = run_gdb(
            serving.port, program, f"break work\ncontinue\nprint n\nbreak {AFTER}\ncontinue\nprint copied\n"
            "reverse-continue\nprint n\ndelete\ncontinue\n", tmp_path,
        )  # fmt: skip
    assert "[Detaching after fork from child process 2]" in said
    assert said.count("hit Breakpoint 1") + said.count("\nBreakpoint 1, ") == 2, said
    assert [f"${n} = 1\n" in said for n in (1, 2, 3)] == [True] * 3, said
    assert "exited normally" in said


@needs_gdb
def test_after_execve_gdb_has_the_new_programs_lines(program: Path, tmp_path: Path) -> None:
    second = tmp_path / "root" / "second"
    second.parent.mkdir()
    build(SOURCE, second)
    roots = (parse_root(str(second.parent)),)
    with served(program, str(program), roots=roots, arguments=("/second",)) as serving:
        said = run_gdb(
            serving.port,
            program,
            "set follow-fork-mode child\ncatch exec\ncontinue\nbreak main\ncontinue\nnext\nprint argv[1]\ncontinue\n",
            tmp_path,
        )
    assert "Catchpoint 1 (exec'd /second)" in said
    assert "main (argc=3, argv=" in said
    assert "/* the new program */" in said
    assert '"A"' in said
    assert "exited with code 0101]" in said


def test_packets_name_processes_once_both_sides_know_of_several(program: Path) -> None:
    with served(program, str(program)) as serving:
        client = serving.connect()
        assert client.ask(b"qC") == b"QC1"
        supported = client.ask(b"qSupported:multiprocess+;fork-events+;swbreak+").split(b";")
        assert {b"multiprocess+", b"fork-events+"} <= {*supported}
        assert b"exec-events+" not in supported
        assert client.ask(b"qC") == b"QCp1.1"
        assert client.ask(b"Hgp1.0") == client.ask(b"Tp1.1") == b"OK"
        assert client.ask(b"Hgp2.0") == client.ask(b"Tp2.2") == b"E03"
        assert b"fork:p2.2;" in client.ask(b"vCont;c:p1.-1")
        assert client.ask(b"qfThreadInfo") == b"mp1.1,p2.2"
        assert client.ask(b"D;2") == b"OK"
        assert client.ask(b"qfThreadInfo") == b"mp1.1"
        assert client.ask(b"vCont;c:p1.-1") == b"W00;process:1"


def test_processes_end_one_by_one_and_a_killed_one_is_gone(program: Path) -> None:
    with served(program, str(program)) as serving:
        client: Client = serving.connect()
        client.ask(b"qSupported:multiprocess+;fork-events+")
        client.ask(b"vCont;c")
        assert client.ask(b"vCont;c") == b"W13;process:2"
        assert client.ask(b"vCont;c") == b"W00;process:1"
    with served(program, str(program)) as serving:
        client = serving.connect()
        client.ask(b"qSupported:multiprocess+;fork-events+")
        client.ask(b"vCont;c")
        client.ask(b"vCont;s:p1.1")
        assert client.ask(b"vKill;2") == b"OK"
        assert client.ask(b"qfThreadInfo") == b"mp1.1"
        assert client.ask(b"vCont;c") == b"W01;process:1"
