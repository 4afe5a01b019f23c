"""Standard streams in every state: closed, full, without a reader, ASCII only. Status and message are a shell's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.cli_runs import ROOT

QUIET = "_start: mov eax, 60\n mov edi, 7\n syscall\n"
# writes to descriptor 1, reads from 0, and ends with the sum of both errors
TALKS = """
_start:
    mov eax, 1
    mov edi, 1
    lea rsi, [rip + text]
    mov edx, 6
    syscall
    xor ebx, ebx
    cmp rax, 6
    cmovne rbx, rax
    xor eax, eax
    xor edi, edi
    syscall
    add rbx, rax
    mov rdi, rbx
    neg rdi
    mov eax, 60
    syscall
.data
text: .ascii "hello\\n"
"""
EBADF = 9
SHOWS = (("timing", "show"), ("bench", "fault", "--pages", "2"), ("--version",), ("run", "--help"), ("timing", "check"))
CLOSED = "pffemu: error: Bad file descriptor\n  try: look at where the output is redirected to\n"


def shell(tail: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`pffemu ARGUMENTS` with what bash does to its streams."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {tail}', "bash", sys.executable, "-m", "pffemu", *arguments],
        capture_output=True, stdin=subprocess.DEVNULL, timeout=100, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    path = tmp_path / "guest.s"
    path.write_text(QUIET)
    return path


@pytest.mark.parametrize("tail", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full"])
def test_a_guest_that_touches_no_stream_ends_with_its_own_status(guest: Path, tail: str) -> None:
    ran = shell(tail, "run", str(guest))
    assert (ran.returncode, ran.stderr) == (7, b"")


@pytest.mark.parametrize(("tail", "errors"), [("", 0), (">&-", EBADF), ("<&-", EBADF), (">&- <&-", 2 * EBADF)])
def test_the_guest_begins_without_the_closed_descriptors(guest: Path, tail: str, errors: int) -> None:
    guest.write_text(TALKS)
    ran = shell(tail, "run", str(guest))
    assert (ran.returncode, ran.stderr) == (errors, b"")


@pytest.mark.parametrize("arguments", SHOWS)
def test_what_cannot_be_shown_is_one_error(arguments: tuple[str, ...]) -> None:
    ran = shell(">&-", *arguments)
    assert (ran.returncode, ran.stderr.decode()) == (125, CLOSED)
    ran = shell(">/dev/full", *arguments)
    assert (ran.returncode, ran.stderr.decode()) == (
        125,
        CLOSED.replace("Bad file descriptor", "No space left on device"),
    )
    ran = shell("| true; exit ${PIPESTATUS[0]}", *arguments)
    assert (ran.returncode, ran.stderr) in ((141, b""), (0, b""))  # 0: `true` had not ended yet


def test_a_reader_that_has_gone_is_sigpipe_to_every_command() -> None:
    ran = shell("| { exec <&-; sleep 2; }; exit ${PIPESTATUS[0]}", "timing", "show")
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_debuggers_lines_on_closed_and_full_output(guest: Path) -> None:
    assert shell(">&-", "debug", str(guest)).stderr.decode() == CLOSED
    ran = shell("<&-", "debug", str(guest))
    assert (ran.returncode, ran.stderr) == (0, b"")


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("timing", "show"), ("doctor",), ("bench", "fault", "--pages", "2"), ("--help",),
        ("timeline", "--fault", "1", str(ROOT / "examples" / "own_handler.s")),
    ],
)  # fmt: skip
def test_output_that_can_only_be_ascii(arguments: tuple[str, ...]) -> None:
    ran = shell("", *arguments, **ASCII)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.isascii()
    assert b"internal error" not in ran.stderr


def test_a_debugger_in_ascii_shows_sources_that_are_not(guest: Path) -> None:
    guest.write_text(QUIET.replace("mov edi, 7", "mov edi, 7  # \u00e9 \u2013 7 \u2192 8"), encoding="utf-8")
    ran = shell("<<< $'step\\ncode\\ntimeline\\nprint \\xff'", "debug", str(guest), **ASCII)
    assert b"mov edi, 7  # ? - 7 > 8" in ran.stdout
    assert b"internal error" not in ran.stderr
    assert ran.stderr.startswith(b"pffemu: error: ")
