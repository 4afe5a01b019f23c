"""The debugger: stop a run anywhere, step, look, go back. Layer between the machine and the command line."""
