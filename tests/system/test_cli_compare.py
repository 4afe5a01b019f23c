"""pffemu compare: every mechanism on one workload, resumed after a kill; the user's own program; bad input."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pffemu.report.json_schemas import schema
from tests.json_schema import errors
from tests.system.cli_runs import ROOT, pffemu, source

needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs the extra plot")
PATIENCE = 30  # seconds until the processes of a comparison that was stopped must have ended
SMALL = ("mmapbench-write", "--scale", "10", "--mechanism", "swizzle", "--quota", "0.5,1", "--threads", "2")


def compare(folder: Path, *arguments: str) -> Any:
    ran = pffemu("compare", *arguments, "--folder", str(folder), "--json", "-")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@needs_matplotlib
def test_a_comparison_resumes_and_says_the_same(tmp_path: Path) -> None:
    folder, figure = tmp_path / "results", tmp_path / "figure.svg"
    told = compare(folder, *SMALL, "--jobs", "0")
    assert [(run["mechanism"], run["quota"], run["threads"]) for run in told["runs"]] == [
        ("swizzle", quota, 2) for quota in (0.5, 1)
    ]
    assert all(run["correct"] for run in told["runs"])
    steps = told["steps"]["swizzle"]
    assert 1 < steps["hit"] < 10 < steps["evict"] < steps["write_back"] < steps["fill"]
    results = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name.count("-") > 1}
    removed, cut = sorted(path for path in results if "-q" in path.name)
    removed.unlink()
    cut.write_text(cut.read_text()[:100])  # a kill in the middle of writing
    kept = results.keys() - {removed, cut}
    again = compare(folder, *SMALL, "--jobs", "1", "--plot", str(figure))
    assert again == told
    assert all(path.stat().st_mtime_ns == results[path] for path in kept)
    assert b"swizzle" in figure.read_bytes()
    (tmp_path / "told.json").write_text(json.dumps(told))
    page = tmp_path / "page.html"
    ran = pffemu("report", str(tmp_path / "told.json"), "-o", str(page))
    assert ran.code == 0, ran.err
    assert page.read_text().count("<td>swizzle") == 2


def test_intervals_and_conclusions_under_draws(tmp_path: Path) -> None:
    arguments = ("fault", "--scale", "9", "--mechanism", "pff,swizzle", "--quota", "1", "--threads", "1")
    folder, drawing = tmp_path / "results", ("--uncertainty", "12", "--jobs", "0")
    told = compare(folder, *arguments, *drawing)
    found = {run["mechanism"]: run["uncertainty"] for run in told["runs"]}
    for run in told["runs"]:
        low, nominal, high = run["uncertainty"]["operations_per_second"]
        assert low < nominal < high
        assert nominal == pytest.approx(run["operations_per_second"], rel=1e-3)
        assert "draws" not in run
    low, nominal, high = found["pff"]["p50"]
    assert low < nominal < high
    misses = next(run["misses"] for run in told["runs"] if run["mechanism"] == "pff")
    assert nominal == pytest.approx(misses["p50"], abs=2)
    assert "p50" not in found["swizzle"]
    assert found["pff"]["off"] < 1  # of two runs under drawn profiles
    (conclusion,) = told["uncertainty"]["conclusions"]
    assert (conclusion["less"], conclusion["more"]) == ("swizzle (quota 1, threads 1)", "pff (quota 1, threads 1)")
    assert conclusion["holds"] == 12
    ran = pffemu("compare", *arguments, *drawing, "--folder", str(folder))
    assert "4 results, 4 of them from before" in ran.out
    assert "holds in 12 of 12 draws" in ran.out
    low, _, high = found["pff"]["operations_per_second"]
    assert f"[{low / 1e6:,.3f}, {high / 1e6:,.3f}]" in ran.out


def test_contention_is_said(tmp_path: Path) -> None:
    arguments = ("mmapbench-write", "--scale", "10", "--mechanism", "swizzle", "--quota", "0.5", "--threads", "2")
    drawn = compare(tmp_path, *arguments, "--uncertainty", "10", "--jobs", "0")["runs"][0]["uncertainty"]
    assert drawn["method"] == "emulated"
    assert drawn["off"] > 2  # the forms would have been wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no workload 'nothing'"),
        (("kv", "--mechanism", "magic"), "no mechanism 'magic'"),
        (("kv", "--quota", "0"), "a quota of 0"),
        (("kv", "--quota", "x"), "is not a list of numbers"),
        (("kv", "--threads", "17"), "17 threads are not possible"),
        (("kv", "--scale", "8", "--quota", "0.1"), "below the working minimum of 16"),
        (("kv", "argument"), "takes no arguments"),
        (("kv", "--mode", "uffd"), "choose with --mechanism"),
        (("guest/asm/fault_bench.s", "--scheduler", "tcp://x:1"), "a program runs here"),
        (("guest/asm/fault_bench.s", "--quota", "0.5"), "--quota: a program of your own decides that itself"),
        (("guest/asm/fault_bench.s", "--plot", "x.svg"), "there is nothing to draw"),
        (("kv", "--store", "disk", "--mechanism", "policy"), "needs its file in memory"),
    ],
)
def test_bad_input_is_one_message(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    folder = () if arguments[0].endswith(".s") else ("--folder", str(tmp_path))
    ran = pffemu("compare", *arguments, *folder)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_the_users_own_program_runs_under_three_mechanisms() -> None:
    ran = pffemu("compare", "guest/asm/fault_bench.s", "16", "1", "0", "1", "--json", "-")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert [(run["mechanism"], run["mode"]) for run in told["runs"]] == [(m, m) for m in ("kernel", "uffd", "pff")]
    assert {run["status"] for run in told["runs"]} == {0}
    uffd, pff = told["runs"][1:]
    assert uffd["cycles"] > pff["cycles"]


def test_the_users_own_program_under_draws_is_what_the_benchmark_is(tmp_path: Path) -> None:
    """guest/asm/fault_bench.s is the guest of `bench fault`."""
    drawn = ("--uncertainty", "12", "--draw-seed", "5", "--json")
    ran = pffemu("compare", "guest/asm/fault_bench.s", "16", "1", "0", "1", "--mechanism", "uffd,pff", *drawn, "-")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert list(errors(told, schema("compare"))) == []
    modes = ("--mode", "uffd", "--mode", "pff")
    same = json.loads(pffemu("bench", "fault", "--pages", "16", "--write", *modes, *drawn, "-").out)
    for own, run in zip(told["uncertainty"]["runs"], same["uncertainty"]["runs"], strict=True):
        assert (own["mode"], own["method"]) == (run["mode"], run["method"])
        for quantity in ("mean", "p99", "time", "speedup"):  # the benchmark has more arguments to read
            assert own[quantity] == pytest.approx(run[quantity], rel=1e-4)
    (tmp_path / "own.json").write_text(ran.out)
    made = pffemu("report", str(tmp_path / "own.json"), "-o", str(tmp_path / "own.html"))
    assert made.code == 0, made.err
    assert "holds in 12 of 12 draws" in (tmp_path / "own.html").read_text()


def test_a_program_without_faults_of_its_own_is_told(tmp_path: Path) -> None:
    file = source(tmp_path, ".globl _start\n_start: mov eax, 60\n xor edi, edi\n syscall\n")
    ran = pffemu("compare", file)
    assert ran.code == 0
    assert "no fault was the program's own in any mode" in ran.err


def stopped(folder: Path, temporary: Path, signum: signal.Signals) -> int:
    """A comparison that gets a signal when its first result is there; its exit code, when its processes have ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "pffemu", "compare", *SMALL, "--folder", str(folder), "--jobs", "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        while process.poll() is None and not list(folder.glob("steps-*")):
            time.sleep(0.01)
        process.send_signal(signum)  # its child gets none
        code = process.wait()
    deadline = time.monotonic() + PATIENCE
    while goes_on(process.pid):
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("a process of the comparison goes on")
        time.sleep(0.05)
    return code


