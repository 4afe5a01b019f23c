"""The assembly examples of docs/writing-tests.md run, and what it says of a failure is what is printed."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu.events.kinds import EVENTS

pytest_plugins = "pytester"

PAGE = (Path(__file__).parents[2] / "docs" / "writing-tests.md").read_text()
EXAMPLES = re.findall(r"^```asm\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SHOWN_FAILURE = PAGE.partition("## When a test fails")[2].partition("A CHECK line")[0]


@pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)
def test_the_example_in_c_passes(pytester: pytest.Pytester) -> None:
    (example,) = re.findall(r"^```c\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    pytester.makefile(".c", test_example=example)
    assert pytester.runpytest_inprocess().parseoutcomes() == {"passed": 6}


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_passes(pytester: pytest.Pytester, example: str) -> None:
    pytester.makefile(".s", test_example=example)
    outcomes = pytester.runpytest_inprocess().parseoutcomes()
    assert outcomes == {"passed": outcomes["passed"]}
    assert outcomes["passed"] >= 2


def test_the_failure_shown_is_the_failure_printed(pytester: pytest.Pytester) -> None:
    source = "# map: buf 16K rw\n# test: one load gives seven\n# expect: rax == 7 and rbx == buf\n"
    pytester.makefile(".s", test_f=f"{source}    mov rbx, buf\n    mov rax, [rbx]\n    add rbx, 8\n")
    printed = pytester.runpytest_inprocess().stdout.str()
    shown = textwrap.dedent(SHOWN_FAILURE).strip()
    assert shown.startswith("one load gives seven")
    assert shown in printed


def test_every_directive_is_documented() -> None:
    from pffemu.testing.directives import KNOWN
    from pffemu.testing.setup import _CPU_WORDS, STATE

    for name in (*KNOWN, *STATE, *(word for word in _CPU_WORDS if word != "default" and "vector" not in word)):
        assert name in PAGE, name


def test_the_first_word_of_every_event_is_documented() -> None:
    from pffemu.inspect import event_text

    assert set(event_text._TEXTS) == set(EVENTS)
    words = set(re.findall(r'f"([a-z][a-z-]+) ', Path(event_text.__file__).read_text()))
    assert len(words) > 25
    for word in words:
        assert f"`{word}`" in PAGE, word
