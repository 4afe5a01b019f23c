"""Signals: sent, framed, made of traps."""
