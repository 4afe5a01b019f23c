"""The block hook, as plain functions over flat state: the same code compiled and not (block_counter).

In the usual case it adds one word to one word. USED holds a window's instructions in its low bits and their time in its
high ones, each below a guard bit, and both start so high that the guard is reached when the window is used up. `settle`
brings the other counts up to date.
"""

from __future__ import annotations

from typing import Any, Final

# flat state, signed 64-bit words
USED: Final = 0
BLOCK: Final = 1  # key of the last block that ran, 0: none
START: Final = 2  # USED at the last `settle`
EXECUTED: Final = 3  # instructions up to then
TIME: Final = 4  # their time, in the unit of the decoder
LIMIT: Final = 5  # a block that would take EXECUTED past this is not run
TIME_LIMIT: Final = 6  # a block whose last instruction would begin at this TIME or later is not run
LEARN: Final = 7  # address of the C function that fills in an unknown block
STOP: Final = 8  # address of uc_emu_stop
SLOWLY: Final = 9  # for compiled code: address of the C function for blocks that `count_known` does not count
PENDING: Final = 10  # key of the block for which SLOWLY is called
ENTERED_AGAIN: Final = 11  # 1: a block was entered again, perhaps with other code
# with a memory hierarchy
STALL: Final = 12  # time that loads and stores have cost since the last taken branch, not yet in TIME
REF_INSTRUCTIONS: Final = 13  # EXECUTED at that branch
REF_TIME: Final = 14  # TIME then
STALLED: Final = 15  # STALLs that TIME has taken over, in all
MISPREDICTED: Final = 16  # TIME + 1 at the first misprediction that nothing has been made of yet, 0: none
HISTORY: Final = 17  # of taken branches
PREDICTOR: Final = 18  # for compiled code: address of the predictor's table
PC_KNOWN: Final = 19  # for compiled code: address of the byte of pc_sync
HOOK_END: Final = 20  # for compiled code: address of the word that switches the hook for loads and stores (hook_bounds)
REPLAY: Final = 21  # for compiled code: address of the C function for that; its first argument is REPLAY_DATA
REPLAY_DATA: Final = 22
ASK_FOR_PLAN: Final = 23  # for compiled code: address of the C function that plans a block; 0: none is planned
UNHOOKED: Final = 24  # 1: what is translated now has no hook for loads and stores, because it has a plan
WORDS: Final = 26  # an even number

SLOTS: Final = 1 << 16  # entries of the table behind the state, two words each: key, `size_word`
DETAILS: Final = 2 * SLOTS  # behind them, for each entry: instructions, time, time of the last instruction
PLANS: Final = DETAILS + 3 * SLOTS  # behind them, two words for each entry: key, plan or (negative) number of runs
TABLE_WORDS: Final = PLANS + 2 * SLOTS
ENOUGH_RUNS: Final = 2000  # of a block, before it is planned: a plan takes as long as so many runs without one
NO_PLAN: Final = -(1 << 40)
REP: Final = -1  # instructions of a block that is one iteration of a REP instruction
STORES_INTO_LAST: Final = -2  # of a block that is one instruction, before which the engine has left the block before it
_PROBES: Final = 16  # words: eight entries

NO_LIMIT: Final = (1 << 62) - 1
ADDRESS_BITS: Final = 47
_MOST: Final = (1 << 24) - 1  # instructions of a window
_GUARD: Final = _MOST + 1
_TIME_SHIFT: Final = 25
_MOST_TIME: Final = 1 << 35  # of a window: half a million cycles, so that Ctrl-C is soon noticed
_TIME_GUARD: Final = _MOST_TIME << _TIME_SHIFT
_GUARDS: Final = _TIME_GUARD | _GUARD
_INSTRUCTIONS: Final = _GUARD | _MOST
CLOSED: Final = _GUARD  # value of USED when no block may be counted in the usual way


