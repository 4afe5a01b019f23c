"""pffemu run: exit status, streams, arguments and files are passed through."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from unittest.mock import ANY

import pytest

from pffemu import __version__
from tests.system.cli_runs import ROOT, finish, pffemu, source, start

EXIT_7 = "_start: mov eax, 60\nmov edi, 7\nsyscall\n"

ECHO = """
.include "pff.inc"
_start:
    xor eax, eax
    xor edi, edi
    lea rsi, [rip + buffer]
    mov edx, 4096
    syscall
    mov edx, eax
    mov eax, SYS_write
    mov edi, 1
    lea rsi, [rip + buffer]
    syscall
    mov edi, [rsp]                  # argc
    mov eax, SYS_exit_group
    syscall
.bss
buffer: .zero 4096
"""

PRINT_ARGUMENTS = """
_start:
    mov rbx, rsp
next:
    add rbx, 8
    mov rsi, [rbx]
    test rsi, rsi
    jz done
    xor edx, edx
1:  cmp byte ptr [rsi + rdx], 0
    je 2f
    inc edx
    jmp 1b
2:  mov byte ptr [rsi + rdx], 10
    inc edx
    mov eax, 1
    mov edi, 1
    syscall
    jmp next
done:
    xor edi, edi
    mov eax, 231
    syscall
"""

TO_BOTH = """
_start:
    mov eax, 1
    mov edi, 1
    lea rsi, [rip + text]
    mov edx, 4
    syscall
    mov eax, 1
    mov edi, 2
    lea rsi, [rip + text + 4]
    mov edx, 4
    syscall
    mov eax, 60
    xor edi, edi
    syscall
.data
text: .ascii "out\\nerr\\n"
"""

UNKNOWN_CALLS = """
_start:
    mov ebx, 3
1:  mov eax, 999
    syscall
    dec ebx
    jnz 1b
    mov eax, 998
    syscall
    mov eax, 60
    xor edi, edi
    syscall
"""


def test_guest_exit_status_is_passed_through(tmp_path: Path) -> None:
    ran = pffemu("run", source(tmp_path, EXIT_7))
    assert (ran.code, ran.out, ran.err) == (7, "", "")


def test_stdin_and_stdout_are_the_guests(tmp_path: Path) -> None:
    ran = pffemu("run", source(tmp_path, ECHO), stdin=b"hello\n")
    assert (ran.code, ran.out, ran.err) == (1, "hello\n", "")


def test_stderr_is_the_guests(tmp_path: Path) -> None:
    ran = pffemu("run", source(tmp_path, TO_BOTH))
    assert (ran.out, ran.err) == ("out\n", "err\n")


def test_arguments_behind_the_file_are_untouched(tmp_path: Path) -> None:
    guest = source(tmp_path, PRINT_ARGUMENTS)
    arguments = ["--mode", "-x", "--", "--help", "--json", "a b", ""]
    ran = pffemu("run", "--mode", "kernel", guest, *arguments)
    assert ran.out == "\n".join([guest, *arguments]) + "\n"


def test_asm_suffix_and_includes_beside_the_file(tmp_path: Path) -> None:
    source(tmp_path, ".equ STATUS, 9\n", "mine.inc")
    guest = source(tmp_path, '.include "mine.inc"\n_start: mov eax, 60\nmov edi, STATUS\nsyscall\n', "guest.asm")
    assert pffemu("run", guest).code == 9


@pytest.mark.parametrize("mode", ["kernel", "uffd", "pff"])
def test_shipped_guest_runs_from_its_file(mode: str) -> None:
    ran = pffemu("run", "--mode", mode, str(ROOT / "guest/asm/fault_bench.s"), "4", "1", "0", "0")
    assert (ran.code, ran.err) == (0, "")


def test_unknown_system_calls_warn_once_each(tmp_path: Path) -> None:
    ran = pffemu("run", source(tmp_path, UNKNOWN_CALLS))
    lines = ran.err.splitlines()
    assert ran.code == 0
    assert len(lines) == 2
    assert all(line.startswith("pffemu: warning: system call 99") for line in lines)


def test_trace_hash_is_the_sha256_of_the_trace(tmp_path: Path) -> None:
    trace, report = tmp_path / "trace.jsonl", tmp_path / "report.json"
    assert pffemu("run", "--trace", str(trace), "--json", str(report), source(tmp_path, EXIT_7)).code == 7
    (run,) = json.loads(report.read_text())["runs"]
    assert run["trace_hash"] == hashlib.sha256(trace.read_bytes()).hexdigest()
    assert [json.loads(line)["event"] for line in trace.read_text().splitlines()][-1] == "process_exited"


def test_trace_is_written_when_the_guest_dies(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    assert pffemu("run", "--trace", str(trace), source(tmp_path, "_start: hlt\n")).code == 139
    assert json.loads(trace.read_text().splitlines()[-1])["event"] == "process_exited"


def test_json_on_stdout_keeps_the_guest_out_of_it(tmp_path: Path) -> None:
    ran = pffemu("run", "--json", "-", source(tmp_path, TO_BOTH), "argument")
    report = json.loads(ran.out)
    assert ran.err == "out\nerr\n"
    assert report["version"] == __version__
    assert report["command"] == "run"
    assert report["options"] == {
        "file": str(tmp_path / "guest.s"), "arguments": ["argument"], "mode": "pff", "cpus": 2, "ram": 1 << 30,
        "budget": None,
        "profile": "sapphire-rapids",
        "profile_hash": ANY,
    }  # fmt: skip
    (run,) = report["runs"]
    assert run["correct"] is None
    assert "host" not in run


def test_reader_of_stdout_that_left_ends_the_run_quietly(tmp_path: Path) -> None:
    forever = "_start: mov eax, 1\nmov edi, 1\nmov rsi, rsp\nmov edx, 8\nsyscall\njmp _start\n"
    process = start("run", source(tmp_path, forever))
    assert process.stdout is not None
    process.stdout.read(8)
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (141, b"")


def test_full_disk_behind_stdout_is_one_message(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with full.open("wb") as sink:
        ran = finish(start("run", source(tmp_path, TO_BOTH), stdout=sink))
    assert ran.code == 125
    assert ran.err.startswith("pffemu: error: the guest's output cannot be written: No space left on device")


@pytest.mark.parametrize("command", ["run", "debug", "gdb", "trace", "timeline"])
def test_the_machines_options_are_the_same_on_every_command(command: str) -> None:
    done = pffemu(command, "--help")
    for option in MACHINE_OPTIONS:
        assert option in done.out, option


MACHINE_OPTIONS = (
    "--mode", "--cpus", "--ram", "--root", "--env", "--seed", "--strict", "--exact-float", "--check-align", "--profile",
    "--delivery", "--lookup", "--frame-layout", "--regions",
)  # fmt: skip
