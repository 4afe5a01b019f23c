"""The host's Linux as an oracle, compiled once."""

from __future__ import annotations

import platform

import pytest

from tests.unit.kernel_model.linux_oracle import Linux, call, why_not_here


@pytest.fixture(scope="session")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Linux:
    if why_not_here() or platform.machine() != "x86_64":
        pytest.skip(why_not_here() or "needs an x86-64 host")
    return Linux(tmp_path_factory.mktemp("linux"))


@pytest.fixture(scope="session")
def linux_with_userfaultfd(linux: Linux) -> Linux:
    answer = linux.results([call("userfaultfd", 0)])[-1]
    if not answer.endswith("= 0x3"):
        pytest.skip(f"this host's userfaultfd is out of reach: {answer}")
    return linux
