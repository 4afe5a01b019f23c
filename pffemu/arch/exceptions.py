"""Exception vectors and their names (SDM vol. 3, table 6-1)."""

from __future__ import annotations

from typing import Final

DE: Final = 0
DB: Final = 1
BP: Final = 3
UD: Final = 6
DF: Final = 8
SS: Final = 12
GP: Final = 13
PF: Final = 14
MF: Final = 16
AC: Final = 17
XM: Final = 19

DR6_BS: Final = 1 << 14  # the #DB is a single step

NAMES: Final[dict[int, str]] = {
    0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS",
    11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM", 20: "#VE", 21: "#CP",
}  # fmt: skip

HAS_ERROR_CODE: Final = frozenset({8, 10, 11, 12, 13, 14, 17, 21})


def name(vector: int) -> str:
    return NAMES.get(vector, f"vector {vector}")
