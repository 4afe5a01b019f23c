"""IEEE 754 arithmetic in integers, for the instructions that Unicorn executes otherwise than the CPU."""
