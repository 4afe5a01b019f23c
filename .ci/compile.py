"""Compile the hot part of the tree with mypyc into .compiled/, where pffemu finds it (see docs/design.md).

It needs a C compiler and Python's headers. `make compiled` runs it; nothing else needs what it makes.
"""

from __future__ import annotations

import ast
import os
import shutil
import sys
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".compiled"
COMPILED = (  # folders and files
    "kernel_model/call",
    "kernel_model/calls/file.py",
    "kernel_model/calls/futex.py",
    "kernel_model/calls/mmap_locked.py",
    "kernel_model/calls/process.py",
    "kernel_model/calls/signal.py",
    "kernel_model/calls/time.py",
    "kernel_model/entry.py",
    "kernel_model/files/kernel_buffer.py",
    "kernel_model/files/user_buffer.py",
    "kernel_model/kernel.py",
    "kernel_model/mechanisms.py",
    "kernel_model/mm",
    "kernel_model/process",
    "kernel_model/sched",
    "kernel_model/signal",
    "kernel_model/task",
    "kernel_model/time",
    "kernel_model/uffd",
    "kernel_model/uintr",
    "kernel_model/wait",
    "pffemu/arch",
    "pffemu/engine",
    "pffemu/events",
    "pffemu/hw",
    "pffemu/machine/loop.py",
    "pffemu/machine/turns.py",
    "pffemu/timing/ledger.py",
)
INTERPRETED = {  # and why
    "kernel_model/mm/disk.py": "a subclass of Timer, which is not compiled",
    "kernel_model/mm/reclaim/kernel_thread.py": "a subclass of Timer, which is not compiled",
    "kernel_model/mm/reclaim/kswapd.py": "a subclass of one that is not compiled",
    "kernel_model/mm/reclaim/page.py": "a dataclass with fields of types that are imported for checkers only",
    "kernel_model/mm/reclaim/writeback.py": "a subclass of one that is not compiled",
    "kernel_model/process/cpu_limit.py": "a class with two base classes",
    "kernel_model/process/cpu_timer.py": "a base class of a class with two",
    "kernel_model/process/posix_timer.py": "a subclass of one that is not compiled",
    "kernel_model/signal/traps.py": "a floating-point trap is rare",
    "kernel_model/task/posix_timers.py": "a base class of a class with two",
    "kernel_model/time/timers.py": "a base class of a class with two",
    "kernel_model/uffd/calls.py": "a file: the class File is not compiled",
    "kernel_model/uffd/context.py": "a file: the class File is not compiled",
    "kernel_model/uintr/fds.py": "a file: the class File is not compiled",
    "pffemu/engine/block_counter_compiled.py": "numba compiles it",
    "pffemu/engine/careful_code.py": "defines a ctypes structure",
    "pffemu/engine/careful_code_compiled.py": "numba compiles it",
    "pffemu/engine/compiled_callback.py": "numba compiles it",
    "pffemu/engine/count_block.py": "numba compiles it",
    "pffemu/engine/native_code.py": "runs once",
    "pffemu/engine/object_code.py": "runs once",
    "pffemu/engine/refusals.py": "a hook that numba compiles is made from it",
    "pffemu/hw/cpu_options.py": "its annotations are read when the program runs",
    "pffemu/hw/devices.py": "a generic dataclass, which mypyc does not compile",
    "pffemu/hw/fill.py": "numba compiles it",
    "pffemu/hw/page_walk.py": "numba compiles it",
    "pffemu/hw/tlb_fill.py": "defines a ctypes structure",
    "pffemu/engine/block_jumps_compiled.py": "numba compiles it",
    "pffemu/engine/pc_sync.py": "runs once",
    "pffemu/hw/memory/access.py": "numba compiles it",
    "pffemu/hw/memory/caches.py": "a hook that numba compiles is made from it",
    "pffemu/hw/memory/caches_compiled.py": "numba compiles it",
    "pffemu/hw/memory/fetch.py": "numba compiles it",
    "pffemu/hw/memory/layout.py": "a hook that numba compiles is made from it",
    "pffemu/hw/memory/overlap.py": "numba compiles it",
    "pffemu/hw/memory/prefetch.py": "numba compiles it",
    "pffemu/hw/memory/replay.py": "numba compiles it",
    "pffemu/hw/memory/replay_compiled.py": "numba compiles it",
    "pffemu/hw/memory/sets.py": "numba compiles it",
    "pffemu/hw/ordinary.py": "numba compiles it",
    "pffemu/hw/ordinary_table.py": "data that is read once",
    "pffemu/hw/tlb_fill_compiled.py": "numba compiles it",
    "pffemu/hw/translated_blocks.py": "a hook that numba compiles is made from it",
    "pffemu/hw/translated_blocks_compiled.py": "numba compiles it",
    "pffemu/hw/translated_frames.py": "numba compiles a part of it",
    "pffemu/hw/untranslatable.py": "numba compiles it",
}


