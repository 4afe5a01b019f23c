"""An error in a test file is reported once, with its line and the nearest valid word, and without a traceback."""

from __future__ import annotations

import pytest

from pffemu.errors import PffemuError
from pffemu.testing.cases import build, read_cases

pytest_plugins = "pytester"

BAD = (
    ("# expekt: rax == 1", "unknown directive 'expekt'", "'expect'"),
    ("# reg: rax=1", "unknown directive 'reg'", "'regs'"),
    ("mov eax, 1  # exepct: rax == 1", "unknown directive 'exepct'", "'expect'"),
    ("; forwrd: on", "unknown directive 'forwrd'", "'forward'"),
    ("# CHEK: forward", "unknown directive 'CHEK'", "'CHECK'"),
    ("# CHECK-NXT: forward", "unknown directive 'CHECK-NXT'", "'CHECK-NEXT'"),
    ("# expect rax == 1", "'expect' without a colon claims nothing", "`# expect: ...`"),
    ("# map: from 4K rw", "expressions cannot speak of 'from'", "another name"),
    ("# map: b 4K rw\n# uffd: b missing wq", "# uffd: wq?", "missing, wp, minor"),
    ("# cycles: rax < 2000", "# cycles: no time in it", "block"),
    ("# cycles: fault < 2000 @", "# cycles: on which machine?", "sapphire-rapids"),
    ("# cycles: fault < 2000 @ amd-rome\n# cycles: block < 9", "the block runs on amd-rome already", "split"),
    ("# signal: SIGSEGV", "'SIGSEGV'?", "SIGSEGV label"),
    ("# signal: SIGSEG on", "no signal 'SIGSEG'", "'SIGSEGV'"),
    ("# signal: SIGSEGV on SA_NODEFR", "no flag 'SA_NODEFR'", "SA_NODEFER"),
    ("# raises: SIGSEGV code=SEGV_MAPER", "no si_code 'SEGV_MAPER'", "SEGV_MAPERR"),
    ("# fault: #UD(0)", "#UD has no error code", "# fault: #UD"),
    ("# break:", "# break: without a text", "at LABEL"),
    ("# at: rax == 1", "# at: without a label", "at LABEL"),
    ("# mode: pf", "no mode 'pf'", "'pff'"),
    ("# cpu: flexible-uirett", "no option 'flexible-uirett'", "'flexible-uiret'"),
    ("# map: buf 16K", "cannot read 'buf 16K'", "buf 16K rw"),
    ("# map: buf 1000 rw", "not a whole number of pages", "4096"),
    ("# map: buf 4K rw at 5", "0x5 is not possible", "page-aligned"),
    ("# map: buf 4K rw\n# uffd: buff missing", "no region 'buff'", "'buf'"),
    ("# uffd: buf missing", "no region 'buf' above it", "map it first"),
    ("# forward: yes", "'yes'?", "# forward: on"),
    ("# mode: uffd\n# forward: on", "mode uffd does not forward", "pff"),
    ("# regs: rx=1", "nothing is called 'rx'", "rax"),
    ("# regs: rax", "cannot read 'rax'", "rax=5"),
    ("# state: uiff=1", "nothing is called 'uiff'", "'uif'"),
    ("# budget: 0", "0 instructions", "at least 1"),
    ("# param: n", "no name and values", "n = 0..15"),
    ("# param: n = 3..1", "the range '3..1'", "upwards"),
    ("# param: n, m = 1, 2", "'1' for 2 names", "each row"),
    ("# param: rax = 1", "'rax' is taken", "another name"),
    ("# param: n = 1\n# param: n = 2", "'n' is taken", "another name"),
    ("# param: n = 1, 2, 1", "n=1 is there twice", "once"),
    ("# map: frame 4K rw", "'frame' is there already", "another name"),
    ("# expect: rax = 1", "is not an expression", "rax == 0x10"),
    ("# expect: open('x')", "a call", "only functions"),
    ("# expect: [r for r in rax]", "ListComp is not possible", "mem64"),
    ("# expect: 1 == 1", "names no machine state", "register"),
    ("# expect: flags has QF", "no flag is called 'QF'", "CF"),
    ("# fault: #GPF", "no exception '#GPF'", "'#GP'"),
    ("# fault: #PF(W|X)", "no error-code bit 'X'", "use one of"),
    ("# CHECK-COUNT-0: #PF", "unknown directive 'CHECK-COUNT-0'", "'CHECK-COUNT-2'"),
    ("# CHECK-COUNT-" + "9" * 5000 + ": #PF", "unknown directive 'CHECK-COUNT-9", "CHECK-NEXT"),
    ("# raises: SIGSEG", "no signal 'SIGSEG'", "'SIGSEGV'"),
    ("# fault: #GP\n# raises: SIGSEGV", "ends only once", "two blocks"),
    ("# fault: #GP\n# expect: exit == 1", "has no exit status", "drop one"),
)


@pytest.mark.parametrize(("line", "what", "remedy"), BAD, ids=[line for line, _, _ in BAD])
def test_a_wrong_directive_says_what_where_and_what_to_write(line: str, what: str, remedy: str) -> None:
    with pytest.raises(PffemuError) as caught:
        read_cases(f"# test: x\n# expect: rax == 0\n{line}\nnop\n", "test_x.s")
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.where in ("test_x.s:3", "test_x.s:4")


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        ("# test: x\nnop\n", "test_x.s:1", "claims nothing"),
        ("# test:\n# expect: rax == 0\nnop\n", "test_x.s:1", "no claim"),
        ("# test: x\n# expect: rax == 0\n# test: x\n# expect: rax == 1\n", "test_x.s:3", "stands in line 1 already"),
    ],
)
def test_a_block_needs_a_claim_of_its_own(source: str, where: str, what: str) -> None:
    with pytest.raises(PffemuError) as caught:
        read_cases(source, "test_x.s")
    assert (caught.value.where, what in caught.value.what) == (where, True)


