"""Stand inside a run: step, look, go back. Layer between the machine and the command line."""
