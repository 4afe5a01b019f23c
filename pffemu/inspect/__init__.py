"""Inspection of a machine: expressions over its state, the names in them, and its events as text."""
