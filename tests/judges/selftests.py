"""The kernel's selftests, from a checked-out tree of Linux (tools/testing/selftests), built statically."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.judges.program import Program

FAMILIES: Final = {  # family -> folder of tools/testing/selftests
    "mm": "mm", "futex": "futex/functional", "signal": "sigaltstack", "clone3": "clone3", "membarrier": "membarrier",
    "mincore": "mincore", "epoll": "filesystems/epoll",
}  # fmt: skip
_HARNESS: Final = ("-static", "-O1", "-w", "-pthread", "-D_GNU_SOURCE")


def build(tree: Path, families: list[str]) -> None:
    """Compile each C file of a family by itself; what needs more than the tree and libc is left out."""
    base = tree / "tools/testing/selftests"
    includes = [base, base / "futex/include", tree / "usr/include", tree / "tools/include/uapi", tree / "tools/include"]
    for family in families:
        for source in sorted((base / FAMILIES[family]).glob("*.c")):
            target = source.with_suffix(".judge")
            helpers = [base / "mm/vm_util.c"] if family == "mm" and source.name != "vm_util.c" else []
            if not target.exists():
                flags = [f"-I{path}" for path in (source.parent, *includes)]
                command = ["gcc", *_HARNESS, *flags, "-o", str(target), str(source), *map(str, helpers), "-lrt"]
                subprocess.run(command, capture_output=True)


def programs(tree: Path, families: list[str]) -> Iterator[Program]:
    for family in families:
        folder = tree / "tools/testing/selftests" / FAMILIES[family]
        for path in sorted(folder.glob("*.judge")):
            yield Program(f"selftests/{family}/{path.stem}", path, folder)
