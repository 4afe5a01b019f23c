"""Run a judge's program under a time limit: on this host's Linux, and in pffemu."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from tests.judges.outcome import TIMED_OUT, Outcome, outcome_of
from tests.judges.program import Program

NATIVE_LIMIT, LIMIT = 60, 120  # seconds
_ENVIRONMENT: Final = {"KCONFIG_SKIP_CHECK": "1", "LTP_COLORIZE_OUTPUT": "n", "HOME": "/tmp"}
_APART: Final = ("unshare", "--fork", "--pid", "--kill-child", "--mount-proc", "--ipc")
_OUTPUT_MAX: Final = 1 << 20  # characters that are looked at


def natively(program: Program, limit: float = NATIVE_LIMIT) -> Outcome:
    """In a directory of its own, and in namespaces of its own where the user may make them: tests send signals."""
    with tempfile.TemporaryDirectory(prefix="judge") as directory:
        words = shlex.join([str(program.path), *program.arguments])
        command = [*(_APART if _may_unshare() else ()), "sh", "-c", f"{words}; exit $?"]
        path = f"{program.path.parent}:{os.environ['PATH']}"
        return _run(command, program.path.parent, {**_ENVIRONMENT, "TMPDIR": directory, "PATH": path}, limit)


def in_pffemu(program: Program, limit: float = LIMIT) -> Outcome:
    """In a machine of its own, with the program's tree, read-only, at /judge."""
    command = [sys.executable, "-m", "tests.judges.guest", str(program.tree), str(program.path), *program.arguments]
    here = Path(__file__).resolve().parent.parent.parent
    return _run(command, here, {**os.environ, "PYTHONPATH": str(here)}, limit)


def guest_environment(folder: str) -> dict[str, str]:
    return {**_ENVIRONMENT, "TMPDIR": "/tmp", "PATH": f"{folder}:/bin:/usr/bin"}


@cache
def _may_unshare() -> bool:
    return (
        shutil.which("unshare") is not None and subprocess.run([*_APART, "true"], capture_output=True).returncode == 0
    )


def _run(command: list[str], directory: Path, environment: dict[str, str], limit: float) -> Outcome:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(limit)
            status = code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            status = TIMED_OUT
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read(_OUTPUT_MAX).decode(errors="backslashreplace")
    return outcome_of(status, text)
