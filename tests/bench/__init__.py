"""Speed on this machine against its targets: `python -m tests.bench`, or `make bench`."""
