"""The judges' machinery, with two tiny programs in LTP's manner."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.judges.known import Result, read_known, surprises
from tests.judges.outcome import TIMED_OUT, Outcome, outcome_of
from tests.judges.program import Program
from tests.judges.run import in_pffemu, natively

AGREES = 'int main(void) { puts("a.c:1: TPASS: right"); puts("a.c:2: TCONF: not here"); return 32; }'
DIFFERS = 'int main(void) { int none = access("/proc/self/ns", 0) != 0; puts(none ? "TFAIL" : "TPASS"); return none; }'


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_two_programs(tmp_path):
    results = []
    for name, text in (("agrees", AGREES), ("differs", DIFFERS)):
        (tmp_path / f"{name}.c").write_text(f"#include <stdio.h>\n#include <unistd.h>\n{text}\n")
        subprocess.run(["gcc", "-static", "-w", "-o", name, f"{name}.c"], cwd=tmp_path, check=True)
        program = Program(f"own/tiny/{name}", tmp_path / name, tmp_path)
        results.append(Result(program.name, natively(program), in_pffemu(program)))
    agrees, differs = results
    assert agrees.native.counts == agrees.here.counts == {"pass": 1, "skip": 1}
    assert agrees.here.verdict == "skip"
    assert (differs.native.verdict, differs.here.verdict) == ("pass", "fail")
    assert [line.split(":")[0] for line in surprises(results, {})] == ["own/tiny/differs"]
    assert surprises(results, {"own/tiny/differs": "no namespaces"}) == []
    outdated = surprises(results, {"own/tiny/differs": "no namespaces", "own/tiny/agrees": "once"})
    assert [line.split(":")[0] for line in outdated] == ["own/tiny/agrees"]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("x.c:3: TPASS: a\nx.c:4: TFAIL: b\nx.c:5: TBROK: c\nx.c:6: TINFO: d\n", {"broken": 1, "fail": 1, "pass": 1}),
        ("1..4\nok 1 a\nnot ok 2 b\nok 3 c # SKIP none\n", {"fail": 1, "pass": 1, "skip": 1}),
        ("nothing\n", {}),
    ],
)
def test_checks_are_counted(text, counts):
    assert outcome_of(0, text).counts == counts


def test_what_is_not_modelled_is_kept():
    text = "system call 999 (none) at RIP 0x401234 is not modelled: ENOSYS\n" * 2
    assert outcome_of(0, text).lacks == ("system call 999 (none)",)


def test_a_native_run_without_an_end_says_nothing():
    assert surprises([Result("a/b/c", Outcome(TIMED_OUT), Outcome(1))], {}) == []


def test_every_known_difference_has_a_reason(tmp_path):
    read_known()
    (tmp_path / "known.txt").write_text("ltp/pipes/pipe01\n")
    with pytest.raises(ValueError, match="no reason"):
        read_known(tmp_path / "known.txt")
