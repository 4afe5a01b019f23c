"""IEEE 754 arithmetic in integers, for the instructions that Unicorn executes differently from the CPU."""
