"""Random instructions on this host's CPU and in pffemu: the short campaign, and that it would notice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from iced_x86 import RflagsBits

from pffemu.arch.exceptions import UD
from pffemu.hw import careful
from pffemu.hw.trap import Trap
from tests.oracle import campaign, layout
from tests.oracle.campaign import Verdict
from tests.oracle.cases import Case
from tests.oracle.compare import refusal
from tests.oracle.document import PATH, document
from tests.oracle.emulator import Emulator
from tests.oracle.forms import Judge
from tests.oracle.host import run_on_host, why_not_here
from tests.oracle.layout import Window
from tests.oracle.outcome import Outcome, run
from tests.oracle.run import run_all
from tests.oracle.shrink import snippet
from tests.oracle.undefined import flags_left_undefined

_NOT_HERE = why_not_here()
here = pytest.mark.skipif(bool(_NOT_HERE), reason=_NOT_HERE or "it runs here")
_PART = 5_000


@here
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_an_instruction_does_what_the_hosts_cpu_does_or_stands_in_the_table(seed: int) -> None:
    _check(seed, singles=_PART, sequences=0)


@here
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_so_do_sequences_of_instructions_that_are_exact() -> None:
    _check(0, singles=0, sequences=_PART // 2)


def _check(seed: int, singles: int, sequences: int) -> None:
    outcome = Outcome()
    for verdict in run(seed, singles, sequences):
        outcome.add(verdict)
    assert outcome.cases >= singles + sequences
    assert not outcome.unexplained, "\n".join(snippet(verdict) for verdict in outcome.kept[:3])


def test_the_table_is_made_from_the_rules() -> None:
    assert PATH.read_text() == document(), "python -m tests.oracle --write docs/instructions.md"


_ADD = Case(
    slot=0, code=b"\x48\x01\x00", window=Window.PRESENT, rflags=0x202, registers=(Window.PRESENT.boundary - 4,) * 16,
    fx=b"\x7f\x03".ljust(24, b"\0") + b"\x80\x1f".ljust(488, b"\0"), memory=bytes(range(256)) * 4,
    form="ADD_RM64_R64",
)  # fmt: skip


@here
@pytest.mark.parametrize("window", Window)
def test_both_sides_agree_on_an_addition_to_every_kind_of_page(window: Window) -> None:
    case = replace(_ADD, window=window, registers=(window.boundary - 4,) * 16)
    assert _verdict(_made(case)).found == []


@here
def test_a_wrong_register_flag_and_byte_of_memory_are_found() -> None:
    made = _made(_ADD)
    (right,) = run_all(run_on_host, [_ADD])
    assert isinstance(right, bytes)
    for name, at in (("r9", layout.RESULT_GREGS_AT + 8), ("memory", layout.RESULT_MEMORY_AT + 3), ("xmm1", 240 + 176)):
        wrong = right[:at] + bytes((right[at] ^ 1,)) + right[at + 1 :]
        (found,) = campaign.compare(made, right, wrong)
        assert found.what.startswith(name)
    at = layout.RESULT_GREGS_AT + 8 * layout.GREGS.index("rflags")
    assert [str(found) for found in campaign.compare(made, right, right[:at] + b"\x03\x02" + right[at + 2 :])] != []


@here
def test_undefined_flags_are_not_compared() -> None:
    made = _made(replace(_ADD, code=b"\x48\xf7\xe0", form="MUL_RM64"))  # SF, ZF, AF, PF are undefined
    (right,) = run_all(run_on_host, [made.case])
    assert isinstance(right, bytes)
    at = layout.RESULT_GREGS_AT + 8 * layout.GREGS.index("rflags")
    changed = [right[:at] + bytes((right[at] ^ flag,)) + right[at + 1 :] for flag in (0x80, 0x01)]
    assert [len(campaign.compare(made, right, record)) for record in changed] == [0, 1]


@pytest.mark.parametrize("code", [b"\xd3\xe0", b"\x0f\xad\xd8", b"\xf3\xa6"], ids=("shl eax, cl", "shrd", "repe cmpsb"))
def test_what_may_count_nothing_defines_no_flags(code: bytes) -> None:
    (instruction,) = _made(replace(_ADD, code=code)).instructions
    assert flags_left_undefined(instruction, RflagsBits.ZF) & RflagsBits.ZF
    (compare,) = _made(replace(_ADD, code=b"\x39\xd8")).instructions
    assert flags_left_undefined(compare, RflagsBits.ZF) == 0


def test_a_rotate_by_nine_in_nine_leaves_the_overflow_flag_undefined() -> None:
    (rotate,) = _made(replace(_ADD, code=b"\xc0\xd8\x49")).instructions
    assert flags_left_undefined(rotate, 0) & RflagsBits.OF


@pytest.mark.parametrize(
    "code", ["f3666736678f28688f043dc6ac8703", "652e3e2e6762d3e5283eb85c87590a"], ids=["xop", "evex"]
)
def test_an_opcode_without_a_length_here_is_undefined_however_long_it_would_be(code: str) -> None:
    found = careful.row(bytes.fromhex(code))
    assert found is not None
    assert found.trap == Trap(UD)


@here
def test_what_is_to_be_refused_must_be_refused_with_nothing_changed() -> None:
    refused, run_instead = (run_all(run_on_host, [replace(_ADD, code=code)])[0] for code in (b"\x0f\x0b", b"\x90"))
    assert isinstance(refused, bytes)
    assert isinstance(run_instead, bytes)
    assert refusal(_ADD, refused) == []
    assert [found.what for found in refusal(_ADD, run_instead)] == ["signal"]


def test_a_driver_that_dies_is_the_fault_of_one_case() -> None:
    def runner(cases: list[Case], chunk: int) -> tuple[list[bytes], str]:
        slots = [case.slot for case in cases]
        done = slots.index(70) // chunk * chunk if 70 in slots else len(slots)
        return [b"record"] * done, "it dies" if 70 in slots else ""

    found = run_all(runner, [replace(_ADD, slot=slot) for slot in range(150)])  # type: ignore[arg-type]
    assert [at for at, record in enumerate(found) if record == "it dies"] == [70]
    assert len(found) == 150


def _made(case: Case) -> campaign.Made:
    from tests.oracle.generate import Made, decode

    return Made(case, decode(case.code, case.address), Judge.HOST, case.code)


def _verdict(made: campaign.Made) -> Verdict:
    with Emulator() as emulator:
        return next(campaign.judge(emulator, [("addition", made)]))
