"""pffemu bench: right answers, exact counts, the JSON's form, and the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from guest.handlers import Handler
from guest.workloads import FaultWorkload
from pffemu import Mode
from tests.system.cli_runs import finish, pffemu, start

RUN_KEYS = [
    "mode", "faults", "forwarded", "uirets", "uffd_messages", "wakes", "context_switches", "kernel_entries",
    "handler_threads", "instructions", "correct", "trace_hash", "handler", "cycles", "time", "latency", "parts",
    "stages", "charges",
]  # fmt: skip

FAULT = ("bench", "fault", "--pages", "40")
BFS = ("bench", "bfs", "--scale", "9", "--edge-factor", "8")


def report(*arguments: str) -> dict[str, Any]:
    ran = pffemu(*arguments, "--json", "-")
    assert ran.code == 0, ran.err
    loaded: dict[str, Any] = json.loads(ran.out)
    return loaded


@pytest.mark.parametrize("command", [FAULT, BFS], ids=["fault", "bfs"])
def test_form_of_the_report(command: tuple[str, ...]) -> None:
    told = report(*command)
    assert list(told) == ["version", "command", "options", "runs"]
    assert told["command"] == " ".join(command[:2])
    assert [run["mode"] for run in told["runs"]] == [mode.value for mode in Mode]
    assert [list(run) for run in told["runs"]] == [RUN_KEYS] * len(Mode)
    assert all(run["correct"] is True for run in told["runs"])


@pytest.mark.parametrize("command", [FAULT, BFS], ids=["fault", "bfs"])
def test_counts_tell_the_modes_apart(command: tuple[str, ...]) -> None:
    runs = {run["mode"]: run for run in report(*command)["runs"]}
    kernel, uffd, pff, upcall = (runs[mode] for mode in ("kernel", "uffd", "pff", "upcall"))
    n = pff["faults"]
    assert (pff["forwarded"], pff["uirets"], pff["uffd_messages"], pff["wakes"], pff["handler_threads"]) == (
        n,
        n,
        0,
        0,
        0,
    )
    assert (uffd["faults"], uffd["forwarded"], uffd["uffd_messages"], uffd["handler_threads"]) == (n, 0, n, 1)
    assert uffd["wakes"] >= n
    assert uffd["context_switches"] > n
    assert (upcall["faults"], upcall["forwarded"], upcall["uffd_messages"], upcall["wakes"]) == (n, 0, 0, 0)
    assert upcall["kernel_entries"] >= pff["kernel_entries"] + 2 * n  # one for the fault, one to return
    assert kernel["forwarded"] == kernel["uffd_messages"] == kernel["wakes"] == 0


def test_fault_options_that_decide_the_run() -> None:
    told = report(*FAULT, "--write", "--random", "--zero", "--mode", "pff", "--cpus", "1", "--ram", "64M")
    assert told["options"] == {
        "pages": 40, "write": True, "random": True, "copy": False, "minor": False, "threads": 1, "handler_threads": 1,
        "own_areas": False, "modes": ["pff"], "handlers": ["read"], "cpus": 1, "ram": 64 << 20,
        "profile": "sapphire-rapids", "profile_hash": ANY,
    }  # fmt: skip
    (run,) = told["runs"]
    assert (run["faults"], run["forwarded"]) == (80, 40)  # the zero page first, then a copy of it to write to


def test_minor_faults_are_continued_in_every_mode_and_copy_is_out_of_the_question() -> None:
    told = report("bench", "fault", "--pages", "40", "--minor", "--handler", "all")
    assert told["options"]["minor"] is True
    assert told["options"]["copy"] is False
    assert [run["correct"] for run in told["runs"]] == [True] * (len(Mode) - 1 + len(Handler))
    assert all(run["charges"].get("kernel.page.lookup") for run in told["runs"] if run["mode"] != "hw")
    assert not any("kernel.page.copy" in run["charges"] for run in told["runs"])
    assert pffemu("bench", "fault", "--minor", "--zero").code == 2


def test_threads_in_areas_of_their_own_wait_for_no_lock_of_areas() -> None:
    """Under Linux 6.18's locking; without it, or in one area, they meet in a cache line."""

    def of(locking: str, *own: str) -> tuple[int, int]:
        many = ("bench", "fault", "--pages", "256", "--threads", "16", "--mode", "kernel", "--locking", locking, *own)
        (run,) = report(*many)["runs"]
        assert run["correct"] is True
        return run["charges"].get("kernel.lock.transfer", 0), run["cycles"]

    meeting, own = [of("6.0"), of("6.0", "--own-areas"), of("6.18")], of("6.18", "--own-areas")
    assert own[0] < min(moved for moved, _ in meeting) / 10
    assert own[1] < 0.97 * min(cycles for _, cycles in meeting)


