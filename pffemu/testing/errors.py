"""Errors in a test file, as opposed to those of the machine or the guest."""

from __future__ import annotations

import re

from pffemu.errors import UsageError


def place_of(where: str) -> tuple[str, int]:
    """(file, line) of an error's `where`; line 0: it names none."""
    file, _, number = where.rpartition(":")
    return file, int(number) if re.fullmatch("[0-9]{1,9}", number) else 0


class TestFileError(UsageError):
    """A directive that makes no sense. `where` is file:line."""

    __test__ = False  # pytest would collect a class called Test...


class TooManyTestsError(TestFileError):
    """A file that asks for more tests than one may have: none of it is run."""
