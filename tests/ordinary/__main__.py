"""The command line: python -m tests.ordinary (see the package)."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from random import Random

import pffemu
from pffemu.hw.ordinary import words_of
from pffemu.hw.ordinary_table import TABLE
from tests.ordinary import compare
from tests.ordinary.derive import table

_LINE = 104
FILE = Path(pffemu.__file__).parent / "hw" / "ordinary_table.py"
_HEAD = '''\
"""The ordinary instructions (hw.ordinary): `python -m tests.ordinary --write` derives them from the decoders.

By prefix and opcode map, then by what follows the opcode: m ModRM, i4 an immediate of 4 bytes, w 4 bytes more with
REX.W; -R: unknown behind REX.R; then the timing class, or those of register and memory operands, ? where one is
unknown.
Opcodes are hexadecimal; 80/1 is 80 with 1 in ModRM.reg.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

'''


def text() -> str:
    """The file of the table."""
    lines = [_HEAD, "TABLE: Final[Mapping[str, Mapping[str, str]]] = {\n"]
    for name, entries in table().items():
        lines.append(f'    "{name}": {{\n')
        for kind, opcodes in entries.items():
            parts = (
                textwrap.wrap(opcodes, 118 - len('        "": ""') - len(kind))
                if len(kind) + len(opcodes) < 104
                else textwrap.wrap(opcodes, 104)
            )
            if len(parts) == 1:
                lines.append(f'        "{kind}": "{parts[0]}",\n')
            else:
                lines.append(f'        "{kind}": (\n')
                lines += [f'            "{part}{" " if part is not parts[-1] else ""}"\n' for part in parts]
                lines.append("        ),\n")
        lines.append("    },\n")
    return "".join([*lines, "}\n"])


def compare_for_ever() -> None:
    """Print every encoding about which the table and the decoders disagree."""
    words, random, done = words_of(TABLE), Random(), 0
    while True:
        for code in compare.encodings(random):
            _report(compare.single, code, words)
            _report(compare.block, random.randbytes(60), words)
            done += 1
        print(f"{done} encodings and blocks", end="\r", flush=True)


def _report(check: Callable[[bytes, list[int]], object], code: bytes, words: list[int]) -> None:
    try:
        check(code, words)
    except AssertionError as difference:
        print(difference)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(text())
    else:
        compare_for_ever()
