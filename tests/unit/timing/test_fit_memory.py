"""The hierarchy of a calibrated profile: the host's caches, and each level's latency from a chase that fits it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pffemu.timing import load_profile
from pffemu.timing.fit_memory import Cache, host_caches, host_hierarchy
from pffemu.timing.hierarchy import FIELDS, Hierarchy
from pffemu.timing.samples import Estimate

CACHES = {1: Cache(32, 8, 64), 2: Cache(512, 8, 64), 3: Cache(16384, 16, 64)}
CHASES = {
    name: Estimate(ns)
    for name, ns in {
        "chase-16K": 1.5, "chase-64K": 4.5, "chase-256K": 5.0, "chase-1M": 14.0, "chase-4M": 17.5, "chase-64M": 120.0,
        "line-transfer": 40.0,
    }.items()
}  # fmt: skip


def test_each_latency_is_that_of_a_chase_in_the_middle_of_its_level() -> None:
    base = load_profile()
    found = host_hierarchy(base, CHASES, CACHES)
    assert set(found) == set(FIELDS)
    told = {name: float(found[f"{name}.latency"].value) for name in ("l1", "l2", "l3", "memory", "transfer")}
    assert (told["l1"], told["l2"], told["transfer"]) == (1.5, 4.5, 40.0)
    assert told["l3"] == 17.5 - 3.5  # less the second-level TLB: 7 cycles of 2 GHz
    assert told["memory"] == 120 - 3.5 - 6 - 4.5  # less the walk and its load
    profile = replace(base, frequency=2_600_000_000, hierarchy=found)
    assert Hierarchy.of(profile).l2 == (1024, 8)
    assert Hierarchy.of(profile).l2_latency == round(4.5 * 2.6 * (1 << 16))


def test_without_sysfs_the_bases_caches_are_kept(tmp_path: Path) -> None:
    assert host_caches(tmp_path) == {}
    kept = host_hierarchy(load_profile(), CHASES, {})
    assert kept["l2.size"].value == load_profile().hierarchy["l2.size"].value
    assert kept["l2.latency"].unit == "ns"


def test_caches_are_read_from_sysfs(tmp_path: Path) -> None:
    for number, (level, kind, size) in enumerate(
        ((1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "2048K"))
    ):
        index = tmp_path / f"index{number}"
        index.mkdir()
        for name, value in (("level", level), ("type", kind), ("size", size), ("ways_of_associativity", 12)):
            (index / name).write_text(f"{value}\n")
        (index / "coherency_line_size").write_text("64\n")
    assert host_caches(tmp_path) == {1: Cache(48, 12, 64), 2: Cache(2048, 12, 64)}
