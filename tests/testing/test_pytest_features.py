"""The plugin beside pytest's own features, and its options."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from pffemu import Mode

pytest_plugins = "pytester"

FILE = """
# test: adding works
# expect: rax == 5
    mov eax, 2
    add eax, 3

# test: this one fails
# expect: rax == 6
    mov eax, 5

# test: every n is itself
# param: n = 0..2
# expect: rax == n
    mov eax, n

# test: the mode decides about userfaultfd
# mode: all
# expect: exit == 0
    mov eax, 323
    xor edi, edi
    syscall
    mov edi, 0
    mov eax, 231
    syscall

# test: slow one
# slow
# expect: rax == 0
    nop
"""
NAMES = [
    "adding-works",
    "this-one-fails",
    "every-n-is-itself[n=0]",
    "every-n-is-itself[n=1]",
    "every-n-is-itself[n=2]",
    *(f"the-mode-decides-about-userfaultfd[{mode.value}]" for mode in Mode),
    "slow-one",
]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".s", test_file=FILE)
    return pytester


def test_ids_are_the_claims_with_parameters_and_modes(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == [f"test_file.s::{name}" for name in NAMES]


def test_keywords_choose_blocks(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess("-k", "adding or (every and 1)").parseoutcomes()["passed"] == 2
    assert project.runpytest_inprocess("-m", "slow").parseoutcomes()["passed"] == 1
    assert project.runpytest_inprocess("test_file.s::every-n-is-itself[n=2]").parseoutcomes() == {"passed": 1}


def test_stopping_at_the_first_failure_and_repeating_only_that(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess("-x").parseoutcomes() == {"passed": 1, "failed": 1}
    assert project.runpytest_inprocess("--lf").parseoutcomes() == {"failed": 1}


def test_xdist_runs_them(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-n", "2")
    assert result.parseoutcomes() == {"passed": len(NAMES) - 1, "failed": 1}


def test_junit_xml_has_every_case_with_its_message(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("--junitxml=out.xml")
    cases = list(ET.parse(project.path / "out.xml").iter("testcase"))
    assert [case.get("name") for case in cases] == NAMES
    (failure,) = [failure for case in cases for failure in case.iter("failure")]
    assert "expected 6" in (failure.text or "")


def test_a_failure_shows_line_values_registers_events_code_and_how_to_repeat_it(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".s",
        test_f="""
# map: buf 16K rw
# test: one load gives seven
# expect: rax == 7 and rbx == buf
    mov rbx, buf
    mov rax, [rbx]
    add rbx, 8
""",
    )
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines([
        "one load gives seven: expect: rax == 7 and rbx == buf: does not hold",
        "test_f.s:3: expect: rax == 7 and rbx == buf",
        "      3 | # expect: rax == 7 and rbx == buf",
        "    expected 7",
        "      rax is 0",
        "changed registers",
        "    rbx     0 -> 0x10000008 (buf+0x8)",
        "last events (* since the block's start)",
        "      refused address=buf error=U rip=test.begin+0x7 thread=1",
        "      minor zero address=buf thread=1",
        "code",
        "           5  0x400007  test.begin+0x7         mov rax, qword ptr ?rbx?",
        "    =>        0x40000e  test.end               nop",
        "    pytest test_f.s::one-load-gives-seven --pffemu-events",
        "FAILED test_f.s::one-load-gives-seven - one load gives seven: expect: rax ==*",
    ])  # fmt: skip


def test_the_command_in_a_failure_repeats_it_with_all_events(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_f="# test: a b [c]\n# param: n = 1, 2\n# expect: rax != n\nmov eax, 1\nstui\n")
    result = pytester.runpytest_inprocess()
    (command,) = {line.strip() for line in result.outlines if "--pffemu-events" in line}
    assert command == "pytest 'test_f.s::a-b-c[n=1]' --pffemu-events"
    result = pytester.runpytest_inprocess("test_f.s::a-b-c[n=1]", "--pffemu-events")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["event    cycles", "    1 * stui uif=1 thread=1"])


def test_events_of_a_test_that_passes_are_printed_when_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_f="# test: x\n# expect: rax == 0\nstui\n")
    result = pytester.runpytest_subprocess("--pffemu-events")
    result.stdout.fnmatch_lines(["test_f.s::x", "event    cycles", "    1 * stui uif=1 thread=1"])
