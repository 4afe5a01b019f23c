"""pffemu timing calibrate: its machinery, with machines of pffemu in the place of the host, whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from guest import calibration
from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from kernel_model.mechanisms import Mode
from pffemu.cli.calibrate import Calibrated, Effort, fit_host, run_in_model
from pffemu.errors import PffemuError
from pffemu.timing import Profile, Status, load_profile
from pffemu.timing.errors import CalibrationError
from pffemu.timing.fit_memory import Cache, host_caches, host_hierarchy
from pffemu.timing.hierarchy import FIELDS
from pffemu.timing.load import parse_profile
from pffemu.timing.samples import Estimate, Samples
from pffemu.timing.write import to_toml
from tests.system.cli_runs import pffemu

QUICK = Effort(samples=8, rounds=1)
WRONG_BY = 8  # % that a composite may be off when the host is the model itself, under another profile


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_c_compiler() is None:
        pytest.skip(NO_C_COMPILER)
    return calibration.build(tmp_path_factory.mktemp("calibrate"))


def calibrated(binary: Path, truth: Profile, effort: Effort = QUICK, **host: object) -> Calibrated:
    """A profile fitted from sapphire-rapids to a host that is pffemu under `truth`."""

    def on_host(samples: str, rounds: str, groups: tuple[str, ...]) -> Samples:
        here = tuple(group for group in groups if group != "hardware")
        measured = run_in_model(binary, truth, here, **host)  # type: ignore[arg-type]
        measured.medians.pop("line-transfer", None)  # cores of the model take turns too long for that
        return measured

    def in_model(profile: Profile, *groups: str) -> dict[str, object]:
        return run_in_model(binary, profile, groups).estimates()  # type: ignore[return-value]

    return fit_host(load_profile(), on_host, in_model, effort, "fitted", "a machine of pffemu")  # type: ignore[arg-type]


def test_a_machine_that_is_the_model_itself_is_found_again(binary: Path) -> None:
    truth = load_profile("amd-rome")
    found = calibrated(binary, truth)
    assert found.misfits == {}
    assert len(found.composites) == 18
    off = {name: 100 * (model - there.ns) / there.ns for name, (there, model) in found.composites.items()}
    assert max(map(abs, off.values())) < WRONG_BY, off
    assert found.profile.frequency == pytest.approx(truth.frequency, rel=1e-5)
    allocate, poll = (found.profile.entries[cost] for cost in ("kernel.page.allocate", "kernel.poll"))
    assert (allocate.status, allocate.source) == (Status.DERIVED, "measured here: write-fault less read-fault")
    assert (poll.status, poll.source) == (Status.MEASURED, "measured here: uffd-poll-empty")
    written = parse_profile(to_toml(found.profile, "here", ["a comment"]), "written")
    assert written.digest == found.profile.digest
    assert {name: one.value for name, one in written.hierarchy.items()} == {
        name: one.value for name, one in found.profile.hierarchy.items()
    }
    assert [spread.costs for spread in written.spreads] == [spread.costs for spread in found.profile.spreads] != []


@pytest.mark.parametrize(
    ("host", "composites", "left_out"),
    [
        ({"mode": Mode.KERNEL}, {"mprotect-sigsegv"}, "userfaultfd"),
        ({"cpus": 1}, {"read-zero-same", "sigbus-copy", "mprotect-sigsegv"}, "across"),
    ],
    ids=["without userfaultfd", "with one core"],
)
def test_what_the_host_lacks_is_left_out(
    binary: Path, host: dict[str, object], composites: set[str], left_out: str
) -> None:
    found = calibrated(binary, load_profile("amd-rome"), Effort(8, 1, short=True), **host)
    assert composites <= set(found.composites)
    assert not any(name.endswith(("-other", "-awake")) for name in found.composites)
    assert ("read-zero-same" in found.composites) == ("mode" not in host)
    assert left_out in found.left_out
    missing = "kernel.uffd.enqueue" if "mode" in host else "cpu.idle_wake"
    assert "measured here" not in found.profile.entries[missing].source


def test_noise_gives_no_profile() -> None:
    def noisy(*_: object) -> Samples:
        return Samples(2 * 10**9, {"clock": [20.0] * 8, "null-call": [120.0, 190.0, 300.0, 400.0] * 2})

    with pytest.raises(CalibrationError, match=r"varies too much between rounds \(null-call 1\d\d %\)"):
        fit_host(load_profile(), noisy, _never, Effort(), "x", "x")


def _never(*_: object) -> dict[str, object]:
    raise AssertionError("nothing to fit")


def test_this_host_in_short(tmp_path: Path) -> None:
    if find_c_compiler() is None:
        pytest.skip(NO_C_COMPILER)
    path = tmp_path / "here.toml"
    ran = pffemu("timing", "calibrate", "--short", "-o", str(path))
    assert ran.code == 0, ran.err
    assert "composites within 15 %" in ran.out
    profile = load_profile(str(path))
    assert profile.name == "here"
    assert any(entry.source.startswith("measured here") for entry in profile.entries.values())
    assert set(profile.hierarchy) == set(FIELDS)
    assert ("measured here" in profile.hierarchy["l2.size"].source) == (len(host_caches()) == 3)


def test_a_written_hierarchy_is_what_a_run_with_caches_costs(tmp_path: Path) -> None:
    """Memory takes 1080 ns more in the second file, and nothing else differs."""
    base = load_profile()
    caches = {1: Cache(32, 8, 64), 2: Cache(512, 8, 64), 3: Cache(16384, 16, 64)}
    cycles = []
    for ns in (120.0, 1200.0):
        profile = replace(base, hierarchy=host_hierarchy(base, {"chase-64M": Estimate(ns)}, caches))
        path = tmp_path / f"here-{ns:.0f}.toml"
        path.write_text(to_toml(profile, "here"))
        assert "[memory]" in path.read_text()
        shown = pffemu("timing", "show", str(path)).out
        assert "measured here: a chase" in shown[shown.index("[memory]") :]
        command = ("bench", "fault", "--pages", "16", "--mode", "pff", "--memory", "caches", "--profile", str(path))
        ran = pffemu(*command, "--json", "-")
        assert ran.code == 0, ran.err
        cycles.append(json.loads(ran.out)["runs"][0]["cycles"])
    misses, rest = divmod(cycles[1] - cycles[0], 1080 * 2)  # ns more, at 2 GHz
    assert misses > 0
    assert rest == 0


def test_without_a_compiler_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(calibration, "find_c_compiler", lambda: None)
    with pytest.raises(PffemuError, match="no C compiler for x86-64 Linux"):
        calibration.build(tmp_path)
