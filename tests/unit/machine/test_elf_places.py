"""Location descriptions of C variables: the sums that are read, and everything else, which is unknown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pffemu.machine.elf_places import CFA, Lists

BIAS = 0x1000
LISTS = Lists(SimpleNamespace(location_lists=lambda: None, range_lists=lambda: None), BIAS)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("91 6c", (CFA, -20 + 16, False)),  # fbreg -20, of a frame base CFA+16
        ("91 80 7f", (CFA, -128 + 16, False)),
        ("76 70", ("rbp", -16, False)),  # breg6 -16
        ("03 10 20 00 00 00 00 00 00", ("", 0x2010 + BIAS, False)),
        ("50", ("rax", 0, True)),
        ("5f", ("r15", 0, True)),
        ("71 01 9f", ("rdx", 1, True)),  # breg1 1, stack_value
        ("91 40 9f", (CFA, -64 + 16, True)),  # the address of a local array
        ("35 9f", ("", 5, True)),
        ("09 ff 9f", ("", -1, True)),
        ("0c 9f 00 00 80 9f", ("", 0x8000009F, True)),
        ("10 80 01 9f", ("", 128, True)),
        ("11 7f 9f", ("", -1, True)),
        ("9c", (CFA, 0, False)),
        ("", None),
        ("35", None),  # the address 5
        ("50 93 04 52 93 04", None),  # in two registers
        ("61", None),  # xmm0
        ("a3 01 55 9f", None),  # what RDI was at the function's entry
        ("71 00 72 00 22 9f", None),  # rdx + rcx
        ("91", None),
        ("91 80", None),  # no end
        ("03 10", None),
        ("0c 01 9f", None),
        ("9e 04 01 02 03 04", None),
    ],
)
def test_a_location_is_one_sum_or_unknown(octets: str, expected: tuple[str, int, bool] | None) -> None:
    assert LISTS.sum_of(bytes.fromhex(octets), (CFA, 16)) == expected


def test_without_a_frame_base_the_frame_is_unknown() -> None:
    assert LISTS.sum_of(bytes.fromhex("91 6c"), None) is None
    assert LISTS.sum_of(bytes.fromhex("76 70"), None) == ("rbp", -16, False)
