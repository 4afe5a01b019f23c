"""The intervals of file locks, against a table of bytes."""

from __future__ import annotations

import random
from itertools import pairwise

from kernel_model.abi.locks import F_RDLCK, F_UNLCK, F_WRLCK
from kernel_model.files.file_lock import Lock, LockSet

BYTES = 24


class NoWaker:
    def wake_all(self, waker, queue, events=0):
        raise AssertionError("nothing waits")


def test_random_locks_are_as_a_table_of_bytes():
    rng = random.Random(1)
    owners = ("a", "b", "c")
    for _ in range(60):
        locks = LockSet(NoWaker())
        table = {owner: [F_UNLCK] * BYTES for owner in owners}
        for _ in range(40):
            owner, start = rng.choice(owners), rng.randrange(BYTES)
            request = Lock(owner, rng.choice((F_RDLCK, F_WRLCK, F_UNLCK)), start, rng.randrange(start, BYTES))
            span = range(request.start, request.end + 1)
            others = {kind for other in owners if other != owner for kind in (table[other][i] for i in span)}
            conflict = F_WRLCK in others or (request.kind == F_WRLCK and F_RDLCK in others)
            if request.kind != F_UNLCK:
                assert (locks.conflict(request) is not None) == conflict
            if request.kind == F_UNLCK or not conflict:
                locks.put(None, request)
                for i in span:
                    table[owner][i] = request.kind
            assert _bytes_of(locks, owner) == table[owner]
            _check_shape(locks)


def _bytes_of(locks, owner):
    found = [F_UNLCK] * BYTES
    for lock in locks.held.get(owner, []):
        found[lock.start : lock.end + 1] = [lock.kind] * (lock.end - lock.start + 1)
    return found


def _check_shape(locks):
    """Sorted, disjoint, and neighbours of one kind are one lock."""
    for held in locks.held.values():
        assert held
        for one, next_one in pairwise(held):
            assert one.end < next_one.start
            assert one.kind != next_one.kind or one.end + 1 < next_one.start
