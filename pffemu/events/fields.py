"""Types of event fields besides int and str: they decide how a value is written in a trace."""

from __future__ import annotations

from typing import NewType

Hex = NewType("Hex", int)  # an address
Label = NewType("Label", str)  # a name that pffemu chose, so it needs no escaping
