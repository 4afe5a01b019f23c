"""pffemu compare --scheduler: the runs on a dask.distributed cluster give the results that they give here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.workload import CacheSetting
from guest.caching.workloads import named_workload
from pffemu import MissingExtraError
from pffemu.cli.compare_cluster import Cluster
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from tests.hidden_packages import hide
from tests.system.cli_runs import finish, start

needs_distributed = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs the extra cluster: pip install 'pffemu[cluster]'"
)
SMALL = ("fault", "--scale", "9", "--mechanism", "pin", "--quota", "1", "--threads", "1,2")
LOOPBACK = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, host="127.0.0.1",
                      protocol="tcp") as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


@pytest.fixture
def address() -> Iterator[str]:
    """A scheduler with one worker, on this machine."""
    with subprocess.Popen(
        [sys.executable, "-c", LOOPBACK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def compare(folder: Path, *arguments: str) -> tuple[Any, str]:
    report = str(folder.with_suffix(".json"))
    ran = finish(start("compare", *SMALL, *arguments, "--folder", str(folder), "--json", report), timeout=120)
    assert ran.code == 0, ran.err
    return json.loads(folder.with_suffix(".json").read_text()), ran.out


@needs_distributed
@pytest.mark.timeout(300)
def test_a_cluster_gives_the_same_results_and_resumes(tmp_path: Path, address: str) -> None:
    told, said = compare(tmp_path / "runs", "--scheduler", address)
    assert "3 results, 0 of them from before" in said
    (pin,), made = chosen_mechanisms("pin"), named_workload("fault", 9)
    here = [run(made, CacheSetting(pin, threads=threads), MachineOptions()).summary for threads in (1, 2)]
    assert [(one["cycles"], one["correct"]) for one in told["runs"]] == [(one.cycles, True) for one in here]
    next((tmp_path / "runs").glob("fault-pin-q1-t2-*")).unlink()
    again, said = compare(tmp_path / "runs", "--scheduler", address)
    assert "3 results, 2 of them from before" in said
    assert again == told


@needs_distributed
def test_an_address_that_does_not_answer_is_one_message(tmp_path: Path) -> None:
    for nobody in ("tcp://127.0.0.1:1", "nonsense://x"):
        ran = finish(start("compare", *SMALL, "--folder", str(tmp_path), "--scheduler", nobody), timeout=60)
        assert ran.code == 2
        assert f"no scheduler answers at '{nobody}'" in ran.err
        assert "Traceback" not in ran.err


def test_without_distributed_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    hide("distributed", monkeypatch)
    with pytest.raises(MissingExtraError, match="cluster"):
        Cluster("tcp://127.0.0.1:1")
