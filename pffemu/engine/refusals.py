"""How a fill hook notes its last refusal: words of its flat state, and the reasons.

The MMU above the engine writes them (hw.fill), and the engine reads them behind each run.
"""

from __future__ import annotations

from typing import Final

REFUSED: Final = 4  # the reason
REFUSED_PAGE: Final = 5  # signed
REFUSED_CODE: Final = 6  # page-fault error code; bit 4 (I): a fetch

NOTHING: Final = 0
PAGE_FAULT: Final = 1
NON_CANONICAL: Final = 2
WATCH: Final = 3  # not an error: a debugger watches the page
CODE_CHANGES: Final = 4  # not an error: code translated from the frame must be forgotten
UNSEEN_CODE: Final = 5  # not an error: the frame must be searched first (hw.untranslatable)
TLB_GROWS: Final = 6  # not an error: no fills are left
