"""pffemu as a new user has it: the wheel in a virtual environment, an empty folder, another HOME, no repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = "fast,tui,test"


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """`folder` is the folder that the user works in, `binaries` the environment's."""

    folder: Path
    binaries: Path

    def shell(self, line: str, inside: str = ".", stdin: str = "") -> Ran:
        """What a POSIX shell makes of `line` in the folder `inside`."""
        environment = {
            "HOME": str(self.folder.parent / "home"),
            "PATH": f"{self.binaries}:/usr/local/bin:/usr/bin:/bin",
        }
        environment |= {"TERM": "dumb", "LANG": "C.UTF-8", "COLUMNS": "120"}
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.folder / inside, env=environment, input=stdin, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)


def build(folder: Path, kind: str = "wheel") -> Path:
    """The wheel or the sdist of this tree. Raises CalledProcessError."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def new_user(folder: Path, index: bool) -> NewUser:
    """The wheel, installed. Its dependencies come from the package index, or are those of the tests' interpreter."""
    home, work, environment = folder / "home", folder / "work", folder / "environment"
    for made in (home, work):
        made.mkdir()
    wheel = build(folder / "dist")
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "-q", "--no-input", "install"]
    what = [f"{wheel}[{EXTRAS}]"] if index else ["--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, *what], check=True, cwd=work, timeout=300)
    if not index:
        (site,) = environment.glob("lib/python*/site-packages")
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # its own .pth files are not followed
    return NewUser(work, environment / "bin")
