"""What is wrong with a test file: not with the machine, nor with the guest it describes."""

from __future__ import annotations

from pffemu.errors import UsageError


class TestFileError(UsageError):
    """A directive that makes no sense. `where` is file:line."""

    __test__ = False  # for pytest, which takes a class called Test... for tests
