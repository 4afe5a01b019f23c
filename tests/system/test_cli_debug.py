"""pffemu debug in line mode: from a program, a snapshot, a failing test; scripts end with an exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pffemu.state.snapshot_file import VERSION
from tests.system.cli_runs import ROOT, Ran, pffemu, source

EXAMPLE = str(ROOT / "examples" / "own_handler.s")
TESTS = """
# map: buf 16K rw
# uffd: buf missing
# forward: on
.text
handler: add rsp, 8
    uiret
# test: the sum is right
# expect: rax == 6
mov eax, 5
add eax, 2
# test: it dies
# expect: rax == 1
mov rax, [0x10]
# test: at a label
# at there: rbx == 2
# expect: rbx == 2
mov ebx, 1
there: nop
mov ebx, 2
# test: the order
# CHECK: stui
# CHECK: clui
# CHECK: testui
stui
clui
nop
# test: all is well
# expect: rax == 5
mov eax, 5
"""


def script(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "commands"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def run(tmp_path: Path, *lines: str, file: str = EXAMPLE, options: tuple[str, ...] = ()) -> Ran:
    return pffemu("debug", "--commands", script(tmp_path, *lines), *options, file)


def test_a_script_stands_inside_a_delivery(tmp_path: Path) -> None:
    ran = run(tmp_path, "event frame", "continue", "frame", "reverse-finish", "where", "quit", "no such command")
    assert ran.code == 0
    assert "fault address" in ran.out
    assert "own_handler.s:43" in ran.out.splitlines()[-2]


def test_commands_come_from_standard_input_too() -> None:
    ran = pffemu("debug", EXAMPLE, stdin=b"step 3\n# a comment\n\nwhere\n")
    assert ran.code == 0
    assert "instruction 3" in ran.out


def test_a_wrong_command_ends_a_script_with_code_2(tmp_path: Path) -> None:
    ran = run(tmp_path, "step", "stepp", "print 77")
    assert ran.code == 2
    assert "no command 'stepp'" in ran.err
    assert "77" not in ran.out


def test_a_snapshot_is_debugged_on_and_back(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert run(tmp_path, "break handler", "continue", f"save {state}").code == 0
    assert "own_handler.s" not in run(tmp_path, "where", file=str(state)).out  # a snapshot names no file of the host
    ran = run(tmp_path, "where", "continue", "reverse-step", file=str(state), options=("--program", EXAMPLE))
    assert "own_handler.s:50: push rax" in ran.out
    assert "handler" in ran.out
    assert "exited with status 42" in ran.out


def test_a_snapshot_of_an_older_version_is_one_error(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert run(tmp_path, f"save {state}").code == 0
    now = f'"version": {VERSION},'.encode()
    state.write_bytes(state.read_bytes().replace(now, f'"version": {VERSION - 1},'.encode(), 1))
    ran = pffemu("debug", str(state))
    assert ran.code == 125
    assert f"it has version {VERSION - 1}, this pffemu reads {VERSION}" in ran.err
    assert "save it again" in ran.err


@pytest.mark.parametrize(("name", "place", "what"), [
    ("the-sum-is-right", "test.end", "rax == 6"),
    ("it-dies", "test.begin", "killed"),
    ("at-a-label", "there", "rbx == 2"),
    ("the-order", "", "clui uif=0"),
])  # fmt: skip
def test_a_failing_test_is_opened_where_it_fails(tmp_path: Path, name: str, place: str, what: str) -> None:
    file = source(tmp_path, TESTS, "test_some.s")
    ran = run(tmp_path, "events", "reverse-step", file=file, options=("--test", name, "--at-failure"))
    assert ran.code == 0
    assert what in ran.out
    assert place in ran.out


def test_a_test_that_passes_is_said_to_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    file = source(tmp_path, TESTS, "test_some.s")
    assert "passes" in run(tmp_path, file=file, options=("--test", "all-is-well", "--at-failure")).out
    ran = run(tmp_path, file=file, options=("--test", "all-is-wel"))
    assert ran.code == 2
    assert "all-is-well" in ran.err
    assert run(tmp_path, options=("--at-failure",)).code == 2


def test_bad_files_are_one_error(tmp_path: Path) -> None:
    assert pffemu("debug", str(tmp_path / "none")).code == 127
    assert pffemu("debug", source(tmp_path, "hello", "text")).code == 126
    assert pffemu("debug", source(tmp_path, "pffemu snapshot {}\n", "state")).code == 125
    assert pffemu("debug", "--commands", str(tmp_path), EXAMPLE).code == 127


def test_what_follows_the_program_is_its_own(tmp_path: Path) -> None:
    body = "_start: mov rsi, [rsp + 24]\nmov eax, 1\nmov edi, 1\nmov edx, 6\nsyscall\nmov eax, 231\nsyscall\n"
    script_of = script(tmp_path, "continue")
    ran = pffemu("debug", "--commands", script_of, source(tmp_path, body), "first", "--mode", "--test")
    assert (ran.code, ran.out.count("--mode")) == (0, 1)
    file = source(tmp_path, TESTS, "test_some.s")
    assert "rax == 6" in pffemu("debug", file, "--test", "the-sum-is-right", "--at-failure", stdin=b"quit").out


def test_the_options_of_run_are_those_of_debug() -> None:
    def options(command: str) -> set[str]:
        return set(re.findall(r"--[a-z-]+", pffemu(command, "--help").out))

    assert options("run") - options("debug") == {"--budget", "--gdb", "--trace", "--json", "--host-stats", "--sandbox"}
