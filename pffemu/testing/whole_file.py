"""Reads a test file to its end: every bad directive is found at once, and blocks without one are ready to run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pffemu.errors import PffemuError
from pffemu.testing.c_source import is_c
from pffemu.testing.cases import Case, read_cases
from pffemu.testing.directives import Directive
from pffemu.testing.errors import TooManyTestsError, place_of

_MOST: Final = 50  # errors of a file
_START: Final = re.compile(r"\s*(?:#|;|//)\s*test:")
_COMMENT: Final = re.compile(r"(?:#|;|//).*")


class WholeFile(NamedTuple):
    """The tests of a file, and its errors, each with its line. Blocks with an error are no tests."""

    cases: list[Case]
    errors: list[tuple[int, PffemuError]]


def read_whole_file(
    source: str, file: str, folder: Path | None = None, defaults: Sequence[Directive] = ()
) -> WholeFile:
    """The file's tests and errors; an error in the shared part leaves no test. `defaults`: the project's directives.

    After an error its line is replaced, and the file is read again. Raises PffemuError for an error without a line.
    """
    lines = source.split("\n")
    starts = [number for number, line in enumerate(lines, 1) if _START.match(line)]
    errors: dict[int, PffemuError] = {}
    claim = "// expect: rax == 0" if is_c(file) else "# expect: rax == 0"  # a block must claim something
    while True:
        try:
            cases = read_cases("\n".join(lines), file, folder, defaults)
            break
        except TooManyTestsError:
            raise
        except PffemuError as error:
            named, number = place_of(error.where)
            if named != file or not 1 <= number <= len(lines) or len(errors) >= _MOST:
                raise
            block = _block_of(number, starts, len(lines))
            if number in errors or number in starts:  # the block as a whole: without its bad line it may claim nothing
                if not any(bad in block for bad in errors):
                    errors[number] = error
                if not any(line for line in lines[block.start - 1 : block.stop - 1]):
                    raise
                lines[block.start - 1 : block.stop - 1] = [""] * len(block)
            else:
                errors[number] = error
                lines[number - 1] = _COMMENT.sub(claim, lines[number - 1])
    shared = any(number < starts[0] for number in errors) if starts else True
    bad = [block for number in errors if (block := _block_of(number, starts, len(lines)))]
    sound = [case for case in cases if not shared and not any(case.block.first in block for block in bad)]
    return WholeFile(sound if errors else cases, sorted(errors.items(), key=lambda item: item[0]))


def _block_of(number: int, starts: list[int], last: int) -> range:
    """The lines of the block that holds the line, or of the shared part."""
    first = max((start for start in starts if start <= number), default=1)
    return range(first, min((start for start in starts if start > first), default=last + 1))