def test_every_mechanism_fills_areas_of_their_own() -> None:
    told = report("bench", "fault", "--pages", "37", "--threads", "5", "--own-areas", "--handler", "all")
    assert told["options"]["own_areas"] is True
    assert [run["correct"] for run in told["runs"]] == [True] * (len(Mode) - 1 + len(Handler))


def test_several_handler_threads_share_the_faults() -> None:
    many = ("bench", "fault", "--pages", "256", "--threads", "8", "--mode", "uffd", "--handler-threads")
    one, four = (report(*many, number)["runs"][0] for number in ("1", "4"))
    assert (one["handler_threads"], four["handler_threads"]) == (1, 4)
    assert one["correct"] is four["correct"] is True
    assert four["cycles"] < one["cycles"]


def test_bfs_options_that_decide_the_run() -> None:
    told = report(*BFS, "--seed", "3", "--mode", "pff", "--mode", "uffd", "--mode", "pff")
    assert told["options"] == {
        "scale": 9, "edge_factor": 8, "seed": 3, "resident": 1.0, "evict": "fifo", "modes": ["pff", "uffd"],
        "handlers": ["read"], "cpus": 2, "ram": 1 << 30, "profile": "sapphire-rapids", "profile_hash": ANY,
    }  # fmt: skip
    assert [run["mode"] for run in told["runs"]] == ["pff", "uffd"]


@pytest.mark.parametrize("pages", [1, 2, 3, 33])
@pytest.mark.parametrize("kind", [("--write",), ("--random",), ("--zero",), ("--write", "--random", "--zero")])
def test_every_kind_of_fault_benchmark_is_right(pages: int, kind: tuple[str, ...]) -> None:
    told = report("bench", "fault", "--pages", str(pages), *kind)
    assert all(run["correct"] for run in told["runs"])


@pytest.mark.parametrize("command", [FAULT, BFS], ids=["fault", "bfs"])
def test_same_bytes_with_and_without_compiled_functions(command: tuple[str, ...]) -> None:
    processes = [start(*command, "--json", "-", environment={"PFFEMU_JIT": jit}) for jit in ("1", "0")]
    compiled, python = (finish(process) for process in processes)
    assert compiled.code == python.code == 0
    assert compiled.out == python.out == pffemu(*command, "--json", "-").out


def test_json_in_a_file_leaves_the_table_on_stdout(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    ran = pffemu(*FAULT, "--json", str(target))
    assert ran.code == 0
    assert "deliveries to ring 3" in ran.out
    assert json.loads(target.read_text())["command"] == "bench fault"


def test_json_on_stdout_stands_alone() -> None:
    ran = pffemu(*FAULT, "--json", "-")
    assert ran.out.startswith("{")
    json.loads(ran.out)
    assert "deliveries to ring 3" in ran.err


def test_host_stats_are_extra() -> None:
    told = report(*FAULT, "--host-stats", "--mode", "pff")
    (run,) = told["runs"]
    host = run.pop("host")
    assert list(run) == RUN_KEYS
    assert host["seconds"] > 0
    assert host["max_rss_bytes"] > 1 << 20


@pytest.mark.parametrize("mode", [mode.value for mode in Mode])
def test_trace_hash_is_the_sha256_of_the_trace(tmp_path: Path, mode: str) -> None:
    trace = tmp_path / "trace.jsonl"
    (run,) = report(*FAULT, "--mode", mode, "--trace", str(trace))["runs"]
    assert run["trace_hash"] == hashlib.sha256(trace.read_bytes()).hexdigest()


def test_wrong_answer_is_told_and_gives_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaultWorkload, "expected", lambda self, *, userfaultfd: b"\0" * 8 if userfaultfd else b"")
    ran = pffemu(*FAULT, "--mode", "uffd", "--mode", "pff", "--json", "-")
    assert ran.code == 1
    assert "pffemu: error: wrong answer in mode uffd, pff" in ran.err
    assert [run["correct"] for run in json.loads(ran.out)["runs"]] == [False, False]


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("fault", "--pages", "4096", "--ram", "8M"), 125, "fault_bench gave up with status 99"),
        (("fault", "--pages", "4096", "--ram", "24M"), 137, "killed by SIGKILL: guest RAM is full"),
        (("bfs", "--scale", "12", "--edge-factor", "16", "--ram", "1M"), 125, "guest RAM is full"),
    ],
    ids=["for its mappings", "for its pages", "for the graph"],
)
def test_too_little_memory_says_so(command: tuple[str, ...], code: int, message: str) -> None:
    ran = pffemu("bench", *command, "--mode", "pff")
    assert ran.code == code
    assert ran.err.startswith("pffemu: error: ")
    assert message in ran.err
    assert "--ram" in ran.err


