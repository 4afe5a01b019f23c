"""Every step of a fault as a typed event on one bus.

Each event starts with `time` (virtual cycles of the core), `cpu` and `tid` (0: no thread). Addresses are `Hex`, names
the code itself chose are `Label`, text from outside is `str` (escaped). Field order is the order in the trace.
`fault` is the number of the page fault that an event belongs to, 0: none.

hw, kernel, userfaultfd, signals   the events, by what makes them (fields: the types of their fields)
kinds                              all of them, and their names
bus, trace                         where they go; a trace is their JSON lines, its hash the hash of those lines
details                            the steps below an event, for a debugger
phases                             what the steps of a fault are called
faults                             the number and the path of each fault that is not over
fault_tracker                      which fault an event belongs to: for reports, timelines, traces, claims, debuggers
"""
