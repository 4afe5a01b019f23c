"""The cache library: right answers, the quota kept, every store in the file, under every mechanism."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guest.caching.checkpoint import checkpoints
from guest.caching.mechanisms import MECHANISMS, CacheMechanism, chosen_mechanisms
from guest.caching.touch import ASCENDING, ONCE, RANDOM, touch
from guest.caching.workload import CachedWorkload, CacheSetting, Policy
from kernel_model.uffd.daemon import PATIENCE
from pffemu import PffemuError, UsageError
from pffemu.cli.compare_run import NotOffered, run
from pffemu.machine.options import MachineOptions
from pffemu.timing import Profile

PAGES = 64
OPTIONS = MachineOptions()

mechanisms = pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda one: one.name)
READS = touch("mmapbench", PAGES, 120, order=RANDOM)
WRITES = touch("update", PAGES, 150, order=RANDOM, write=True)


@mechanisms
@pytest.mark.parametrize(("quota", "threads", "batch", "spare"), [(16, 3, 1, 0), (24, 2, 8, 8)], ids=["quota", "batch"])
def test_stores_are_found_again(mechanism: CacheMechanism, quota: int, threads: int, batch: int, spare: int) -> None:
    done = run(WRITES, CacheSetting(mechanism, quota, threads, batch=batch, spare=spare), OPTIONS)
    assert done.summary.correct
    if not mechanism.by_kernel:
        assert done.total["fills"] == done.total["evictions"] >= 50
        assert done.total["writebacks"] >= 50
        assert done.total["most_resident"] <= quota


@pytest.mark.parametrize("name", ["pin", "uffd", "pff"])
@pytest.mark.parametrize("policy", Policy, ids=lambda one: one.value)
def test_every_policy_gives_the_right_answer(name: str, policy: Policy) -> None:
    (mechanism,) = chosen_mechanisms(name)
    done = run(READS, CacheSetting(mechanism, 20, 2, policy), OPTIONS)
    assert done.summary.correct
    assert done.total["writebacks"] == 0


@pytest.mark.parametrize("name", ["kernel", "swizzle", "pff"])
def test_a_disk_takes_its_time(name: str) -> None:
    (mechanism,) = chosen_mechanisms(name)
    writes = touch("update", PAGES, 60, order=RANDOM, write=True)
    done = run(writes, CacheSetting(mechanism, 20, 2, on_disk=True), OPTIONS)
    assert done.summary.correct
    assert done.counts["kernel_entries"] > 40
    assert max(done.latencies) > 69_000 * OPTIONS.cpu.profile.frequency // 10**9


def missed(policy: Policy) -> int:
    """Misses of four rounds over 40 pages with room for 32."""
    (pff,) = chosen_mechanisms("pff")
    return run(touch("loop", 40, 160, order=ASCENDING), CacheSetting(pff, 32, policy=policy), OPTIONS).total["fills"]


def test_a_loop_larger_than_the_quota_defeats_fifo_and_not_2q() -> None:
    assert missed(Policy.FIFO) == 160
    assert missed(Policy.TWO_Q) < 150


def test_each_page_once_is_one_fill_a_page() -> None:
    (uffd,) = chosen_mechanisms("uffd")
    done = run(touch("migrate", PAGES, PAGES, order=ONCE), CacheSetting(uffd, threads=4, handlers=2), OPTIONS)
    assert done.summary.correct
    assert done.total["fills"] == PAGES
    assert done.counts["faults"] >= PAGES


def test_the_daemon_answers_each_of_several_threads_in_turn() -> None:
    """Threads that fault again at once do not keep the others waiting until the kernel gives up."""
    (daemon,) = chosen_mechanisms("daemon")
    done = run(touch("mmapbench", 4 * PAGES, 400, order=RANDOM), CacheSetting(daemon, 16, 4), OPTIONS)
    assert done.summary.correct
    assert len(done.latencies) > 300
    assert max(done.latencies) < PATIENCE // 4


def test_what_the_kernels_policy_evicts_and_writes_is_counted() -> None:
    """Each page is stored to once: those that did not stay were written, and at a checkpoint the others are."""
    (policy,) = chosen_mechanisms("policy")
    stores = touch("stores", PAGES, PAGES, order=ASCENDING, write=True)
    profile = OPTIONS.cpu.profile
    told = run(stores, CacheSetting(policy, 16), OPTIONS).to_json(profile, 0.25)["cache"]
    assert (told["evictions"], told["writebacks"]) == (PAGES - 16, PAGES - 16)
    told = run(checkpoints("gc", PAGES, 2 * PAGES, 2), CacheSetting(policy), OPTIONS).to_json(profile, 1)["cache"]
    assert told["evictions"] == 0
    assert PAGES < told["writebacks"] <= 2 * PAGES


@pytest.mark.parametrize("threads", [1, 4])
def test_writing_threads_under_a_quota_get_on_where_the_disk_takes_no_time(threads: int) -> None:
    """A page that has been read for one thread is not evicted for another one again and again before its first use."""
    (kernel,) = chosen_mechanisms("kernel")
    profile = OPTIONS.cpu.profile
    disk = {name: replace(profile.entries[name], value=0) for name in ("device.disk.read", "device.disk.write")}
    entries = {**profile.entries, **disk}
    timed = Profile.of(profile.name, profile.machine, profile.frequency, entries, profile.hierarchy)
    options = replace(OPTIONS, cpu=replace(OPTIONS.cpu, profile=timed))
    done = run(WRITES, CacheSetting(kernel, 16, threads, on_disk=True), options)
    assert done.summary.correct
    assert done.counts["faults"] < 3 * WRITES.operations


def test_a_machine_without_the_mechanism_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (upcall,) = chosen_mechanisms("upcall")
    (uffd,) = chosen_mechanisms("uffd")
    monkeypatch.setattr(CacheMechanism, "mode", uffd.mode)
    with pytest.raises(NotOffered, match="does not offer upcall"):
        run(READS, CacheSetting(upcall), OPTIONS)


@pytest.mark.parametrize("name", ["kernel", "pff"])
def test_a_workload_larger_than_its_file_is_one_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CachedWorkload, "pages", PAGES + 1)
    (mechanism,) = chosen_mechanisms(name)
    with pytest.raises(PffemuError, match="more pages to touch than its file has"):
        run(READS, CacheSetting(mechanism), OPTIONS)


def test_unknown_mechanisms_are_refused() -> None:
    with pytest.raises(UsageError, match="no mechanism 'magic'"):
        chosen_mechanisms("uffd,magic")
