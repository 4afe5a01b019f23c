"""Single instructions and short sequences, each on the host's CPU and in pffemu: `python -m tests.oracle`."""
