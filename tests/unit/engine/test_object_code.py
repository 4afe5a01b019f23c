"""Object files are placed as a linker places them, or refused."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pffemu.engine.object_code import NotPlaceable, place

BINARY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
SWITCH = """
typedef long long word;
static const word squares[] = {0, 1, 4, 9, 16, 25, 36, 49};
__attribute__((noinline)) word square(word x) { return squares[x & 7]; }
word hook(word kind, word x)
{
    switch (kind) {
    case 0: return x + 1;
    case 1: return square(x);
    case 2: return x * 3;
    case 3: return x - 5;
    case 4: return x << 4;
    case 5: return ~x;
    default: return -1;
    }
}
"""
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None or sys.platform != "linux", reason="needs gcc on Linux")


def compiled(folder: Path, source: str, *options: str) -> bytes:
    (folder / "hook.c").write_text(source)
    flags = ("-O1", "-fno-pic", "-mcmodel=large", "-fcf-protection=none", *options)
    subprocess.run(["gcc", *flags, "-c", "-o", folder / "hook.o", folder / "hook.c"], check=True)
    return (folder / "hook.o").read_bytes()


@needs_compiler
@pytest.mark.parametrize("options", [(), ("-O2",), ("-mcmodel=small", "-fpic", "-fvisibility=hidden")])
def test_calls_tables_and_jump_tables_find_their_places(tmp_path: Path, options: tuple[str, ...]) -> None:
    hook = BINARY(place(compiled(tmp_path, SWITCH, *options), "hook"))
    assert [hook(kind, 6) for kind in range(7)] == [7, 36, 18, 1, 96, -7, -1]


@needs_compiler
@pytest.mark.parametrize(
    "source",
    [
        "extern long other(long); long hook(long x) { return other(x) + 1; }",
        "long count = 1; long hook(long x) { return count += x; }",
        "long nothing(long x) { return x; }",
    ],
    ids=["names another function", "has data", "lacks the function"],
)
def test_what_is_not_one_function_over_its_arguments_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(NotPlaceable):
        place(compiled(tmp_path, source), "hook")


@needs_compiler
def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    whole = compiled(tmp_path, SWITCH)
    for size in (0, 5, 40, 64, 200, len(whole) // 2, len(whole) - 100):
        with pytest.raises(NotPlaceable):
            place(whole[:size], "hook")


def test_where_nothing_is_kept_numba_keeps_hooks_by_the_text_of_all_their_sources(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    script = """
import sys
from pffemu.engine import native_code
native_code._key = lambda: ""
if len(sys.argv) > 1:
    native_code._crc_of = lambda name: 1  # another text
from pffemu.engine import careful_code_compiled
found = careful_code_compiled.hooks()
assert all(native_code.hooks("pffemu.engine.careful_code_compiled").values())
print(found["SAVE_HOOK"].cache_hits)
"""

    def hits(*arguments: str) -> int:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", script, *arguments]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)

    assert [hits(), hits(), hits("changed"), hits("changed")] == [0, 1, 0, 1]
