"""What the block hook does, as plain functions over flat state: the same code compiled and not (block_counter)."""

from __future__ import annotations

from typing import Any, Final

# flat state, signed 64-bit words
EXECUTED: Final = 0  # instructions so far
LIMIT: Final = 1  # a block that would take EXECUTED past this is not run
BLOCK: Final = 2  # key of the last block that ran, 0: none
TIME: Final = 3  # what they took, in the unit of the decoder
TIME_LIMIT: Final = 4  # a block whose last instruction would begin at this TIME or later is not run
TABLE: Final = 5  # address of the table, for compiled code
LEARN: Final = 6  # address of the C function that fills in an unknown block
STOP: Final = 7  # address of uc_emu_stop
SLOWLY: Final = 8  # address of the C function for blocks that `count_known` leaves, for compiled code
PENDING: Final = 9  # key of the block it is called for
WORDS: Final = 10

SLOTS: Final = 1 << 15  # table entries, two words each: key, size (see `size_word`)
LASTS: Final = 2 * SLOTS  # behind them, a word for each entry: the time of the block's last instruction
TABLE_WORDS: Final = LASTS + SLOTS
_PROBES: Final = 16  # words: eight entries
NO_LIMIT: Final = (1 << 62) - 1
ADDRESS_BITS: Final = 47
INSTRUCTION_BITS: Final = 20


def size_word(instructions: int, time: int, rep: bool) -> int:
    """A block's instructions and time in one word; negative when it is one iteration of a REP instruction."""
    return -1 - time if rep else time << INSTRUCTION_BITS | instructions


def key_of(address: int, size: int) -> int:
    """A block by its first byte and its length in bytes (a translated block is shorter than 64 KiB)."""
    return address | (size << ADDRESS_BITS)


def home_slot(address: int) -> int:
    """Index of the entry a block has, unless another one was there first."""
    return (address & (SLOTS - 1)) * 2


def find_slot(table: Any, address: int, size: int) -> int:
    """Index of the entry of this block, or of the one it should take: the first free of a few neighbours."""
    key = key_of(address, size)
    home = home_slot(address)
    for step in range(0, _PROBES, 2):
        slot = (home + step) & (2 * SLOTS - 1)
        if table[slot] == key or table[slot] == 0:
            return slot
    return home


def count_known(state: Any, table: Any, slot: int, key: int) -> bool:
    """Count the block about to run in the usual case: known, in its home slot, within the limits, no REP iteration."""
    if table[slot] != key:
        return False
    size = table[slot + 1]
    executed = state[EXECUTED] + (size & ((1 << INSTRUCTION_BITS) - 1))
    time = state[TIME] + (size >> INSTRUCTION_BITS)
    if size < 0 or executed > state[LIMIT] or time >= state[TIME_LIMIT]:
        return False
    state[EXECUTED] = executed
    state[TIME] = time
    state[BLOCK] = key
    return True


def count_block(state: Any, table: Any, slot: int) -> bool:
    """Count the block in `slot`, which is about to run; False when it would pass a limit.

    It may pass that of time with its last instruction alone: a run to that time ends just behind the block.
    """
    key, size, last = table[slot], table[slot + 1], table[LASTS + (slot >> 1)]
    instructions, time = size & ((1 << INSTRUCTION_BITS) - 1), size >> INSTRUCTION_BITS
    if size < 0:
        time = -1 - size
        # one more iteration of the instruction the last block ended with, or a new one
        end = (key & ((1 << ADDRESS_BITS) - 1)) + (key >> ADDRESS_BITS)
        before = state[BLOCK]
        instructions = 0 if (before & ((1 << ADDRESS_BITS) - 1)) + (before >> ADDRESS_BITS) == end else 1
    executed = state[EXECUTED] + instructions
    if executed > state[LIMIT] or state[TIME] + time - last >= state[TIME_LIMIT]:
        return False
    state[EXECUTED] = executed
    state[TIME] += time
    state[BLOCK] = key
    return True
