"""Every step of a fault as a typed event on one bus.

Each event starts with `time` (virtual cycles of the core), `cpu` and `tid` (0: no thread). Addresses are `Hex`, names
that pffemu chose are `Label`, text from outside is `str` (escaped). Field order is the order in the trace.
`fault` is the number of the page fault that an event belongs to, 0: none.

hw, kernel, userfaultfd, signals   the events, by what makes them (fields: the types of their fields)
kinds                              all events, and their names
bus, trace                         where events go; a trace is their JSON lines, its hash the hash of those lines
details                            sub-event steps, for a debugger
phases                             the names of a fault's phases
faults                             the number and the path of each fault that is not over
fault_tracker                      which fault an event belongs to: for reports, timelines, traces, claims, debuggers
"""
