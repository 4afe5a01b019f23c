"""The debugger's panes, each a pure function of the machine: rich text for a terminal, `.plain` for a pipe.

Styles: `NEW` for what the last step changed, `HERE` for the place the core is at, `QUIET` for context.
"""

from __future__ import annotations

from typing import Final

NEW: Final = "bold yellow"
HERE: Final = "bold reverse"
QUIET: Final = "dim"
NAME: Final = "bold"
