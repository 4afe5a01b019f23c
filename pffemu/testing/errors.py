"""Errors in a test file, as opposed to those of the machine or the guest."""

from __future__ import annotations

from pffemu.errors import UsageError


class TestFileError(UsageError):
    """A directive that makes no sense. `where` is file:line."""

    __test__ = False  # pytest would collect a class called Test...


class TooManyTestsError(TestFileError):
    """A file that asks for more tests than one may have: none of it is run."""
