"""Run the command line inside the test process, or as a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from pffemu.cli.app import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


def pffemu(*arguments: str, stdin: bytes = b"") -> Ran:
    """`pffemu ARGUMENTS...`, in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setenv("COLUMNS", "120")
        code = main(arguments)
    ran = Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
    assert "Traceback" not in ran.out + ran.err
    return ran


def start(
    *arguments: str, environment: Mapping[str, str] | None = None, stdout: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """`pffemu ARGUMENTS...` as a process with a pipe for stderr, and no stdin."""
    return subprocess.Popen(
        [sys.executable, "-m", "pffemu", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
    )


def finish(process: subprocess.Popen[bytes], timeout: float = 30) -> Ran:
    """What it left behind. Raises subprocess.TimeoutExpired after `timeout` seconds."""
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    ran = Ran(process.returncode, (out or b"").decode(), err.decode())
    assert "Traceback" not in ran.out + ran.err
    return ran


def source(folder: Path, text: str, name: str = "guest.s") -> str:
    """Path of a guest's source file."""
    path = folder / name
    path.write_text(text)
    return str(path)
