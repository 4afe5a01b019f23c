"""Types of event fields besides int and str: they say how a value is written in a trace."""

from __future__ import annotations

from typing import NewType

Hex = NewType("Hex", int)  # an address
Label = NewType("Label", str)  # a name the code itself chose, not escaped
