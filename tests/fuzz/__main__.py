"""python -m tests.fuzz [CALLS] [SEED]: at least CALLS (100,000) random system calls; exit code 1 when one hurts."""

from __future__ import annotations

import sys
import traceback
from collections import Counter

from tests.fuzz.batch import resident_bytes, run_batch
from tests.fuzz.guest import program

_GROWTH = 512 << 20  # bytes
_SLOW = 20.0  # seconds


def main(arguments: list[str]) -> int:
    wanted = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    guest, calls, succeeded, failures = program(), 0, 0, 0
    ends: Counter[str] = Counter()
    run_batch(guest, seed)
    before = resident_bytes()
    while calls < wanted:
        try:
            batch = run_batch(guest, seed)
        except Exception:
            failures += 1
            calls += 1
            print(f"seed {seed}:")
            traceback.print_exc(limit=-6)
        else:
            calls += batch.calls
            succeeded += batch.succeeded
            ends[batch.ended] += 1
            if batch.seconds > _SLOW:
                failures += 1
                print(f"seed {seed}: {batch.seconds:.1f} s for {batch.calls} calls ({batch.ended})")
        seed += 1
    grown = resident_bytes() - before
    shown = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    print(f"{calls:,} calls ({succeeded:,} succeeded), {failures} failures, {grown >> 20} MiB more; batches: {shown}")
    return int(failures > 0 or grown > _GROWTH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
