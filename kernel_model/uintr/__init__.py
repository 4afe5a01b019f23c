"""User interrupts as Linux offers them (Intel's patches): receivers, target tables, and what a context switch does.

Reading order: receiver, target_table, switch, fds, faults; the system calls are kernel_model.calls.uintr.
"""
