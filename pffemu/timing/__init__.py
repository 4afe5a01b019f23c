"""Costs in virtual cycles: a catalogue of named costs, machine profiles that give them values, the ledger.

Read in this order: catalogue, units, profile, load, ledger. The profiles themselves are data: profiles/*.toml.
"""

from __future__ import annotations

from pffemu.timing.catalogue import CATALOGUE, WAITS, Cost
from pffemu.timing.errors import AccountingError, ProfileError
from pffemu.timing.ledger import Ledger, check_accounts
from pffemu.timing.load import DEFAULT_PROFILE, builtin_profiles, load_profile
from pffemu.timing.profile import SHIFT, Entry, Profile, Status

__all__ = [
    "CATALOGUE",
    "DEFAULT_PROFILE",
    "SHIFT",
    "WAITS",
    "AccountingError",
    "Cost",
    "Entry",
    "Ledger",
    "Profile",
    "ProfileError",
    "Status",
    "builtin_profiles",
    "check_accounts",
    "load_profile",
]
