"""pytester forgets every module that its inner run imported: what pffemu needs is imported, and compiled, before."""

from __future__ import annotations

import os
from pathlib import Path

import filecheck.matcher
import pytest

import pffemu.testing.failure
import pffemu.testing.verify
from pffemu.testing.cases import read_cases
from pffemu.testing.runner import run_block, start

__all__ = ["filecheck", "pffemu"]
_ZIG_CACHE = os.environ.get("ZIG_GLOBAL_CACHE_DIR", str(Path.home() / ".cache" / "zig"))


@pytest.fixture(autouse=True)
def the_same_output_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest prints its summary in full where CI is set, and the claims here are about what a person sees."""
    for name in ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def zig_builds_its_libc_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytester moves HOME, below which zig keeps what takes it a minute to build."""
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", _ZIG_CACHE)


@pytest.fixture(autouse=True, scope="session")
def warm() -> None:
    (case,) = read_cases("# test: x\n# expect: rax == 0\n# CHECK-NOT: x\nnop\n", "warm.s")
    run = start(case)
    run_block(run)
    pffemu.testing.verify.verify(run)
    assert not run.failures
