"""Senders and receivers on several cores: whatever a receiver does meanwhile, no interrupt is lost or invented.

Each sender has a user vector and a sequence number of its own, which it raises before every SENDUIPI; the receiver's
handler notes the number it finds. At the end it must have seen the last one of each, and no more handlers than sends.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from pffemu import Exited
from pffemu.events.hw import FramePushed
from pffemu.state.machine_hash import machine_hash
from pffemu.state.snapshot import put_back, take
from tests.guest_tools import Run, load, plain_guest, run
from tests.uintr_guests import CLONE, DATA, DONE, HANDLER, REGISTER, SELF, SENDER, WAIT

_WOKEN = "cmp rax, -EINTR\n jne wrong"
_OPERATIONS = {
    "spin": "stui\n mov ecx, 700\n5: loop 5b\n",
    "masked": "mov ecx, 900\n5: loop 5b\n stui\n nop\n",
    "yield": "stui\n mov eax, SYS_sched_yield\n syscall\n",
    "nap": WAIT.format(usec=3, check=""),
    "again": (
        "stui\n nop\n clui\n mov eax, SYS_uintr_unregister_handler\n xor edi, edi\n syscall\n"
        + REGISTER.format(flags="FLAGS")
        + "stui\n nop\n"
    ),
    **{
        f"core{core}": (
            f"mov qword ptr [rip + mask], {1 << core}\n mov eax, SYS_sched_setaffinity\n xor edi, edi\n"
            " mov esi, 8\n lea rdx, [rip + mask]\n syscall\n stui\n nop\n"
        )
        for core in range(4)
    },
}


@dataclass(frozen=True)
class Plan:
    """What happens: (sends, delay) of each sender, and what the receiver does again and again."""

    senders: tuple[tuple[int, int], ...]
    receiver: tuple[str, ...]
    flags: int
    cores: int

    def guest(self) -> str:
        n = len(self.senders)
        start = REGISTER.format(flags=self.flags) + "".join(SELF.format(vector=i, index=i) for i in range(n))
        start += "".join(CLONE.format(top=4096 * (i + 1), entry=f"sender_{i}") for i in range(n))
        loop = "".join(
            f"{DONE.format(senders=n)}{_OPERATIONS[step].replace('FLAGS', str(self.flags))}" for step in self.receiver
        )
        # in the end it sleeps, unless under its registration no interrupt wakes it
        sleep = WAIT.format(usec=1_000_000_000, check=_WOKEN) if self.flags else _OPERATIONS["spin"]
        loop += DONE.format(senders=n) + sleep
        senders = "".join(SENDER.format(i=i, sends=sends, delay=delay) for i, (sends, delay) in enumerate(self.senders))
        return f"{start}again:\n{loop}\njmp again\n{senders}{HANDLER}"


def check(plan: Plan, *, strict: bool) -> Run:
    done = run(plain_guest(plan.guest(), DATA), cpus=plan.cores, upid_blkd=not strict)
    assert done.stop == Exited(0)
    sends = [sends for sends, _ in plan.senders]
    assert done.words("seen", len(sends)) == done.words("sequence", len(sends)) == sends
    assert len(sends) <= done.word("handled") <= sum(sends)
    assert done.word("handled") == len(done.of(FramePushed))
    return done


plans = st.integers(1, 4).flatmap(
    lambda cores: st.builds(
        Plan,
        senders=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 3000)), min_size=2, max_size=8).map(tuple),
        receiver=st.lists(
            st.sampled_from(["spin", "masked", "yield", "nap", "again", *(f"core{i}" for i in range(cores))]),
            max_size=5,
        ).map(tuple),
        flags=st.sampled_from((0, 0x1000, 0x2000)),
        cores=st.just(cores),
    )
)


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))
@example(plan=Plan(((12, 1),) * 8, (), 0x1000, 2), strict=False)
@example(plan=Plan(((12, 1),) * 8, (), 0x2000, 2), strict=True)
@example(plan=Plan(((12, 1),) * 8, ("core0", "core1", "nap"), 0x2000, 2), strict=True)
@example(
    plan=Plan(
        ((6, 696), (8, 156), (1, 799), (7, 238), (12, 45), (9, 326), (11, 12), (8, 2450)),
        ("core2", "core1", "core2", "spin", "core1"), 0x2000, 4,
    ),
    strict=False,
)  # fmt: skip
@given(plan=plans, strict=st.booleans())
def test_nothing_is_lost_and_nothing_invented(plan: Plan, strict: bool) -> None:
    check(plan, strict=strict)


def test_the_same_plan_gives_the_same_trace() -> None:
    plan = Plan(((9, 100), (7, 333), (5, 1000)), ("core1", "nap", "core2", "again"), 0x1000, 3)
    assert check(plan, strict=False).events == check(plan, strict=False).events


# -- snapshots --------------------------------------------------------------------------------------------------------


def test_a_snapshot_taken_while_interrupts_fly_goes_on_as_the_run_does() -> None:
    plan = Plan(((9, 100), (7, 333), (5, 1000)), ("core1", "nap", "core2", "again"), 0x1000, 3)
    program = plain_guest(plan.guest(), DATA)
    whole = run(program, cpus=3)
    first, second = load(program, cpus=3), load(program, cpus=3)
    for budget in (20_000, 40_000, 60_000):
        first.machine.run(budget)
        put_back(second.machine, take(first.machine))
        assert machine_hash(second.machine) == machine_hash(first.machine)
    assert second.machine.run() == whole.stop == Exited(0)
    assert machine_hash(second.machine) == machine_hash(whole.machine)