def test_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pffemu.report.plot.available", lambda: False)
    ran = pffemu(*FAULT, "--plot", str(tmp_path / "x.png"))
    assert ran.code == 125
    assert "pip install 'pffemu[plot]'" in ran.err


HANDLERS = list(Handler)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_handler_gives_the_right_answer_and_a_busy_one_never_sleeps(threads: int) -> None:
    told = report(*FAULT, "--mode", "uffd", "--threads", str(threads), *(f"--handler={one.value}" for one in HANDLERS))
    runs = {run["handler"]: run for run in told["runs"]}
    assert list(runs) == [one.value for one in HANDLERS]
    paths = {one.value: "SIGBUS" if one is Handler.SIGBUS else "userfaultfd" for one in HANDLERS}
    for name, run in runs.items():
        assert run["correct"]
        assert run["latency"][paths[name]]["faults"] == run["faults"] == 40
    if threads == 1:
        assert (runs["busy"]["wakes"], runs["read"]["wakes"], runs["poll"]["wakes"]) == (40, 79, 79)
        medians = {name: run["latency"][paths[name]]["median"] for name, run in runs.items()}
        assert medians["busy"] < medians["read"] < medians["poll"]


PATHS = {"uffd": "userfaultfd", "pff": "forwarded", "pff-pte": "forwarded", "hw": "directed"}


def test_parts_stages_and_time_add_up() -> None:
    for run in report(*FAULT)["runs"]:
        path = PATHS.get(run["mode"], run["mode"])
        if run["mode"] == "daemon":
            del run["latency"]["kernel"]  # of the first stores after fork
        ((found, latency),) = run["latency"].items()
        assert found == path
        stages = sum(run["stages"][path].values())
        assert sum(run["parts"][path].values()) == stages
        assert stages // latency["faults"] == latency["mean"]
        assert sum(run["time"].values()) == run["cycles"]
        assert min(run["time"].values()) >= 0
        assert sum(count for _, count in latency["histogram"]) == latency["faults"]
        assert latency["min"] <= latency["median"] <= latency["p99"] <= latency["max"]


def test_faults_of_two_paths_are_told_apart() -> None:
    """The store after ZEROPAGE makes the kernel copy the zero page: a second fault of another path."""
    for run in report(*FAULT, "--zero", "--write", "--mode", "uffd", "--mode", "pff")["runs"]:
        latency = run["latency"]
        own = "userfaultfd" if run["mode"] == "uffd" else "forwarded"
        assert {path: one["faults"] for path, one in latency.items()} == {own: 40, "kernel": 40}
        assert set(run["parts"]) == set(run["stages"]) == set(latency)


def test_one_threads_charges_are_the_measured_time() -> None:
    """With one thread on one core nothing overlaps: what was charged is what passed."""
    for run in report(*FAULT, "--cpus", "1", "--mode", "kernel", "--mode", "pff")["runs"]:
        assert run["time"]["waiting"] == 0
        assert 0 <= run["cycles"] - sum(run["charges"].values()) <= len(run["charges"])  # whole cycles of each


@pytest.mark.parametrize("policy", ["fifo", "clock"])
def test_a_cache_smaller_than_the_graph_faults_again_and_stays_right(policy: str) -> None:
    whole, part = (
        report(*BFS, "--mode", "uffd", "--mode", "pff", "--resident", share, "--evict", policy)["runs"]
        for share in ("1", "0.5")
    )
    assert all(run["correct"] for run in [*whole, *part])
    assert whole[0]["faults"] < part[0]["faults"] == part[1]["faults"]


def test_another_machine_profile_changes_times_and_nothing_else(tmp_path: Path) -> None:
    profile = tmp_path / "slow.toml"
    profile.write_text(
        'name = "slow"\nmachine = "slow UIRET"\nbase = "sapphire-rapids"\n[costs]\n'
        '"cpu.uintr.uiret" = { value = 1, unit = "us", status = "guessed", source = "a test" }\n'
    )
    command = (*FAULT, "--mode", "pff")
    told, slow = (report(*command, "--profile", name)["runs"][0] for name in ("sapphire-rapids", str(profile)))
    assert slow["latency"]["forwarded"]["median"] - told["latency"]["forwarded"]["median"] == 2000 - 40
    for key in ("faults", "instructions", "kernel_entries"):
        assert slow[key] == told[key]


def test_a_wrong_profile_is_one_message() -> None:
    ran = pffemu(*FAULT, "--profile", "sapphire-rapid")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'sapphire-rapids'?" in ran.err
