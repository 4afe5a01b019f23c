"""A machine in words: expressions over its state, what they can name, and its events as text."""
