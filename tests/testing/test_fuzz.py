"""Any text as a test file gives tests, or one clean error; the parser and the evaluator raise nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.errors import PffemuError, UsageError
from pffemu.inspect.constants import KnownNames
from pffemu.inspect.expressions import judge, names_in, parse, value_of
from pffemu.inspect.wide import Wide
from pffemu.testing.cases import read_cases
from pffemu.testing.directives import CLAIMS, KNOWN, is_test_file
from pffemu.testing.failure import events_text, failure_text
from pffemu.testing.runner import run_block, start
from pffemu.testing.verify import verify

NAMES = KnownNames({"rax": 5, "xmm0": Wide(1 << 100), "stdout": b"abc"})


def listed(text: str) -> list[str]:
    return text.split(";")


ATOMS = [
    *listed("rax;xmm0;xmm0.q1;stdout;'abc';0;-1;0xffffffffffffffff;();P;nothing;mem64[rax];frame.rip;s8;s64(rax);1.5"),
    *("1 << 64", "(1, 2)", "flags has CF", "flags not has ZF", "b'x'", "'\ud800'"),
]
OPERATORS = listed("+;-;*;/;//;%;<<;>>;&;|;^;==;!=;<;>=;in;not in;and;or;**;is;,;:=;if;.;[")
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join),
        st.tuples(st.sampled_from(["-", "~", "not", "s16(", "(", "mem8["]), inner, st.sampled_from(["", ")", "]"])).map(
            " ".join
        ),
    ),
    max_leaves=12,
)
TEXTS = listed(
    "buf 16K rw;buf missing;on;all;kernel;here;#GP(0) at here;n = 0..3;a, b = (1, 2);rax=5;uif=1;{n};{{[a}};[[X:.*]];"
    "1<<70;';SIGSEGV addr=0"
)
WORDS = st.one_of(EXPRESSIONS, st.text(max_size=20), st.sampled_from(TEXTS))
DIRECTIVES = st.tuples(st.just("# "), st.sampled_from(KNOWN), st.sampled_from([": ", ":", " ", ""]), WORDS)
OTHERS = ["# CHECK: ", "# CHECK-NOT: ", "# CHECK-COUNT-2: ", "# at here: ", "# at here#2: "]
CODE = [
    "nop",
    "here: stui",
    "mov eax, 999\nsyscall",
    "mov al, [0]",
    ".data",
    ".text",
    "# test: another",
    "\t",
    "/*",
    '"',
]
LINES = st.one_of(
    DIRECTIVES.map("".join),
    st.tuples(st.sampled_from(OTHERS), WORDS).map("".join),
    st.sampled_from(CODE),
    st.text(max_size=30),
)


@given(EXPRESSIONS)
def test_an_expression_has_a_value_or_a_clean_error(text: str) -> None:
    with suppress(UsageError):
        tree = parse(text)
        names_in(tree)
        value = value_of(tree, NAMES)
        assert judge(tree, NAMES).holds == bool(value) or " and " in text


@given(st.text(max_size=200))
def test_any_text_is_an_expression_or_a_clean_error(text: str) -> None:
    with suppress(UsageError):
        judge(parse(text), NAMES)


@pytest.mark.parametrize(
    "text",
    [
        *("-" * 5000 + "1", "not " * 3000 + "1", "(" * 300 + "1" + ")" * 300, "+".join("1" * 3000), "1" * 9000, "a\0"),
        *("1" + " << 4096" * 500, " * ".join(["(1 << 4096)"] * 50), "(1,) * 1000000000", "'a' * 1000000000"),
        *listed("s64('a');-'a';~stdout;1 << 'a';1 << 1 << 'a';'a' * 'a';'%1000000000d' % 5;s64(1, 2);s64(*rax)"),
        *listed("mem64[1:2];True;rax.__class__;().__class__;...;1e999 < rax;f'{rax}';lambda: 1;1 in 5;5 < stdout"),
    ],
)
def test_what_is_nasty_is_a_clean_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        value_of(parse(text), NAMES)
    assert len(str(caught.value)) < 1000


@given(st.lists(LINES, max_size=12))
def test_any_file_is_tests_or_a_clean_error(lines: list[str]) -> None:
    source = "# test: x\n" + "\n".join(lines)
    for name in ("test_x.s", "test_x.c"):
        is_test_file(source, name)
        with suppress(PffemuError):
            read_cases(source, name)


@given(st.lists(LINES, max_size=6), st.sampled_from(CLAIMS), WORDS)
def test_any_block_runs_to_a_verdict_or_a_clean_error(lines: list[str], claim: str, text: str) -> None:
    source = "# test: x\n# budget: 100\n# expect: rax == 0\n" + "\n".join([f"# {claim}: {text}", *lines])
    with suppress(PffemuError):
        for case in read_cases(source, "test_x.s")[:2]:
            run = start(case)
            run_block(run)
            verify(run)
            events_text(run)
            if run.failures:
                assert failure_text(run, "pytest test_x.s", "pffemu debug test_x.s")


@given(st.binary(max_size=300))
def test_any_bytes_are_tests_or_none(octets: bytes) -> None:
    with suppress(UnicodeDecodeError, PffemuError):
        read_cases(octets.decode(), "test_x.s")


@pytest.mark.parametrize("text", ["0x1for rax", "5if rax else 1"])
def test_numbers_that_run_into_words_are_errors_not_warnings(text: str, recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(UsageError, match="is not an expression"):
        parse(text)
    assert parse(r"'a\d' in stdout") is not None
    assert not recwarn.list
