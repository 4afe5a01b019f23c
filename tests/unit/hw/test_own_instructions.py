"""The table of our own instructions: every row is complete, and nothing tells two of them apart but their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

import pffemu.hw.insns
from pffemu.arch import own_encodings
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS, OwnInstruction
from pffemu.asm import assemble
from pffemu.errors import AssemblyError
from pffemu.hw import insns
from pffemu.timing.catalogue import CATALOGUE

FOLDER = Path(pffemu.hw.insns.__file__).parent
EVERY = pytest.mark.parametrize("row", OWN_INSTRUCTIONS.values(), ids=OWN_INSTRUCTIONS)


def test_no_two_rows_have_the_same_mnemonic_or_bytes() -> None:
    assert len(set(own_encodings.FORMS.values())) == len(own_encodings.FORMS)
    for text, code in own_encodings.FORMS.items():
        found = own_encodings.decoded(code)
        assert found is not None
        assert (f"{found.row.mnemonic} {found.operands}".strip(), found.length) == (text, len(code))


@EVERY
def test_the_file_of_the_mnemonics_name_executes_it_and_charges_the_rows_cost(row: OwnInstruction) -> None:
    assert row.cost in CATALOGUE
    code = own_encodings.encoded(row)
    found = insns.find(code)
    assert found is not None
    assert (found.mnemonic, found.length) == (row.mnemonic, len(code))
    text = (FOLDER / f"{row.mnemonic}.py").read_text()
    assert f'charge("{row.cost}")' in text or "settimer.execute" in text or "pageout.execute" in text


@EVERY
def test_wrong_operands_are_refused_with_what_it_takes(row: OwnInstruction) -> None:
    wrong = row.mnemonic if row.extension is not None else f"{row.mnemonic} rax"
    with pytest.raises(AssemblyError, match=f"wrong operands for {row.mnemonic}") as refused:
        assemble(wrong)
    assert refused.value.remedy == f"give it {row.operands}"


@EVERY
def test_every_reason_says_what_to_try(row: OwnInstruction) -> None:
    assert row.reasons
    assert all(reason.what and reason.remedy for reason in row.reasons.values())
