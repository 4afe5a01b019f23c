"""`# fault: ... then LABEL`, `# break:`, `# debug:` and FileCheck's intended match: what fails, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pffemu.errors import PffemuError
from pffemu.testing.cases import read_cases
from pffemu.testing.runner import run_block, start
from pffemu.testing.verify import verify
from tests.system.cli_runs import pffemu


def failures(text: str) -> list[str]:
    (case,) = read_cases(f"# test: x\n{text}\n", "f.s")
    run = start(case)
    run_block(run)
    verify(run)
    return [f"{failure.claim}: {failure.what}" for failure in run.failures]


def test_a_wrong_place_and_a_fault_that_does_not_come_fail() -> None:
    found = failures("# fault: #DE at b then c\n# fault: #UD then c\n xor ecx, ecx\na: div ecx\nb: nop\nc: nop")
    assert len(found) == 2
    assert "it happened at a (0x400002), not at b (0x400004)" in found[0]
    assert "it did not happen: ran to its end" in found[1]


def test_a_fault_beyond_those_claimed_kills() -> None:
    assert "was killed by SIGILL" in failures("# fault: #DE then b\n xor ecx, ecx\n div ecx\nb: ud2")[0]


@pytest.mark.parametrize(
    ("directive", "said"), [("# fault: #UD then nowhere", "unknown name 'nowhere'"), ("# break: nowhere", "no label")]
)
def test_unknown_labels_are_errors_at_the_directive(directive: str, said: str) -> None:
    with pytest.raises(PffemuError, match=said) as caught:
        failures(f"{directive}\n# expect: rax == 0\n nop")
    assert caught.value.where == "f.s:2"


def test_the_line_that_a_check_may_have_meant_is_said() -> None:
    (said,) = failures("# map: buf 4K rw\n# CHECK: refused address=buf+0x9\n mov al, [buf + 8]")
    assert "possible intended match: refused address=buf+0x8 error=U" in said
    (said,) = failures("# map: buf 4K rw\n# CHECK: something else altogether\n mov al, [buf + 8]")
    assert "intended" not in said


def test_breakpoints_and_commands_of_a_test_are_the_debuggers(tmp_path: Path) -> None:
    file = tmp_path / "test_f.s"
    file.write_text("# test: x\n# break: b\n# debug: tbreak a\n# expect: rax == 2\n mov eax, 1\na: inc eax\nb: nop\n")
    script = tmp_path / "script"
    script.write_text("continue\ncontinue\n")
    ran = pffemu("debug", str(file), "--test", "x", "--commands", str(script))
    assert ran.code == 0
    assert ran.out.index("breakpoint 2: thread 1 at a") < ran.out.index("breakpoint 1: thread 1 at b")
    file.write_text("# test: x\n# debug: frobnicate\n# expect: rax == 0\n nop\n")
    ran = pffemu("debug", str(file), "--test", "x", "--commands", str(script))
    assert ran.code == 2
    assert "test_f.s:2: # debug: no command 'frobnicate'" in ran.err
