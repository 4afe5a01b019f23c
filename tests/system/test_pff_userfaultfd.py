"""What each part of userfaultfd means to a thread that has its page faults forwarded (docs/userfaultfd.md)."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE
from pffemu import CpuOptions, Exited, Machine
from pffemu.hw.mmu import UffdLookup

SOURCE = Path(__file__).parent / "guests" / "pff_userfaultfd.c"
pytestmark = pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)

# what the program prints, where every fault is shown as offset/error code, and how its handler answered
EXPECTED = {
    "write-protect": """\
a store to a protected page: 0x1005/7 WRITEPROTECT
to an open one, a load, a missing page: none
a locked addition: 0x3000/7 WRITEPROTECT
2 3 4 2
""",
    "copy-on-write": """\
a load: 0/4 ZEROPAGE
a store to the zero page: 0/7 WRITEPROTECT
a store to a missing page: 0x1000/6 ZEROPAGE 0x1000/7 WRITEPROTECT
a store after fork: 0/7 WRITEPROTECT
7 6, child 5
""",
    "minor": """\
42
a page the file has: 0/4 CONTINUE
0
a page it has not: 0x1000/4 ZEROPAGE
""",
    "async": "stores under WP_ASYNC: none\n2 3\n",
    "sigbus": "with UIF=1: 0/4 ZEROPAGE\nbefore the signal: none\nSIGBUS at 0x1000\n",
    "poison": "before the signal: 0/4 ZEROPAGE 0x2000/4 ZEROPAGE\nSIGBUS at 0x1008\n",
    "guard": "before the signal: 0x2000/4 ZEROPAGE\nSIGSEGV at 0x1000\n",
    "forbidden": """\
what is allowed: 0x1000/7 WRITEPROTECT 0x2000/4 ZEROPAGE
before the signal: none
SIGSEGV at 0
""",
    "unpopulated": """\
a store to a page that was never there: 0/7 WRITEPROTECT
a store after a load: 0x1000/7 WRITEPROTECT
2 3
""",
    "unmap": "what is left: 0/4 ZEROPAGE 0x3000/4 ZEROPAGE\nafter close: none\n",
    "remap": "event 0x14\nwhere it was, where it is: 0x11000/4 ZEROPAGE\n",
}
EVENTS = {"remap": 1}  # messages that are read: no page fault is among them


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler, path = find_c_compiler(), tmp_path_factory.mktemp("pff") / "pff_userfaultfd"
    assert compiler is not None
    command = [*compiler, "-O1", "-static", "-muintr", "-pthread", "-I", str(INCLUDE), "-o", str(path), str(SOURCE)]
    subprocess.run(command, check=True, timeout=120)
    return path


def run(program: Path, trial: str, **options: object) -> tuple[Machine, str]:
    output = io.BytesIO()
    machine = Machine(cpus=2, stdout=output, stderr=output, **options)
    machine.load(program, (trial,))
    assert machine.run(budget=20_000_000) == Exited(0), output.getvalue()
    return machine, output.getvalue().decode()


@pytest.mark.parametrize("trial", EXPECTED)
def test_what_is_forwarded_and_how_it_is_answered(trial: str, program: Path) -> None:
    machine, output = run(program, trial)
    assert output == EXPECTED[trial]
    assert machine.counts()["uffd_messages"] == EVENTS.get(trial, 0)


@pytest.mark.parametrize("trial", ["minor", "sigbus", "poison", "guard", "async", "unmap"])
def test_the_pte_bit_tells_of_missing_pages_alike(trial: str, program: Path) -> None:
    machine, output = run(program, trial, cpu=CpuOptions(uffd_lookup=UffdLookup.PTE_BIT))
    assert output == EXPECTED[trial]
    assert machine.counts()["uffd_messages"] == 0
