"""A Rust program that uses std's threads, channels, locks, time and panics runs as on this host."""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from pffemu import Exited, Machine

SOURCE = Path(__file__).parent / "programs" / "threads.rs"


@pytest.mark.slow
def test_a_rust_program_runs_unmodified(tmp_path: Path) -> None:
    rustc = shutil.which("rustc")
    if rustc is None or platform.machine() != "x86_64":
        pytest.skip("needs rustc for x86-64: see https://rustup.rs")
    binary = tmp_path / "threads"
    options = ("-O", "-C", "target-feature=+crt-static", "--target", "x86_64-unknown-linux-gnu")
    subprocess.run([rustc, *options, "-o", binary, SOURCE], check=True, capture_output=True)
    host = subprocess.run([binary, "one", "two"], capture_output=True, check=False)
    out, err = io.BytesIO(), io.BytesIO()
    machine = Machine(stdout=out, stderr=err)
    machine.load(binary, ["one", "two"])
    assert machine.run(budget=50_000_000) == Exited(host.returncode)
    assert out.getvalue() == host.stdout
    assert b"on purpose" in err.getvalue()
