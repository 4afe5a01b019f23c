"""Dataclasses whose methods come from a file are the dataclasses that Python makes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from pffemu.kept_methods import KeptMethods

TEXT = "def made():\n def double(x):return x+x+shift\n return double"


def doubled(kept: KeptMethods, shift: int) -> int:
    made: dict[str, object] = {}
    kept.execute(TEXT, {"shift": shift}, made)
    return made["made"]()(21)  # type: ignore[operator, no-any-return]


def test_a_text_is_compiled_once_and_runs_with_the_names_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "kept.methods"
    first = KeptMethods(file)
    assert doubled(first, 0) == 42
    sys_flag, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        first.keep()
    finally:
        sys.dont_write_bytecode = sys_flag
    second = KeptMethods(file)
    assert list(second._known) == [TEXT]
    assert doubled(second, 1) == 43
    before = file.stat().st_mtime_ns
    second.keep()  # nothing new
    assert file.stat().st_mtime_ns == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"{", b"i\x01\x00\x00\x00", b"\xfb\x00not marshal", b"{\xfa\x01a"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kept.methods"
    file.write_bytes(content)
    assert doubled(KeptMethods(file), 0) == 42


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    kept = KeptMethods(tmp_path / "nowhere" / "kept.methods")
    assert doubled(kept, 0) == 42
    kept.keep()


def test_a_class_is_the_same_with_kept_methods() -> None:
    script = """
import dataclasses, sys
from pathlib import Path
from pffemu.kept_methods import KeptMethods
kept = KeptMethods(Path("/nowhere"))
def point():
    @dataclasses.dataclass(frozen=True, slots=True, order=True)
    class Point:
        x: int
        y: list[int] = dataclasses.field(default_factory=list)
    return Point
plain = point()
vars(dataclasses)["exec"] = kept.execute
for _ in range(2):  # compiled, then known
    other = point()
    assert repr(other(1)) == repr(plain(1)) and hash(other(1, ())) == hash(plain(1, ())) and other(1) < other(2)
    assert other(1) == other(1, []) and other(1).y is not other(1).y
    try:
        other(1).x = 2
    except dataclasses.FrozenInstanceError:
        continue
    sys.exit("not frozen")
assert kept._used
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert "exec" not in vars(dataclasses)  # pffemu as a library leaves Python alone
