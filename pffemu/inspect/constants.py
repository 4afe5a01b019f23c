"""Names that every expression knows: Linux's numbers, as guests have them from pff.inc, and page-fault bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from guest.include_file import userfaultfd_numbers
from kernel_model.abi import signal as uapi_signal
from kernel_model.abi import uapi
from pffemu.arch import pagefault, rflags
from pffemu.arch.paging import PAGE_SIZE

_NUMBERS: Final = {name: value for name, value in vars(uapi).items() if name.isupper() and isinstance(value, int)}
CONSTANTS: Final[Mapping[str, int]] = {
    **userfaultfd_numbers(),
    **_NUMBERS,
    **{errno.name: int(errno) for errno in uapi.Errno},
    **{f"SYS_{call.name.lower()}": int(call) for call in uapi.Sys},
    **{name: value for name, value in vars(uapi_signal).items() if name.isupper() and isinstance(value, int)},
    **{signal.name: int(signal) for signal in uapi.Signal},
    "PAGE": PAGE_SIZE,
    "UIRET_MASK": rflags.UIRET_MASK,
    **{name: getattr(pagefault, name) for name in ("P", "W", "U", "RSVD", "I")},
}


class KnownNames:
    """The names known before anything is assembled: constants, parameters, regions."""

    def __init__(self, *more: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = dict(CONSTANTS)
        for values in more:
            self._values.update(values)

    def look_up(self, name: str) -> Any:
        return self._values[name]

    def names(self) -> Iterable[str]:
        return self._values
