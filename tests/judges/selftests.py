"""The kernel's selftests, from a checked-out tree of Linux (tools/testing/selftests), built statically."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.judges.program import Program

FAMILIES: Final = {  # family -> folders of tools/testing/selftests (mm was vm before Linux 6.3)
    "mm": ("mm", "vm"), "futex": ("futex/functional",), "signal": ("sigaltstack", "signal"), "clone3": ("clone3",),
    "membarrier": ("membarrier",), "mincore": ("mincore",), "epoll": ("filesystems/epoll",),
}  # fmt: skip
_HARNESS: Final = ("-static", "-O1", "-w", "-pthread", "-D_GNU_SOURCE")


def build(tree: Path, families: list[str]) -> None:
    """Compile each C file of a family by itself; what needs more than the tree and libc is left out."""
    base = tree / "tools/testing/selftests"
    includes = [base, base / "futex/include", tree / "usr/include", tree / "tools/include"]
    for family in families:
        for folder in _folders(tree, family):
            helpers = [path for path in (folder / "vm_util.c", folder / "thp_settings.c") if path.exists()]
            for source in sorted(set(folder.glob("*.c")) - set(helpers)):
                target = source.with_suffix(".judge")
                if not target.exists():
                    flags = [f"-I{path}" for path in (folder, *includes)]
                    command = ["gcc", *_HARNESS, *flags, "-o", target, source, *helpers, "-lrt"]
                    subprocess.run(command, capture_output=True)


def programs(tree: Path, families: list[str]) -> Iterator[Program]:
    for family in families:
        for folder in _folders(tree, family):
            for path in sorted(folder.glob("*.judge")):
                yield Program(f"selftests/{family}/{path.stem}", path, folder)


def _folders(tree: Path, family: str) -> list[Path]:
    base = tree / "tools/testing/selftests"
    return [base / name for name in FAMILIES[family] if (base / name).is_dir()]
