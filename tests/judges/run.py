"""Run a judge's program under a time limit: on this host's Linux, and in pffemu."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from tests.judges.outcome import TIMED_OUT, Outcome, outcome_of
from tests.judges.program import Program

NATIVE_LIMIT, LIMIT = 60, 120  # seconds
_ENVIRONMENT: Final = {"KCONFIG_SKIP_CHECK": "1", "LTP_COLORIZE_OUTPUT": "n", "HOME": "/tmp"}
_APART: Final = ("unshare", "--fork", "--pid", "--kill-child", "--mount-proc", "--ipc")
_TMPFS: Final = "/dev/shm"  # temporary files lie in a tmpfs, as in pffemu
_OUTPUT_MAX: Final = 1 << 20  # characters that are looked at


def natively(program: Program, limit: float = NATIVE_LIMIT) -> Outcome:
    """In a directory of its own, and in namespaces of its own where the user may make them: tests send signals."""
    with tempfile.TemporaryDirectory(prefix="judge", dir=_TMPFS if os.path.ismount(_TMPFS) else None) as directory:
        launched = [str(launcher()), str(program.path), *program.arguments]
        command = [*(_APART if _may_unshare() else ()), *launched]
        path = f"{program.path.parent}:{os.environ['PATH']}"
        return _run(command, program.path.parent, {**_ENVIRONMENT, "TMPDIR": directory, "PATH": path}, limit)


def in_pffemu(program: Program, limit: float = LIMIT) -> Outcome:
    """In a machine of its own, with the program's folder at /judge."""
    words = [str(launcher()), str(program.tree), str(program.path), *program.arguments]
    command = [sys.executable, "-m", "tests.judges.guest", *words]
    here = Path(__file__).resolve().parent.parent.parent
    return _run(command, here, {**os.environ, "PYTHONPATH": str(here)}, limit)


def guest_environment(folder: str) -> dict[str, str]:
    return {**_ENVIRONMENT, "TMPDIR": "/tmp", "PATH": f"{folder}:/bin:/usr/bin"}


_BUILD: Final = threading.Lock()


def launcher() -> Path:
    """The binary of launch.c, built on first use. Raises subprocess.CalledProcessError."""
    with _BUILD:
        return _built_launcher()


@cache
def _built_launcher() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="judge"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    binary = folder / "launch"
    subprocess.run(["gcc", "-static", "-O1", "-o", binary, Path(__file__).with_name("launch.c")], check=True)
    return binary


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
