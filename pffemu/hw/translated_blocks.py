"""What a core does with each block that the engine has just translated, before it runs for the first time.

Blocks of ordinary code are counted at once, and nothing else: by native code, once hooks are compiled. For the others
the careful instructions are looked up, and the frames of new pages are noted.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Final

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.paging import is_canonical
from pffemu.asm import BRANCH, REP, class_of
from pffemu.asm.scan import scan
from pffemu.engine.block_counter import BlockCounter, BlockLength
from pffemu.engine.careful_code import Quick
from pffemu.engine.native_code import hooks
from pffemu.hw import careful, ordinary
from pffemu.hw.mmu import Mmu
from pffemu.hw.ordinary import CLASSES, RESULTS, scan_block
from pffemu.hw.ordinary_table import TABLE as ORDINARY
from pffemu.hw.translated_frames import TranslatedFrames

# flat state of the compiled hook, signed 64-bit words
CHECKS: Final = 0  # those of the core (hw.careful)
COUNTER: Final = 1  # address of the block counter's words; 0: counting is off
FILL: Final = 2  # address of the fill hook's state
PAGES: Final = 3  # address of TranslatedFrames.known
TABLE: Final = 4  # address of the ordinary instructions
ASK: Final = 5  # address of the C function for all other blocks
FOUND: Final = 6  # results of `ordinary.scan_block`
RATES: Final = FOUND + RESULTS  # time of each class
WORDS: Final = RATES + len(CLASSES)

_TABLE: Final = ordinary.words_of(ORDINARY)
HOOKS: Final = "pffemu.hw.translated_blocks_compiled"
_NUMBERS: Final = range(len(CLASSES))
TABLE_WORDS: Final = len(_TABLE)
_AGAIN: Final = (BRANCH, REP)  # what can run again on its own
_NOTHING: Final[Mapping[int, Quick]] = {}


class TranslatedBlocks:
    """The translated blocks of one core. `counter` is None when counting is off."""

    def __init__(self, mmu: Mmu, frames: TranslatedFrames, rates: Mapping[str, int], checks: int) -> None:
        """`rates`: time of each timing class, in 2^-SHIFT cycles. `checks`: bits of hw.careful."""
        self._mmu, self._frames = mmu, frames
        self._rates = rates
        self._rates_by_number = [rates[name] for name in CLASSES]
        self._found = [0] * RESULTS
        self.counter: BlockCounter | None = None
        self._words = (ctypes.c_int64 * WORDS)()
        self._table: ctypes.Array[ctypes.c_int64] | None = None  # of the compiled hook
        self._words[CHECKS] = checks

    @property
    def checks(self) -> int:
        """The extra checks that the core makes: bits of hw.careful."""
        return self._words[CHECKS]

    @checks.setter
    def checks(self, checks: int) -> None:
        self._words[CHECKS] = checks

    def compile(self, ask: int) -> tuple[int, int]:
        """The address of the compiled hook and its user data; `ask`: the address of the hook that asks `translated`."""
        words = self._words
        self._table = (ctypes.c_int64 * TABLE_WORDS)(*_TABLE)
        words[TABLE], words[ASK] = ctypes.addressof(self._table), ask
        words[FILL], words[PAGES] = self._mmu.fill.user_data, self._frames.known_address
        words[COUNTER] = 0 if self.counter is None else self.counter.user_data
        for number, rate in enumerate(self._rates_by_number):
            words[RATES + number] = rate
        return hooks(HOOKS)["HOOK"], ctypes.addressof(words)

    def translated(self, address: int, size: int) -> Mapping[int, Quick]:
        """The careful instructions of a block by address."""
        if not is_canonical(address):  # the engine's own page, which is not the guest's
            return {address: Quick.NEVER} if self._mmu.fill.root else _NOTHING
        code = self._mmu.code_at(address, size)
        length = self._ordinary_length(code, size)
        if self.counter is not None:
            self.counter.translated(address, size, length, self._stores_into_last(code, address, size))
        self._frames.note(address, size)
        is_ordinary = length is not None and not self.checks
        return _NOTHING if is_ordinary else self._careful(code, address, size)

    def _stores_into_last(self, code: bytes, address: int, size: int) -> bool:
        """Whether the block is an instruction before which the engine has left the block that it stores into.

        From any other place in its middle that block goes on to the same end. A branch can also lead into the middle of
        its last instruction, where other ones begin.
        """
        if self.counter is None or not self.counter.lies_in_last(address, size):
            return False
        classes = self._classes_of(code)
        if len(classes) != 1 or classes[0] in _AGAIN:
            return False
        start, end = self.counter.last_block
        return address - start in {each.offset for each in scan(self._mmu.code_at(start, end - start))}

    def length_of(self, address: int, size: int) -> BlockLength:
        """The BlockLength of guest code; times in 2^-SHIFT cycles."""
        code = self._mmu.code_at(address, size)
        return self._ordinary_length(code, size) or self._decoded_length(code)

    def _ordinary_length(self, code: bytes, size: int) -> BlockLength | None:
        """None: not all of its instructions are ordinary."""
        if len(code) != size:
            return None
        found = self._found
        instructions = scan_block(code, size, _TABLE, self._rates_by_number, found)
        if not instructions:
            return None
        return BlockLength(instructions, found[ordinary.TIME], bool(found[ordinary.IS_REP]), found[ordinary.LAST])

    def _decoded_length(self, code: bytes) -> BlockLength:
        classes = self._classes_of(code)
        time = sum(map(self._rates.__getitem__, classes))
        if len(classes) == 1:
            return BlockLength(1, time, classes[0] == REP, time)
        return BlockLength(len(classes), time, False, self._rates[classes[-1]] if classes else 0)

    def _classes_of(self, code: bytes) -> list[str]:
        """The timing class of every instruction, from the table where it has it."""
        classes = []
        for instruction in scan(code):
            offset, size = instruction.offset, instruction.size
            known = scan_block(code[offset : offset + size], size, _TABLE, _NUMBERS, self._found)
            classes.append(CLASSES[self._found[ordinary.LAST]] if known else class_of(instruction, code))
        return classes

    def _careful(self, code: bytes, address: int, size: int) -> dict[int, Quick]:
        found = careful.careful_offsets(code, size, self.checks)
        if found and found[-1][0] + MAX_INSTRUCTION > size:  # Unicorn may have the wrong length
            code = self._mmu.code_at(address, size + MAX_INSTRUCTION)
            found = careful.careful_offsets(code, size, self.checks)
        return {address + offset: quick for offset, quick in found}
