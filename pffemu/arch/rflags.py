"""RFLAGS bits (SDM vol. 1, 3.4.3) and the part of them that UIRET restores."""

from __future__ import annotations

from typing import Final

CF: Final = 1 << 0
ALWAYS_ONE: Final = 1 << 1  # doubles as the UIF image under flexible UIRET
PF: Final = 1 << 2
AF: Final = 1 << 4
ZF: Final = 1 << 6
SF: Final = 1 << 7
TF: Final = 1 << 8
IF: Final = 1 << 9
DF: Final = 1 << 10
OF: Final = 1 << 11
RF: Final = 1 << 16
AC: Final = 1 << 18

UIRET_MASK: Final = 0x254DD5  # SDM vol. 2, UIRET: CF PF AF ZF SF TF DF OF NT RF AC ID
TESTUI_CLEARED: Final = ZF | AF | OF | PF | SF

NAMES: Final[dict[str, int]] = {
    "CF": CF, "PF": PF, "AF": AF, "ZF": ZF, "SF": SF, "TF": TF, "IF": IF, "DF": DF, "OF": OF, "RF": RF,
}  # fmt: skip
