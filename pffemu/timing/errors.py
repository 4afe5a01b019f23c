"""The two ways in which timing can go wrong: a profile that makes no sense, and cycles that nobody charged."""

from __future__ import annotations

from pffemu.errors import PffemuError, UsageError


class ProfileError(UsageError):
    """A machine profile names a cost, unit or status that does not exist, or leaves one out. `where` is file: entry."""


class AccountingError(PffemuError):
    """The sum of what was charged is not the clock's difference: a fault of pffemu itself."""