def main() -> None:
    os.chdir(ROOT)
    sources = _sources()
    lines = [f"{path.stat().st_size} {path.stat().st_mtime_ns} {path}\n" for path in sources]
    _copy(sources)
    os.chdir(FOLDER / "src")
    sys.argv = ["compile", "-q", "build_ext", "--build-temp", str(FOLDER / "temp"), "--build-lib", str(FOLDER / "lib")]
    sys.argv += [f"--parallel={len(os.sched_getaffinity(0))}"]
    extensions = mypycify(
        [*map(str, sources), "--config-file", str(ROOT / "pyproject.toml")],
        opt_level=os.environ.get("OPT", "2"), debug_level="0", multi_file=True, target_dir=str(FOLDER / "c"),
        group_name="pffemu",
    )  # fmt: skip
    os.chdir(FOLDER)  # away from pyproject.toml, which is hatchling's
    setup(name="pffemu-compiled", packages=[], ext_modules=extensions)
    (FOLDER / "lib" / "sources").write_text("".join(lines))


def _copy(sources: list[Path]) -> None:
    """Copy the tree; in the files to compile, every class may be made without __init__ (pickle, copies)."""
    shutil.rmtree(FOLDER / "src", ignore_errors=True)
    for package in ("pffemu", "kernel_model", "guest"):
        shutil.copytree(ROOT / package, FOLDER / "src" / package, ignore=shutil.ignore_patterns("*.pyc"))
    for path in sources:
        (FOLDER / "src" / path).write_text(_with_pickling(path.read_text()))


def _with_pickling(source: str) -> str:
    """The decorators and the import take the places of blank lines: tracebacks name the lines of the original."""
    lines = source.splitlines()
    kinds = [kind for kind in ast.parse(source).body if isinstance(kind, ast.ClassDef) and _is_native(kind)]
    for kind in kinds:
        first = min([kind.lineno, *(decorator.lineno for decorator in kind.decorator_list)])
        assert not lines[first - 2].strip(), f"no blank line before {kind.name}"
        lines[first - 2] = "@mypyc_attr(allow_interpreted_subclasses=True)"
        for number in range(first - 1, kind.lineno - 1):  # pickle could not give a frozen object its attributes
            lines[number] = lines[number].replace("frozen=True", "unsafe_hash=True")
    if kinds:
        place = lines.index("from __future__ import annotations") + 1
        assert not lines[place].strip(), "no blank line behind the __future__ import"
        lines[place] = "from mypy_extensions import mypyc_attr"
    return "\n".join(lines) + "\n"


def _is_native(kind: ast.ClassDef) -> bool:
    bases = {ast.unparse(base).split("[")[0] for base in kind.bases}
    return not bases & {"NamedTuple", "Protocol", "TypedDict", "Enum", "IntEnum", "IntFlag", "Flag", "Exception"}


def _sources() -> list[Path]:
    """The files to compile, relative to the root."""
    found = []
    for name in COMPILED:
        path = Path(name)
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path for path in found if str(path) not in INTERPRETED and path.name != "__init__.py"]


if __name__ == "__main__":
    main()
