"""What a debugger shows, each pane a pure function of the machine: rich text for a terminal, `.plain` for a pipe.

Styles say what is new or current, never the words alone: `NEW` for what the last step changed, `HERE` for the place
the core is at, `QUIET` for what is only context.
"""

from __future__ import annotations

from typing import Final

NEW: Final = "bold yellow"
HERE: Final = "bold reverse"
QUIET: Final = "dim"
NAME: Final = "bold"