def goes_on(group: int) -> bool:
    """Whether a process of the group runs; one that has ended may wait for its new parent for ever, in a container."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of = path.read_text().rpartition(")")[2].split()[:3]
            if int(of) == group and state not in "ZX":
                return True
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
def test_a_comparison_that_was_stopped_leaves_no_process_and_goes_on(tmp_path: Path, signum: signal.Signals) -> None:
    folder, temporary = tmp_path / "results", tmp_path / "temporary"
    temporary.mkdir()
    code = stopped(folder, temporary, signum)
    assert code == (-signum if signum is signal.SIGKILL else 128 + signum)
    assert list(temporary.iterdir()) == []  # the files of runs that were stopped
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert 1 <= len(before) <= 3
    told = compare(folder, *SMALL, "--jobs", "0")
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert len(list(folder.iterdir())) == 3
    assert told == compare(tmp_path / "undisturbed", *SMALL, "--jobs", "0")


def test_a_program_that_cannot_run_under_one_is_one_message() -> None:
    ran = pffemu("compare", "examples/own_handler.s", "--mechanism", "uffd,pff")
    assert ran.code == 125
    assert "mode uffd: all threads are blocked" in ran.err
    ran = pffemu("compare", "examples/own_handler.s", "--mechanism", "swizzle")
    assert ran.code == 2
    assert "cannot be run under 'swizzle'" in ran.err
