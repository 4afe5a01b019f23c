"""Copy-on-write address spaces: what one process stores, no other sees, and every frame comes back in the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE
from kernel_model.mm.mm import Mm
from kernel_model.mm.user_memory import UserMemory
from kernel_model.mm.vma import Vma
from kernel_model.task.task import Process, Task
from pffemu import Machine
from tests.guest_tools import PAGE, SMALL_RAM

AREA, PAGES = 0x1000_0000, 6
RW = PROT_READ | PROT_WRITE


class Processes:
    """Address spaces of one kernel, reached as the kernel reaches user memory."""

    def __init__(self) -> None:
        self.machine = Machine(cpus=1, ram=SMALL_RAM)
        self.kernel, self.cpu = self.machine.kernel, self.machine.cpus[0]
        self.free_at_first = self.kernel.frames.free_frames
        self.mms = [self.kernel.create_mm()]

    def memory(self, mm: Mm) -> UserMemory:
        self.cpu.mmu.fill.root = mm.pages.root
        self.cpu.flush_tlb()
        return UserMemory(self.cpu, Task(1, Process(1, mm, "test"), 0, self.cpu.engine.save_registers()))

    def map(self, prot: int = RW, **fields: bool) -> Vma:
        vma = Vma(AREA, AREA + PAGES * PAGE, prot, **fields)
        self.mms[0].map(vma)
        return vma

    def fork(self, parent: int = 0) -> int:
        self.mms.append(self.kernel.fork_mm(self.kernel.cpus[0], self.mms[parent]))
        return len(self.mms) - 1

    def store(self, process: int, page: int, value: int) -> None:
        self.memory(self.mms[process]).write_u32(AREA + page * PAGE, value)

    def load(self, process: int, page: int) -> int:
        return self.memory(self.mms[process]).read_u32(AREA + page * PAGE)

    def release(self, process: int) -> None:
        self.kernel.release_mm(self.cpu, self.mms[process])


steps = st.lists(
    st.one_of(
        st.tuples(st.just("fork"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("store"), st.integers(0, 3), st.integers(0, PAGES - 1)),
        st.tuples(st.just("release"), st.integers(0, 3), st.just(0)),
    ),
    max_size=30,
)


@given(steps=steps)
def test_each_process_sees_its_own_stores_alone_and_frames_come_back(steps: list[tuple[str, int, int]]) -> None:
    world = Processes()
    world.map()
    expected: dict[int, list[int]] = {0: [0] * PAGES}
    for value, (step, process, page) in enumerate(steps, 1):
        if process not in expected:
            continue
        if step == "fork":
            expected[world.fork(process)] = list(expected[process])
        elif step == "store":
            world.store(process, page, value)
            expected[process][page] = value
        else:
            world.release(process)
            del expected[process]
        for alive, values in expected.items():
            assert [world.load(alive, i) for i in range(PAGES)] == values
    for alive in expected:
        world.release(alive)
    assert world.kernel.frames.free_frames == world.free_at_first


def test_the_last_user_of_a_page_stores_without_a_copy() -> None:
    world = Processes()
    world.map()
    world.store(0, 0, 7)
    before = world.mms[0].pages.entry(AREA)
    child = world.fork()
    world.release(child)
    world.store(0, 0, 8)
    assert world.mms[0].pages.entry(AREA) == before


def test_memory_with_dontfork_is_not_there_in_the_child() -> None:
    world = Processes()
    world.map(dont_fork=True)
    world.store(0, 0, 7)
    assert list(world.mms[world.fork()].vmas) == []


def test_memory_with_wipeonfork_is_zero_in_the_child() -> None:
    world = Processes()
    world.map(wipe_on_fork=True)
    world.store(0, 0, 7)
    assert world.load(world.fork(), 0) == 0


def code_after_fork(**fields: bool) -> tuple[Processes, Mm, Mm]:
    """A parent with a page of code and its child; the child's address space is loaded."""
    world = Processes()
    parent = world.mms[0]
    parent.install(world.map(PROT_READ | PROT_EXEC, **fields), AREA, world.kernel.frames.take(), owned=True)
    world.memory(parent)
    world.kernel.flush_stale(world.cpu)
    child = world.mms[world.fork()]
    world.memory(child)
    return world, parent, child


def test_code_translated_in_the_parent_is_valid_in_the_child_until_one_of_them_has_its_own() -> None:
    world, parent, child = code_after_fork()
    vma = child.vmas.overlapping(AREA, AREA + 1)[0]
    assert child.has_same_code(parent)
    child.install(vma, AREA + PAGE, child.zero_frame, owned=False)
    assert child.has_same_code(parent)
    child.install(vma, AREA + 2 * PAGE, world.kernel.frames.take(), owned=True)
    assert not child.has_same_code(parent)
    assert not parent.has_same_code(child)
    assert not child.code_changed  # nothing is translated there
    world.kernel.flush_stale(world.cpu)
    assert not child.has_same_code(parent)
    child.install(vma, AREA + 2 * PAGE, world.kernel.frames.take(), owned=True)
    assert child.code_changed


def test_code_that_a_fork_leaves_out_makes_the_child_another() -> None:
    for fields in ({"dont_fork": True}, {"wipe_on_fork": True}):
        _, parent, child = code_after_fork(**fields)
        assert not child.has_same_code(parent)


def test_a_new_area_of_code_makes_the_child_another() -> None:
    _, parent, child = code_after_fork()
    child.map(Vma(AREA + PAGES * PAGE, AREA + (PAGES + 1) * PAGE, PROT_READ | PROT_EXEC))
    assert not child.has_same_code(parent)
    assert not child.code_changed
