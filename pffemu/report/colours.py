"""One colour for each mechanism, in every figure, picture and page. Colour-blind readers can tell them apart."""

from __future__ import annotations

from typing import Final

# Okabe and Ito's colours; by the name of the mode
_OF_MODE: Final = {
    "kernel": "#6e6e6e", "uffd": "#d55e00", "pff": "#0072b2", "upcall": "#009e73", "daemon": "#cc79a7",
    "exmap": "#b8860b",
}  # fmt: skip
_OTHER: Final = "#7b4fa3"


def colour_of(mode: str) -> str:
    """The colour of a mode, as #rrggbb."""
    return _OF_MODE.get(mode, _OTHER)
