"""The driver on the host's own CPU."""

from __future__ import annotations

import platform
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.oracle.cases import Case, executable
from tests.oracle.results import split

_SECONDS: Final = 120
_WRITING_OR_STARTING: Final = threading.Lock()  # a child started meanwhile would hold the file open: ETXTBSY
# /proc/cpuinfo's names of what CPUID claims here, beyond x86-64 itself
_NEEDED: Final = ("lahf_lm", "cx16", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2", "aes", "pclmulqdq")


def run_on_host(cases: Sequence[Case], chunk: int) -> tuple[list[bytes], str]:
    """As many results as there are, and why it ended early ('' when it did not)."""
    with tempfile.TemporaryDirectory(prefix="pffemu-oracle-") as folder:
        path = Path(folder) / "driver"
        octets = executable(cases, chunk)
        with _WRITING_OR_STARTING:
            path.write_bytes(octets)
            path.chmod(0o700)
            process = subprocess.Popen(
                [str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
                cwd=folder, start_new_session=True,
            )  # fmt: skip
        with process:
            try:
                output, _ = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    return split(output), _why(process.returncode)


def why_not_here() -> str:
    """Why this host cannot run the driver; '' when it can."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        return "the host is not Linux on x86-64"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    missing = [flag for flag in _NEEDED if flag not in flags]
    return f"the host's CPU lacks {', '.join(missing)}" if missing else ""


def _why(status: int) -> str:
    if status == 0:
        return ""
    return (
        f"the driver was killed by {signal.Signals(-status).name}" if status < 0 else f"the driver exits with {status}"
    )
