"""Traces for viewers: slices nest, time goes forward, a fault is one flow from access to resume, in both formats."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from typing import Any

import pytest

from guest.build import guest
from guest.workloads import RESULT_FD, FaultWorkload
from pffemu import Machine, Mode
from pffemu.events.hw import Mmio
from pffemu.events.kernel import Syscall, ThreadBlocked, Warned
from pffemu.report.chrome_trace import ChromeTrace
from pffemu.report.lanes import Group, Lanes
from pffemu.report.perfetto import PerfettoTrace

PAGES = 3


def chrome(mode: Mode) -> list[dict[str, Any]]:
    """The records of the fault benchmark's trace."""
    text = io.StringIO()
    run(mode, Lanes(ChromeTrace(text, 2_000_000_000)))
    records: list[dict[str, Any]] = json.loads(text.getvalue(), parse_float=float)["traceEvents"]
    return records


def run(mode: Mode, lanes: Lanes) -> None:
    workload = FaultWorkload(PAGES)
    machine = Machine(mode=mode)
    for fd, data in workload.files.items():
        machine.open_ram_file(fd, "data", data)
    machine.open_output(RESULT_FD, "result", io.BytesIO())
    machine.load(guest(workload.guest), workload.arguments)
    machine.events.sinks.append(lanes)
    assert machine.run().exit_code == 0
    lanes.close()


def names(records: list[dict[str, Any]], kind: str) -> dict[int, str]:
    return {record["tid"]: record["args"]["name"] for record in records if record.get("name") == kind}


@pytest.mark.parametrize("mode", Mode)
def test_slices_nest_and_time_goes_forward_on_every_track(mode: Mode) -> None:
    depth: defaultdict[int, int] = defaultdict(int)
    last: defaultdict[int, float] = defaultdict(float)
    for record in chrome(mode):
        if record["ph"] == "M":
            continue
        track = record["tid"]
        assert record["ts"] >= last[track]
        last[track] = record["ts"]
        depth[track] += {"B": 1, "E": -1}.get(record["ph"], 0)
        assert depth[track] >= 0
    assert set(depth.values()) == {0}


@pytest.mark.parametrize("mode", Mode)
def test_every_fault_is_one_slice_with_access_and_resume(mode: Mode) -> None:
    begun = [record["name"] for record in chrome(mode) if record["ph"] == "B"]
    faults = sum(name.startswith("fault 0x") for name in begun)
    assert faults >= PAGES
    assert begun.count("access") == begun.count("resume") == faults


def test_a_forwarded_fault_is_handled_on_its_own_thread() -> None:
    records = chrome(Mode.PFF)
    threads = names(records, "thread_name")
    handlers = [record for record in records if record["ph"] == "B" and record["name"] == "handler"]
    assert len(handlers) == PAGES
    assert {threads[record["tid"]] for record in handlers} == {"thread 1"}


def test_the_flow_of_a_uffd_fault_passes_through_kernel_and_handler_thread_back_to_the_access() -> None:
    records = chrome(Mode.UFFD)
    threads = names(records, "thread_name")
    flows: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for record in records:
        if record["ph"] in "stf":
            flows[record["id"]].append((record["ph"], threads[record["tid"]]))
    full = [steps for steps in flows.values() if len(steps) == max(map(len, flows.values()))]
    assert len(full) == PAGES
    for steps in full:
        assert [phase for phase, _ in steps] == ["s"] + ["t"] * (len(steps) - 1)
        assert steps[0][1] == steps[-1][1] == "thread 1"
        assert "core 1" in {track for _, track in steps}  # the handler thread's kernel


def test_groups_are_the_viewers_processes() -> None:
    records = chrome(Mode.PFF)
    processes = {r["pid"]: r["args"]["name"] for r in records if r.get("name") == "process_name"}
    assert [processes[number] for number in sorted(processes)] == [group.value for group in Group]
    assert not processes.keys() & {r["tid"] for r in records}  # viewers call such a track the main thread


def test_times_are_microseconds() -> None:
    text = io.StringIO()
    lanes = Lanes(ChromeTrace(text, 2_000_000_000))
    lanes(Mmio(2_000_003, 0, 1, "uffd_mmio", 0x10, 8, 1, 5))  # type: ignore[arg-type]
    lanes.close()
    assert '"ts": 1000.001500' in text.getvalue()
    assert json.loads(text.getvalue())["traceEvents"][-1]["args"]["offset"] == "0x10"


def test_what_never_ended_is_ended_and_unknown_events_are_marks() -> None:
    text = io.StringIO()
    lanes = Lanes(ChromeTrace(text, 2_000_000_000))
    lanes(Syscall(10, 0, 1, 0, "read", 0x400000))  # type: ignore[arg-type]
    lanes(ThreadBlocked(20, 0, 1, "read"))  # type: ignore[arg-type]
    lanes(Warned(30, 1, 0, 'a "quoted"\n\u00e9 text'))
    lanes.close()
    records = json.loads(text.getvalue())["traceEvents"]
    phases = [record["ph"] for record in records]
    assert phases.count("B") == phases.count("E") == 3
    (warned,) = [record for record in records if record.get("name") == "warned"]
    assert warned["args"]["what"] == 'a "quoted"\n\u00e9 text'
    assert names(records, "thread_name")[warned["tid"]] == "core 1"


@pytest.mark.parametrize("mode", Mode)
def test_perfettos_file_says_the_same(mode: Mode) -> None:
    protos = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2", reason="extra: trace")
    data = io.BytesIO()
    run(mode, Lanes(PerfettoTrace(data, 2_000_000_000)))
    trace = protos.Trace()
    trace.ParseFromString(data.getvalue())
    tracks = {p.track_descriptor.uuid: p.track_descriptor for p in trace.packet if p.HasField("track_descriptor")}
    seen = [
        (tracks[p.track_event.track_uuid].name, p.track_event.type, p.track_event.name, p.timestamp)
        for p in trace.packet
        if p.HasField("track_event")
    ]
    kinds = {"B": 1, "E": 2, "i": 3}
    records = chrome(mode)
    threads = names(records, "thread_name")
    expected = [
        (threads[r["tid"]], kinds[r["ph"]], r.get("name", ""), round(r["ts"] * 1e6) // 1000)
        for r in records
        if r["ph"] in kinds
    ]
    assert seen == expected
    assert all(tracks[t.parent_uuid].name in {group.value for group in Group} for t in tracks.values() if t.parent_uuid)
