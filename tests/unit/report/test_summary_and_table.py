"""The JSON's form, and the table's numbers."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

from rich.console import Console

from pffemu.events.faults import FORWARDED, KERNEL
from pffemu.report import figures
from pffemu.report.stages import DELIVERY, IOCTL, StageCosts
from pffemu.report.summary import HostCosts, RunSummary, report_of, to_json
from pffemu.report.table import run_table

COUNTS = {
    "faults": 3000, "forwarded": 2, "uirets": 1, "uffd_messages": 4, "wakes": 5, "context_switches": 6,
    "kernel_entries": 7, "handler_threads": 8, "instructions": 9,
}  # fmt: skip


def summary(mode: str = "pff", cycles: int = 1000, correct: bool | None = True) -> RunSummary:
    stages = {
        KERNEL: StageCosts(5, {IOCTL: 100}, (10, 20, 20, 20, 30)),
        FORWARDED: StageCosts(4, {DELIVERY: 100, IOCTL: 300}, (70, 90, 110, 130)),
    }
    return RunSummary(mode, COUNTS, correct, "0123456789abcdef", cycles, stages, HostCosts(1.23456789, 3 << 20))


def shown(*runs: RunSummary, host_stats: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(run_table(runs, host_stats=host_stats))
    return out.getvalue()


def test_json_has_exactly_these_keys_in_this_order() -> None:
    told = json.loads(to_json("1.0", "bench x", {"n": 1}, [summary()], host_stats=False))
    assert list(told) == ["version", "command", "options", "runs"]
    assert list(told["runs"][0]) == [
        "mode", *COUNTS, "correct", "trace_hash", "handler", "cycles", "time", "latency", "parts", "stages", "charges",
    ]  # fmt: skip


def test_time_of_the_first_thread_is_split_in_three() -> None:
    run = replace(summary(cycles=1000), in_faults=500, waiting=100)
    assert run.time_split == {"application": 400, "handling": 500, "waiting": 100}


def test_json_tells_host_costs_only_when_asked() -> None:
    told = json.loads(to_json("1.0", "bench x", {}, [summary()], host_stats=True))
    assert told["runs"][0]["host"] == {"seconds": 1.234568, "max_rss_bytes": 3 << 20}


def test_paths_are_never_pooled() -> None:
    run = summary()
    assert run.main_path == FORWARDED  # the kernel's own faults are not what the run is about
    assert (run.cycles_per_fault, run.stage_per_fault(IOCTL)) == (100, 75)
    assert {path: latency.median for path, latency in run.latency.items()} == {KERNEL: 20, FORWARDED: 90}
    assert run.parts[KERNEL] == {"notification": 0, "handling": 0, "resolution": 100, "resumption": 0}
    told = json.loads(to_json("1.0", "bench x", {}, [run], host_stats=False))["runs"][0]
    assert {path: one["faults"] for path, one in told["latency"].items()} == {KERNEL: 5, FORWARDED: 4}
    lines = [line.replace("│", " ").split() for line in shown(run).splitlines()]
    assert ["path", "of", "the", "faults", "below", "forwarded"] in lines
    assert ["by", "kernel,", "faults", "5"] in lines


def test_a_run_of_the_kernels_faults_alone_is_about_those() -> None:
    run = summary()
    assert replace(run, stages={KERNEL: run.stages[KERNEL]}).main_path == KERNEL


def test_no_faults_cost_nothing() -> None:
    run = RunSummary("pff", COUNTS, None, "", 5, {}, HostCosts(0, 0))
    assert run.cycles_per_fault == 0
    assert "-" in shown(run)


def test_table_compares_with_uffd() -> None:
    told = shown(summary("uffd", 4000), summary("pff", 1000))
    assert "4.00x" in told
    assert "3,000" in told
    assert "0123456789ab " in told


def test_waiting_for_memory_is_shown_where_there_are_caches() -> None:
    caches = replace(summary("pff"), charges={"memory.l2": 1200, "memory.dram": 34, "kernel.entry": 5})
    told = shown(summary("uffd"), caches)
    assert re.search(r"all threads wait for memory +│? *0 +│? *1,234", told), told
    assert "for memory" not in shown(summary())
    report = report_of("1.0", "bench fault", {"n": 1}, [summary("uffd"), caches], host_stats=False)
    assert figures.stalls_of(report["runs"][1]) == {"memory.l2": 1200, "memory.dram": 34}
    assert figures.stalls_of(report["runs"][0]) == {}


def test_table_without_uffd_compares_nothing() -> None:
    assert "speedup" not in shown(summary("kernel"), summary("pff"))


def test_wrong_answers_stand_out() -> None:
    assert "WRONG" in shown(summary(correct=False))
    assert "WRONG" not in shown(summary())


def test_host_costs_on_request() -> None:
    assert "host seconds" not in shown(summary())
    assert "1.23" in shown(summary(), host_stats=True)
