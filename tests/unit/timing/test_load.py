"""Machine profiles: pffemu's own load, a new one needs no Python, and a wrong one gets an error with the remedy."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pffemu.cli.point_processes import result_key
from pffemu.errors import MissingFileError
from pffemu.timing import CATALOGUE, SHIFT, ProfileError, Status, builtin_profiles, load_profile
from pffemu.timing.load import parse_profile

IRET = '"cpu.iret" = { value = 1.5, unit = "us"'
OWN = """
name = "mine"
machine = "a faster clock"
base = "sapphire-rapids"
[clock]
frequency = { value = 4.0, unit = "GHz", status = "guessed", source = "me" }
[costs]
"cpu.iret" = { value = 1.5, unit = "us", status = "guessed", source = "me" }
"kernel.page.copy" = { value = 0.125, unit = "cycles/byte", status = "guessed", source = "me" }
"""


@pytest.mark.parametrize("name", builtin_profiles())
def test_every_profile_in_the_box_gives_every_cost_a_source(name: str) -> None:
    profile = load_profile(name)
    assert set(profile.entries) == set(CATALOGUE)
    assert all(entry.source and entry.unit for entry in profile.entries.values())
    assert any(entry.status is Status.PUBLISHED for entry in profile.entries.values())


def test_a_new_machine_needs_a_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    profile = load_profile(str(path))
    assert profile.frequency == 4_000_000_000
    assert profile.cycles_of("cpu.iret") == 6000
    assert profile.cycles_of("kernel.page.copy", 4096) == 512
    assert profile.entries["cpu.exception"].inherited == "sapphire-rapids"
    assert profile.cycles_of("cpu.exception") == load_profile().cycles_of("cpu.exception")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"cpu.iret"', '"cpu.irte"', "did you mean 'cpu.iret'?"),
        ('unit = "us"', 'unit = "uss"', "did you mean 'us'?"),
        ('unit = "us"', 'unit = "cycles/byte"', "did you mean 'cycles'?"),
        ('"cycles/byte"', '"cycles/bite"', "did you mean 'cycles/byte'?"),
        ('status = "guessed", source = "me" }\n"kernel', 'status = "guesed", source = "me" }\n"kernel', "'guessed'"),
        ("value = 1.5", "valeu = 1.5", "did you mean 'value'?"),
        ("value = 1.5", "value = -1", "makes no sense"),
        ("value = 1.5", "value = nan", "makes no sense"),
        ("value = 1.5", "value = true", "makes no sense"),
        ("value = 1.5", 'value = "1"', "makes no sense"),
        ("value = 1.5, ", "", "value is missing"),
        ("value = 4.0", "value = 0", "0 Hz"),
        ('unit = "GHz"', 'unit = "Ghz"', "did you mean 'GHz'?"),
        ("[costs]", "[cost]", "did you mean 'costs'?"),
        ('base = "sapphire-rapids"', 'base = "sapphire-rapid"', "did you mean 'sapphire-rapids'?"),
        ('base = "sapphire-rapids"', "", "no value for cpu.exception"),
        ('name = "mine"', "name = 3", "name must be text"),
        ("[costs]", "[[[", "not TOML"),
        (
            '"cpu.iret" = { value = 1.5, unit = "us"',
            '"insn.load" = { value = 0, unit = "ns/instruction"',
            "0 cycles an",
        ),
        (
            '"cpu.iret" = { value = 1.5, unit = "us"',
            '"insn.load" = { value = 1, unit = "us/instruction"',
            "4000 cycles",
        ),
    ],
)
def test_a_wrong_profile_is_refused_with_the_nearest_right_name(old: str, new: str, what: str) -> None:
    assert old in OWN
    with pytest.raises(ProfileError) as error:
        parse_profile(OWN.replace(old, new), "mine.toml")
    assert what in str(error.value)
    assert "mine.toml" in str(error.value)
    assert error.value.exit_code == 2


def test_unknown_profiles_and_files() -> None:
    with pytest.raises(ProfileError, match=r"did you mean 'amd-rome'\?"):
        load_profile("amd-rom")
    with pytest.raises(MissingFileError, match=r"nowhere\.toml"):
        load_profile("nowhere.toml")


@given(st.text() | st.sampled_from(OWN.splitlines()).map(lambda line: OWN.replace(line, line[: len(line) // 2])))
@example("a = 1e999999999")
@example("a = " + "[" * 2000)
def test_no_text_gets_further_than_a_profile_error(text: str) -> None:
    try:
        profile = parse_profile(text, "fuzz")
    except ProfileError:
        return
    assert set(profile.entries) == set(CATALOGUE)


def test_a_rate_is_the_entry_to_the_last_bit_kept() -> None:
    profile = load_profile()
    rate = profile.rates["kernel.page.copy"]
    assert abs(Fraction(rate, 1 << SHIFT) - profile.entries["kernel.page.copy"].value) <= Fraction(1, 1 << SHIFT)


def test_the_digest_is_of_times_not_of_text() -> None:
    plain = parse_profile(OWN, "a")
    renamed = parse_profile(OWN.replace('source = "me"', 'source = "you"'), "b")
    assert plain.digest == renamed.digest
    assert plain.digest != parse_profile(OWN.replace("1.5", "1.6"), "c").digest


def test_contents_are_all_that_a_result_depends_on() -> None:
    plain = parse_profile(OWN, "a")
    assert plain.contents == parse_profile(OWN.replace('source = "me"', 'source = "you"'), "b").contents
    cheaper = parse_profile(OWN.replace("1.5", "1.6"), "c")
    less_certain = parse_profile(
        OWN.replace('unit = "us", status = "guessed"', 'unit = "us", status = "published"'), "d"
    )
    other_cache = replace(plain, hierarchy={"l3.latency": plain.entries["cpu.iret"]})
    steady = replace(plain, spreads=())
    assert plain.spreads
    changed = (cheaper, less_certain, other_cache, steady)
    assert len({plain.contents, *(one.contents for one in changed)}) == len(changed) + 1
    assert len({plain.digest, *(one.digest for one in changed)}) == 2
    assert result_key(plain, "run") != result_key(other_cache, "run")  # a kept result is of this very profile


def test_ns_and_cycles() -> None:
    profile = load_profile()
    assert (profile.to_ns(2_000), profile.to_cycles(1_000)) == (1_000, 2_000)
    amd = load_profile("amd-rome")
    assert amd.to_cycles(1) == 3
    assert amd.to_ns(amd.to_cycles(12345)) == 12345


SPREAD = (
    OWN
    + """
[[spread]]
costs = ["cpu.iret"]
quantiles = { p5 = 0.9, p50 = 1, p95 = 1.5 }
source = "me"
"""
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"cpu.iret"]', '"cpu.irte"]', "did you mean 'cpu.iret'?"),
        ("p95 = 1.5", "p95 = 0.5", "quantiles do not ascend"),
        ("p95", "p195", "no quantile is called 'p195'"),
        ("p95", "p" + "9" * 5000, "no quantile is called 'p999"),
        ("p5 = 0.9, p50 = 1, ", "", "quantiles do not ascend"),
        ('source = "me"\n', "", "source must be text"),
    ],
)
def test_spreads_are_checked(old: str, new: str, told: str) -> None:
    head, _, tail = SPREAD.rpartition("[[spread]]")
    with pytest.raises(ProfileError) as error:
        parse_profile(head + "[[spread]]" + tail.replace(old, new), "mine")
    assert told in str(error.value)
    assert parse_profile(SPREAD, "mine").spreads[0].quantiles == ((0.05, 0.9), (0.5, 1.0), (0.95, 1.5))
