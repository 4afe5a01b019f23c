"""One colour and marker for each mechanism, in every figure, picture and page: also told apart without colour."""

from __future__ import annotations

from typing import Any, Final

# Okabe and Ito's colours, which colour-blind readers can distinguish, and some that stand apart from them in lightness
_OF_MECHANISM: Final = {
    "kernel": ("#6e6e6e", "*"), "pin": ("#111111", "<"), "swizzle": ("#8b4513", "p"), "sigsegv": ("#b22222", "P"),
    "uffd": ("#d55e00", "s"), "uffd-sigbus": ("#e69f00", "X"), "pff": ("#0072b2", "^"), "pff-pte": ("#56b4e9", "v"),
    "upcall": ("#009e73", "D"), "policy": ("#cc79a7", "o"), "hw": ("#4b0082", "h"), "userfault": ("#2f6f6f", ">"),
    "exmap": ("#8a7a00", "d"), "daemon": ("#a05a8a", "8"),
}  # fmt: skip
_OTHER: Final = ("#7b4fa3", "H")
_DASHES: Final[tuple[Any, ...]] = ("-", "--", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)))


def colour_of(mechanism: str) -> str:
    """The colour of a mode or mechanism, as #rrggbb."""
    return _OF_MECHANISM.get(mechanism, _OTHER)[0]


class LineStyles:
    """Colour, dashes and marker for the lines of one figure: several of one mechanism differ in their dashes."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}  # by mechanism

    def next(self, mechanism: str) -> tuple[str, Any, str]:
        """The style of the next line; `mechanism` may be followed by a space and a variant."""
        name = mechanism.replace(",", " ").split()[0] if mechanism.strip(" ,") else ""
        number = self._lines.get(name, -1) + 1
        self._lines[name] = number
        colour, marker = _OF_MECHANISM.get(name, _OTHER)
        return colour, _DASHES[number % len(_DASHES)], marker
