"""Signal ABI numbers (asm/signal.h, asm-generic/siginfo.h, asm/sigcontext.h). The signals: `uapi.Signal`."""

from __future__ import annotations

from typing import Final

NSIG: Final = 64
SIG_DFL: Final = 0
SIG_IGN: Final = 1

SA_NOCLDSTOP: Final = 0x1
SA_NOCLDWAIT: Final = 0x2
SA_SIGINFO: Final = 0x4
SA_EXPOSE_TAGBITS: Final = 0x800
SA_RESTORER: Final = 0x0400_0000
SA_ONSTACK: Final = 0x0800_0000
SA_RESTART: Final = 0x1000_0000
SA_NODEFER: Final = 0x4000_0000
SA_RESETHAND: Final = 0x8000_0000
SA_KNOWN: Final = (
    SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | SA_RESTART
    | SA_NODEFER | SA_RESETHAND
)  # fmt: skip

SIG_BLOCK: Final = 0
SIG_UNBLOCK: Final = 1
SIG_SETMASK: Final = 2

SS_ONSTACK: Final = 1
SS_DISABLE: Final = 2
SS_AUTODISARM: Final = 1 << 31
MINSIGSTKSZ: Final = 2048  # bytes

# si_code
SI_USER: Final = 0
SI_KERNEL: Final = 0x80
SI_SIGIO: Final = -5
# of SIGIO
POLL_IN: Final = 1
POLL_OUT: Final = 2
POLL_MSG: Final = 3
POLL_HUP: Final = 6
SI_QUEUE: Final = -1
SI_TIMER: Final = -2
SI_MESGQ: Final = -3
SI_TKILL: Final = -6
ILL_ILLOPN: Final = 2
FPE_INTDIV: Final = 1
FPE_FLTDIV: Final = 3
FPE_FLTOVF: Final = 4
FPE_FLTUND: Final = 5
FPE_FLTRES: Final = 6
FPE_FLTINV: Final = 7
SEGV_MAPERR: Final = 1
SEGV_ACCERR: Final = 2
BUS_ADRALN: Final = 1
BUS_ADRERR: Final = 2
BUS_MCEERR_AR: Final = 4
TRAP_BRKPT: Final = 1
TRAP_TRACE: Final = 2
CLD_EXITED: Final = 1
CLD_KILLED: Final = 2
CLD_DUMPED: Final = 3
CLD_STOPPED: Final = 5
CLD_CONTINUED: Final = 6

# uc_flags of a core without XSAVE
UC_SIGCONTEXT_SS: Final = 0x2
UC_STRICT_RESTORE_SS: Final = 0x4

ITIMER_REAL: Final = 0
ITIMER_VIRTUAL: Final = 1
ITIMER_PROF: Final = 2
SFD_NONBLOCK: Final = 0o4000
SFD_CLOEXEC: Final = 0o2000000

_OF_SIGNAL: Final = {4: "ILL_", 5: "TRAP_", 7: "BUS_", 8: "FPE_", 11: "SEGV_", 17: "CLD_"}


def code_name(signo: int, code: int) -> str:
    """`SEGV_MAPERR` for SIGSEGV and 1."""
    prefixes = ("SI_", _OF_SIGNAL.get(signo, "SI_"))
    found = (name for name in CODE_NAMES if name.startswith(prefixes) and globals()[name] == code)
    return next(found, str(code))


CODE_NAMES: Final = (
    "SI_USER", "SI_KERNEL", "SI_QUEUE", "SI_TIMER", "SI_MESGQ", "SI_TKILL", "ILL_ILLOPN", "FPE_INTDIV", "FPE_FLTDIV",
    "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "SEGV_MAPERR", "SEGV_ACCERR", "BUS_ADRALN",
    "BUS_ADRERR", "BUS_MCEERR_AR", "TRAP_BRKPT", "TRAP_TRACE", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED",
    "CLD_STOPPED", "CLD_CONTINUED",
)  # fmt: skip
