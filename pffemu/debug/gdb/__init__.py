"""A GDB remote stub: packets (packets), registers (description, registers), what gdb asks (stub), the socket (server).

The protocol is that of the GDB manual, appendix "GDB Remote Serial Protocol". The stub knows no socket, the server no
packet's meaning.
"""
