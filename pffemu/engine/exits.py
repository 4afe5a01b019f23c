"""Addresses at which Unicorn translates nothing (uc_ctl exits): the end of a run, and what it cannot translate.

Unicorn compares them only once they are enabled, and from then on knows the end of a run from them alone. Behind each
run it fetches from where they are, to forget its translations there, and for one in the first byte of a page from the
page before, too; when that is refused, so it says of the run.
"""

from __future__ import annotations

from typing import Any

from pffemu.arch.pagefault import I
from pffemu.arch.paging import PAGE_SIZE, page_of
from pffemu.arch.registers import MASK64
from pffemu.engine.protocols import EngineHost, FillState
from pffemu.engine.refusals import REFUSED, REFUSED_CODE, REFUSED_PAGE, UNSEEN_CODE


class Exits:
    """Those of one core; the fill hook's state says where they are. `passed`: the one whose instruction runs alone."""

    def __init__(self, uc: Any, fill: FillState, host: EngineHost) -> None:
        self._uc, self._fill, self._host = uc, fill, host
        self.used = False
        self.passed: int | None = None
        self._set: set[int] = set()

    def __contains__(self, address: int) -> bool:
        return address in self._set

    def put(self, until: int) -> None:
        """Have the next start end at `until`, and wherever nothing may be translated."""
        exits = {until, *self._fill.exits}
        # a page that this address space lacks would be a page fault
        exits |= {address for address in self._fill.exits_before if self._host.can_fetch(address)}
        if self.passed is not None and self.passed != until:
            exits.discard(self.passed)
        if not self.used:
            self._uc.ctl_exits_enabled(True)
            self.used = True
        if exits != self._set:
            self._uc.ctl_set_exits(list(exits))
            self._set = exits

    def pause(self) -> None:
        """Runs end where they are told to, as without exits, until `resume`."""
        self._uc.ctl_exits_enabled(False)

    def resume(self) -> None:
        self._uc.ctl_exits_enabled(self.used)
        self._set = set()

    def were_all_that_was_refused(self, rip: int) -> bool:
        """Whether a run that was refused a page has really ended otherwise, with RIP there."""
        refusals = self._fill.state
        page = refusals[REFUSED_PAGE] & MASK64
        if refusals[REFUSED_CODE] & I == 0 or page + PAGE_SIZE not in self._fill.exits or page_of(rip) == page:
            return False
        if refusals[REFUSED] == UNSEEN_CODE:
            self._host.search_code(page)
        return not rip < page < self._host.address_after(rip, 1)
