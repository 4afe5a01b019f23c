"""Invariants at any moment of a guest whose threads send each other user interrupts, whatever else they do.

The machine is stopped repeatedly; each time every UPID, every core's user-interrupt state and the kernel's lists must
agree, and every posted interrupt must have a way to its receiver.
"""

from __future__ import annotations

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from kernel_model.task.task import Task, TaskState
from kernel_model.uintr.receiver import KERNEL_VECTOR, NOTIFICATION_VECTOR, Receiver
from pffemu import BudgetUsedUp, Exited, Machine
from pffemu.arch import upid
from pffemu.hw.cpu import Cpu
from tests.guest_tools import load
from tests.uintr_crowd import SEEN, SENT, SKIPPED, Crowd, Member

STEPS = (
    *("send", "send", "send", "spin", "masked", "yield", "nap", "wait", "move", "move"),
    *("alt stack", "timer", "again", "give up", "close", "disconnect", "adopt", "inherit"),
)
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 255)), max_size=20).map(tuple)
members = st.builds(Member, flags=st.sampled_from((None, 0, 0x1000, 0x2000, 0x3000)), steps=steps, ends=st.booleans())
crowds = st.builds(Crowd, members=st.lists(members, min_size=2, max_size=9).map(tuple), cores=st.integers(1, 4))


def on_its_way(cpu: Cpu, *vectors: int) -> bool:
    return any(arrival.vector in vectors for arrival in cpu.arrivals) or any(cpu.apic.irr >> v & 1 for v in vectors)


def check_receiver(machine: Machine, task: Task, receiver: Receiver) -> None:
    """SN, NV and NDST say where the thread is, and nothing that was posted is stuck."""
    uintr, home = machine.kernel.uintr, machine.cpus[task.cpu_index]
    control, posted = uintr.upids.control(receiver), uintr.upids.posted(receiver)
    vector, destination = control >> upid.NV_SHIFT & 0xFF, control >> upid.NDST_SHIFT
    assert receiver.task is task
    assert receiver.sleeping == (receiver in uintr.switch.sleepers)
    if machine.kernel.scheduler.is_running(task):
        assert home.uintr is task.uintr
        assert not receiver.sleeping
        if task.handler_registered:
            assert (control & upid.SN, vector, destination) == (0, NOTIFICATION_VECTOR, home.apic.ndst)
            assert (task.uintr.uinv, task.uintr.upidaddr) == (NOTIFICATION_VECTOR, receiver.linear)
            assert not posted or on_its_way(home, NOTIFICATION_VECTOR)
        return
    assert task.uintr.uinv == 0
    if not task.handler_registered:
        assert control & upid.SN
    elif task.state is TaskState.BLOCKED and receiver.sleeping:
        assert (control & upid.SN, vector) == (0, KERNEL_VECTOR)
        assert not posted or on_its_way(machine.cpus[destination], KERNEL_VECTOR, NOTIFICATION_VECTOR)
    else:
        assert control & upid.SN or vector == KERNEL_VECTOR  # woken, and not back yet


def check(machine: Machine) -> None:
    kernel = machine.kernel
    tasks = [task for process in kernel.processes.values() for task in process.tasks]
    free = kernel.uintr.upids._free
    assert len(set(free)) == len(free)
    for task in tasks:
        if task.receiver is not None:
            assert task.receiver.address not in free
            check_receiver(machine, task, task.receiver)
        if task.process.mm.target_table is not None:
            assert not {target.receiver.address for target in task.process.mm.target_table.targets.values()} & set(free)
    assert {receiver.task for receiver in kernel.uintr.switch.sleepers} <= set(tasks)
    states = [id(cpu.uintr) for cpu in machine.cpus]
    assert len(set(states)) == len(states), "two cores with one thread's state"
    for cpu in machine.cpus:
        if not kernel.scheduler.running_tid(cpu):
            assert (cpu.uintr.uinv, cpu.apic.forwarding_active) == (0, 0)


@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate, Phase.shrink))
@example(  # a thread that leaves its core for another one takes its state along
    crowd=Crowd((Member(None, ()), Member(0, (("move", 0), ("spin", 99), ("move", 1), ("spin", 99))),), cores=2),
    stride=97, strict=False,
)  # fmt: skip
@given(crowd=crowds, stride=st.sampled_from((97, 499, 4999)), strict=st.booleans())
def test_upids_cores_and_the_kernels_lists_agree_at_any_moment(crowd: Crowd, stride: int, strict: bool) -> None:
    machine = load(crowd.program(), cpus=crowd.cores, upid_blkd=not strict).machine
    stop = machine.run(stride)
    while isinstance(stop, BudgetUsedUp):
        assert machine.instructions < 20_000_000, stop
        check(machine)
        stop = machine.run(stride)
    assert stop == Exited(0)
    if crowd.loses_none() and not machine.memory.read_u64(SKIPPED):
        for i, member in enumerate(crowd.members):
            if member.flags is not None and not member.ends:
                at = 8 * i
                assert machine.memory.read_u64(SEEN + at) == machine.memory.read_u64(SENT + at), f"lost: vector {i}"
