"""Errors of timing: an invalid machine profile, cycles that passed without being charged, a failed calibration."""

from __future__ import annotations

from pffemu.errors import PffemuError, UsageError


class ProfileError(UsageError):
    """A machine profile names a cost, unit or status that does not exist, or leaves one out. `where` is file: entry."""


class AccountingError(PffemuError):
    """The charges do not add up to the time that passed on the clock: a bug in pffemu."""


class CalibrationError(PffemuError):
    """A host could not be measured, or what was measured makes no profile."""
