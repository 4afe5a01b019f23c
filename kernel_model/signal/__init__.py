"""Signals: sending them, their frames, and the signal of each trap."""
