"""Assembly as `gcc -S -masm=intel` writes it: assembled here it does what gcc's own toolchain makes of it."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from pffemu import AssemblyError, Exited, Machine, assemble
from pffemu.machine.image import open_image

SOURCES = sorted((Path(__file__).parent / "gcc_output").glob("*.c"))
FLAGS = (
    *("-w", "-masm=intel", "-fno-pie", "-fcf-protection=none", "-fno-stack-protector", "-ffreestanding"),
    *("-fno-math-errno", "-mno-red-zone"),
)
RAM = 64 << 20

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")


def gcc(*arguments: str) -> None:
    subprocess.run(["gcc", *arguments], check=True, timeout=60)


@pytest.mark.parametrize("optimization", ["-O0", "-O1", "-O2", "-O3", "-Os", "-O2 -g"])
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_same_output_and_status(source: Path, optimization: str, tmp_path: Path) -> None:
    written, program = tmp_path / "t.s", tmp_path / "t"
    gcc(*optimization.split(), *FLAGS, "-S", "-o", str(written), str(source))
    gcc("-nostdlib", "-static", "-no-pie", "-o", str(program), str(written))
    native = subprocess.run([str(program)], stdout=subprocess.PIPE, timeout=20, check=False)
    output = io.BytesIO()
    machine = Machine(ram=RAM, stdout=output, stderr=output)
    machine.load(open_image(written))
    assert machine.run(50_000_000) == Exited(native.returncode)
    assert output.getvalue() == native.stdout


def test_what_gcc_writes_without_masm_intel_is_one_error(tmp_path: Path) -> None:
    written = tmp_path / "t.s"
    gcc("-O1", "-fno-pie", "-S", "-o", str(written), str(SOURCES[0]))
    with pytest.raises(AssemblyError) as caught:
        assemble(written.read_text(), file="t.s")
    assert "-masm=intel" in str(caught.value)
