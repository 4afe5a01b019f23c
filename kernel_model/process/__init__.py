"""The end of processes, their futexes, and the delivery of signals."""
