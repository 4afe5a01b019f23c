"""The kernel's selftests, from a checked-out tree of Linux (tools/testing/selftests), built statically."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.judges.program import Program

FAMILIES: Final = {  # family -> folders of tools/testing/selftests (mm was vm before Linux 6.3)
    "mm": ("mm", "vm"), "futex": ("futex/functional",), "signal": ("sigaltstack", "signal"), "clone3": ("clone3",),
    "membarrier": ("membarrier",), "mincore": ("mincore",), "epoll": ("filesystems/epoll",),
}  # fmt: skip
_HARNESS: Final = ("-static", "-O1", "-w", "-pthread", "-mxsave", "-D_GNU_SOURCE")
_LIBRARIES: Final = ((), ("-lnuma", "-lcap"))  # tried in turn
_UFFD: Final = ("uffd-common.c",)  # shared by the uffd-* programs


def build(tree: Path, families: list[str]) -> None:
    """Compile each C file of a family by itself; what needs more than the tree, libc, libnuma and libcap is missing."""
    with tempfile.TemporaryDirectory(prefix="judge") as folder:
        (Path(folder) / "local_config.h").touch()  # without liburing
        _build(tree, families, Path(folder))


def _build(tree: Path, families: list[str], configuration: Path) -> None:
    base = tree / "tools/testing/selftests"
    includes = [base, base / "futex/include", tree / "usr/include", tree / "tools/include", tree, configuration]
    for family in families:
        for folder in _folders(tree, family):
            helpers = [folder / name for name in ("vm_util.c", "thp_settings.c") if (folder / name).exists()]
            shared = [folder / name for name in _UFFD if (folder / name).exists()]
            for source in sorted(set(folder.glob("*.c")) - set(helpers) - set(shared)):
                target = source.with_suffix(".judge")
                if not target.exists():
                    flags = [f"-I{path}" for path in (folder, *includes)]
                    parts = [source, *helpers, *(shared if source.name.startswith("uffd-") else ())]
                    names = [path.name for path in parts]  # relative: a program finds its folder by __FILE__
                    for libraries in _LIBRARIES:
                        command = ["gcc", *_HARNESS, *flags, "-o", target, *names, "-lrt", *libraries]
                        if not subprocess.run(command, capture_output=True, cwd=folder).returncode:
                            break


def programs(tree: Path, families: list[str]) -> Iterator[Program]:
    for family in families:
        for folder in _folders(tree, family):
            for path in sorted(folder.glob("*.judge")):
                yield Program(f"selftests/{family}/{path.stem}", path, folder)


def _folders(tree: Path, family: str) -> list[Path]:
    base = tree / "tools/testing/selftests"
    return [base / name for name in FAMILIES[family] if (base / name).is_dir()]