def test_prose_is_no_directive() -> None:
    prose = "# Note: this is prose\n## note: so is this\n# see http://x\n# the word expect: is not first\n# XXX: no\n"
    assert len(read_cases(f"{prose}# test: x\n# expect: rax == 0\nnop\n", "test_x.s")) == 1


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        ("# test: a\n# expect: rax == 0\nnop\n# test: b\n# expect: rax == 0\nmov rax\n", "test_x.s:6", "mov"),
        ("# test: a\n# map: b 4K rw\n# forward: on\n# expect: rax == 0\n", "test_x.s:3", "unknown name 'handler'"),
    ],
)
def test_an_assembly_error_keeps_its_line_and_that_of_the_directive_behind_it(
    source: str, where: str, what: str
) -> None:
    *_, case = read_cases(source, "test_x.s")
    with pytest.raises(PffemuError) as caught:
        build(case)
    assert caught.value.where == where
    assert what in caught.value.what


def test_pytest_reports_a_bad_file_once_and_without_a_traceback(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_bad="# test: x\n# expekt: rax == 1\nnop\n")
    result = pytester.runpytest_inprocess()
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["test_bad.s:2: unknown directive 'expekt'", "*try: did you mean 'expect'?*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:*")


def test_pytest_leaves_files_alone_that_are_not_ours(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_compiled='\t.file\t1 "x.c"\n# note: gcc wrote this\n\tmovq %rax, %rbx\n', other="x")
    assert pytester.runpytest_inprocess().ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("octets", "outcomes"),
    [
        (b"# test: x\r\n# expect: rax == 7\r\n    mov eax, 7\r\n# test: y\r\n# expect: rax == 7\r\nnop",
         {"passed": 1, "failed": 1}),
        (b"\xef\xbb\xbf# test: x\n# expect: rax == 7\nmov eax, 7\n", {"passed": 1}),
        (b"#\ttest:\tx\n#\texpect:\trax\t==\t7\n\tmov\teax,\t7\n", {"passed": 1}),
        (b"# test: x\n# expect: rax == 0", {"passed": 1}),
        (b"# test: x\n# at test.begin: rax == 0 and rip == test.end", {"passed": 1}),
        ("# test: größer\n# expect: rax == 0\nnop\n# test: 日本\n# expect: rax == 0\nnop\n".encode(), {"passed": 2}),
        (b"# test: caf\xe9\n# expect: rax == 0\nnop\n", {"errors": 1}),
        ("# test: \U0001f389\n# expect: rax == 0\nnop\n".encode(), {"failed": 1}),
        (b"# test: x\n# expect: rax == 0\nnop\n\0", {"failed": 1}),
        (b"\x7fELF\0\xff", {}),
        (b"# test: x\n# expect: rax == 0\n" + b"nop\n" * 20000, {"passed": 1}),
    ],
    ids=["CRLF", "BOM", "tabs", "no code", "at", "other letters", "Latin-1", "no letter", "NUL", "binary", "huge"],
)  # fmt: skip
def test_how_a_file_is_written_down(pytester: pytest.Pytester, octets: bytes, outcomes: dict[str, int]) -> None:
    (pytester.path / "test_x.s").write_bytes(octets)
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    assert result.parseoutcomes() == outcomes
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:*")


def test_a_misspelt_test_is_not_silently_nothing(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_bad="# tests: x\n# expect: rax == 1\nnop\n")
    result = pytester.runpytest_inprocess()
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*unknown directive 'tests'*", "*'test'*"])


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        ("# expect: rxa == 1", "nothing is called 'rxa'*did you mean 'rax'?"),
        ("# expect: mem64[0x1000] == 1", "no page is present at 0x1000"),
        ("# expect: frame.rip == 1", "no frame has been pushed"),
        ("# expect: frame.ripp == 1", "no frame has been pushed"),
        ("# expect: flags.QQ == 1", "it has no part 'QQ'"),
        ("# at heer: rax == 1", "no label 'heer'"),
        ("# fault: #GP at heer\nhlt", "no label 'heer'"),
        ("# expect: mem32[flags] == 2", "brackets of 'mem32' is not a number"),
        ("# expect: frames[stdout] == 2", "brackets of 'frames' is not a number"),
        ("# expect: rax / 0 == 1", "division*zero"),
        ("# expect: rax << 99999 == 1", "a shift by 99999"),
        ("# expect: rax < \"a\"", "not supported between"),
    ],
)  # fmt: skip
def test_what_only_shows_when_it_runs_is_a_clean_failure(pytester: pytest.Pytester, claim: str, what: str) -> None:
    pytester.makefile(".s", test_x=f"# test: x\n{claim}\nnop\n")
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines([f"*{piece}*" for piece in what.split("*")])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_set_up_that_fails_says_so(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_x="# test: x\n# map: a 4K rw at 0x400000\n# expect: rax == 0\nnop\n")
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.stdout.fnmatch_lines(["test_x.s:*the set-up failed: a system call returned EEXIST*"])