def size_word(instructions: int, time: int) -> int:
    """What the block adds to USED; a block too long for that reaches the guard."""
    if instructions < 0 or time >= _MOST_TIME:
        return _TIME_GUARD
    return time << _TIME_SHIFT | instructions


def key_of(address: int, size: int) -> int:
    """The key of a block: its address and its length in bytes (a translated block is shorter than 64 KiB)."""
    return address | (size << ADDRESS_BITS)


def home_slot(address: int) -> int:
    """Index of the entry that a block has, unless another block has taken it."""
    return (address & (SLOTS - 1)) * 2


def find_slot(table: Any, address: int, size: int) -> int:
    """Index of this block's entry, or of the one that it should take: the first free of a few neighbours."""
    key = key_of(address, size)
    home = home_slot(address)
    for step in range(0, _PROBES, 2):
        slot = (home + step) & (2 * SLOTS - 1)
        if table[slot] == key or table[slot] == 0:
            return slot
    return home


def details_of(slot: int) -> int:
    """Index of the first of an entry's three words of details."""
    return DETAILS + (slot >> 1) * 3


def must_learn(table: Any, slot: int, key: int) -> bool:
    """Whether LEARN comes before the block is counted: it is unknown, or stores into the one before it."""
    return bool(table[slot] != key or table[details_of(slot)] == STORES_INTO_LAST)


def lies_in_last(state: Any, address: int, size: int) -> bool:
    """Whether a block lies in the one that ran last, in this run."""
    start = state[BLOCK] & ((1 << ADDRESS_BITS) - 1)
    is_inside = start <= address and address + size <= start + (state[BLOCK] >> ADDRESS_BITS)
    return bool(is_inside and state[USED] != CLOSED)


def enter(state: Any, table: Any, address: int, size: int, instructions: int, time: int, last: int) -> None:
    """Enter a block in the table, or enter it anew. `last`: the time of its last instruction."""
    key, slot = key_of(address, size), find_slot(table, address, size)
    if table[slot] == key:
        state[ENTERED_AGAIN] = 1
    details = details_of(slot)
    table[details], table[details + 1], table[details + 2] = instructions, time, last
    table[slot], table[slot + 1] = key, size_word(instructions, time)


def plan_of(table: Any, slot: int, key: int) -> int:
    """The plan of a block whose translation has no hook for loads and stores; else its runs, as a negative number."""
    if table[PLANS + slot] == key:
        return int(table[PLANS + slot + 1])
    return 0


def note_run(table: Any, slot: int, key: int) -> bool:
    """Count a run of a block without a plan; whether it has run often enough for one."""
    at = PLANS + slot
    if table[at] != key:
        if table[at + 1] <= 0:
            table[at], table[at + 1] = key, 0
        return False
    runs = table[at + 1]
    if runs != NO_PLAN:
        table[at + 1] = runs - 1
    return bool(-ENOUGH_RUNS >= runs > NO_PLAN)


def hooked_again(state: Any, table: Any, address: int, size: int) -> None:
    """A block was translated: if its loads and stores have a hook now, it has no plan."""
    at = PLANS + home_slot(address)
    if state[UNHOOKED] == 0 and table[at] == key_of(address, size):
        table[at + 1] = 0


def count_known(state: Any, table: Any, slot: int, key: int) -> bool:
    """Count the block about to run in the usual case: known, in its home slot, within the window, no REP iteration."""
    if table[slot] != key:
        return False
    used = state[USED] + table[slot + 1]
    if used & _GUARDS == 0:
        state[USED] = used
        state[BLOCK] = key
        return True
    return False


def settle(state: Any) -> None:
    """Bring EXECUTED and TIME up to date."""
    used = state[USED]
    passed = used - state[START]
    if passed:
        state[EXECUTED] += passed & _INSTRUCTIONS
        state[TIME] += passed >> _TIME_SHIFT
        state[START] = used


