"""python -m pffemu, and the command `pffemu`: a process of its own, whose collector expects many long-lived objects."""

import gc
import sys
from typing import Final

from pffemu import kept_methods

YOUNG_OBJECTS: Final = 50_000  # before a collection looks for cycles among them; importing makes as many, all kept


def main() -> int:
    """Run the command line and return its exit code."""
    gc.set_threshold(YOUNG_OBJECTS)
    kept = kept_methods.use()
    from pffemu.cli.app import main as run_command

    try:
        return run_command()
    finally:
        kept.keep()
        gc.freeze()  # the process ends: what is left goes with it, without a search for cycles


if __name__ == "__main__":
    sys.exit(main())