def open_window(state: Any) -> None:
    """Open a window that lets blocks run to the limits, or as far towards them as it can hold. The state is settled."""
    instructions, time = state[LIMIT] - state[EXECUTED], state[TIME_LIMIT] - state[TIME]
    used = 0
    if instructions < 0 or time <= 0:
        used = CLOSED  # the other guard than that of `size_word`, for the two are added
    else:
        if time < _MOST_TIME:
            used = (_MOST_TIME - time) << _TIME_SHIFT
        if instructions < _MOST:
            used |= _MOST - instructions
    state[USED] = used
    state[START] = used


PREDICTIONS: Final = 1 << 12  # words of the predictor's table
_CONFIDENT: Final = 3
_HISTORY: Final = (1 << 36) - 1  # six bits each of the last six branches


def predict(state: Any, predictor: Any, end: int, address: int) -> bool:
    """Whether a taken branch, behind which code goes on at `end`, was foreseen after those before it.

    A table by history holds a mark of the next taken branch and its target, with a confidence of two bits.
    """
    history = state[HISTORY]
    place = (history ^ (history >> 12) ^ (history >> 24)) & (PREDICTIONS - 1)
    mark = (end * 0x9E3779B1 ^ address * 0x85EBCA6B) >> 5 & 0xFFFFFFFF
    state[HISTORY] = (history << 6 ^ mark >> 7) & _HISTORY
    word = predictor[place]
    confidence = word & _CONFIDENT
    if word >> 2 == mark:
        if confidence < _CONFIDENT:
            predictor[place] = word + 1
        return True
    predictor[place] = word - 1 if confidence else mark << 2
    return False


def note_jump(state: Any, predictor: Any, address: int) -> None:
    """Before a block is counted: if a branch to it was taken, time takes over what memory has cost until then.

    A block that was split, or left and entered again, goes on where the last one ended: so moments at which stalls
    count do not depend on how code was translated.
    """
    before = state[BLOCK]
    end = (before & ((1 << ADDRESS_BITS) - 1)) + (before >> ADDRESS_BITS)
    if before == 0 or end == address:
        return
    if state[STALL]:
        settle(state)
        state[TIME] += state[STALL]
        state[STALLED] += state[STALL]
        state[STALL] = 0
        open_window(state)
    passed = state[USED] - state[START]
    instructions, time = state[EXECUTED] + (passed & _INSTRUCTIONS), state[TIME] + (passed >> _TIME_SHIFT)
    if instructions == state[REF_INSTRUCTIONS] and time == state[REF_TIME]:
        return  # the run was stopped behind this branch, and goes on
    state[REF_INSTRUCTIONS], state[REF_TIME] = instructions, time
    if not predict(state, predictor, end, address) and state[MISPREDICTED] == 0:
        state[MISPREDICTED] = state[REF_TIME] + 1


def count_block(state: Any, table: Any, slot: int) -> bool:
    """Count the block in `slot`, which is about to run; False when it would pass a limit.

    Its last instruction may pass the limit of time: a run to that time ends just behind the block.
    """
    key, details = table[slot], details_of(slot)
    instructions, time, last = table[details], table[details + 1], table[details + 2]
    settle(state)
    if instructions == STORES_INTO_LAST:
        instructions = 1
    elif instructions == REP:
        # one more iteration of the instruction the last block ended with, or a new one
        end = (key & ((1 << ADDRESS_BITS) - 1)) + (key >> ADDRESS_BITS)
        before = state[BLOCK]
        instructions = 0 if (before & ((1 << ADDRESS_BITS) - 1)) + (before >> ADDRESS_BITS) == end else 1
    if state[EXECUTED] + instructions > state[LIMIT] or state[TIME] + time - last >= state[TIME_LIMIT]:
        return False
    state[EXECUTED] += instructions
    state[TIME] += time
    state[BLOCK] = key
    open_window(state)
    return True
