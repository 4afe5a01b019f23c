"""Invariants of user interrupts on bare cores: nothing is lost, nothing invented, everything restored."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu.arch import upid
from pffemu.arch.paging import PAGE_SIZE
from pffemu.arch.rflags import ALWAYS_ONE, IF, RF, TF, UIRET_MASK
from pffemu.arch.uitt import UittEntry
from pffemu.arch.upid import Upid
from pffemu.hw import interrupts, uintr
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import senduipi, uiret
from tests.unit.hw.cores import MAPPED, USER_PAGE, cores, peek, poke

MASK = (1 << 64) - 1
HIGH = 0xFFFF_8000_0000_0000
NV = 0xEC
UPID, UITT = MAPPED, MAPPED + PAGE_SIZE
STACK = USER_PAGE + PAGE_SIZE // 2

canonical = st.integers(0, (1 << 47) - 1) | st.integers(HIGH, MASK)


@given(rip=canonical, rsp=st.integers(0, MASK), flags=st.integers(0, MASK), uirr=st.integers(1, MASK))
def test_delivery_and_uiret_together_restore_rip_rsp_and_the_flags_of_the_mask(
    rip: int, rsp: int, flags: int, uirr: int
) -> None:
    (cpu,) = ONE
    flags = flags & UIRET_MASK | IF | ALWAYS_ONE
    cpu.uintr.handler, cpu.uintr.stackadjust, cpu.uintr.uif, cpu.uintr.uirr = 0x40_0000, STACK | 1, True, uirr
    cpu.rip_rsp_rflags.write(rip, rsp, flags)
    assert uintr.deliver_user_interrupt(cpu) is None
    vector = uirr.bit_length() - 1
    assert cpu.rip_rsp_rflags.read() == [0x40_0000, STACK - 32, flags & ~(TF | RF)]
    assert (cpu.uintr.uif, cpu.uintr.uirr) == (False, uirr & ~(1 << vector))
    assert int.from_bytes(peek(cpu, STACK - 32, 8), "little") == vector
    cpu.registers["rsp"] += 8
    assert uiret.execute(cpu, 4) is None
    assert cpu.rip_rsp_rflags.read() == [rip, rsp, flags]
    assert cpu.uintr.uif


ONE = cores()


class World:
    """Senders 0 to n-1 on cores of their own, a receiver on the last, and what must have happened by now."""

    def __init__(self, senders: int) -> None:
        *self.senders, self.receiver = cores(senders + 1)
        poke(self.receiver, UPID, Upid(nv=NV, ndst=senders).pack())
        self.receiver.uintr.uinv, self.receiver.uintr.upidaddr = NV, UPID
        for vector in range(64):
            poke(self.receiver, UITT + 16 * vector, UittEntry(vector, UPID).pack())
        for cpu in self.senders:
            cpu.uintr.uittaddr, cpu.uintr.uitt_enabled, cpu.uintr.uittsz = UITT, True, 63
        self.waiting = set[int]()  # posted, and no handler has run since

    @property
    def upid(self) -> Upid:
        return upid.unpack(peek(self.receiver, UPID, 16))

    def write(self, changed: Upid) -> None:
        poke(self.receiver, UPID, changed.pack())

    def send(self, cpu: Cpu, vector: int) -> None:
        cpu.registers["rax"] = vector
        assert senduipi.execute(cpu, 4, 0) is None
        self.waiting.add(vector)

    def run(self, cycles: int) -> None:
        self.receiver.wait_until(self.receiver.clock + cycles)
        found = interrupts.accept(self.receiver)
        while found is not None:  # the kernel's: the thread does not run, its UINV is 0
            self.receiver.apic.eoi()
            found = interrupts.accept(self.receiver)

    def handle(self) -> None:
        """What the handler of the highest vector would see."""
        vector = uintr.pending_vector(self.receiver)
        if vector is not None:
            self.receiver.uintr.uirr &= ~(1 << vector)
            assert vector in self.waiting, "a vector that no core sent"
            self.waiting.remove(vector)

    def switch_out(self) -> None:
        """Linux: SN := 1, UINV := 0."""
        self.receiver.uintr.uinv = 0
        now = self.upid
        self.write(Upid(on=now.on, sn=True, nv=NV, ndst=now.ndst, pir=now.pir))

    def switch_in(self) -> None:
        """Linux: SN := 0, UINV, and a self-IPI when something was posted."""
        now = self.upid
        self.receiver.uintr.uinv = NV
        self.write(Upid(on=bool(now.pir), sn=False, nv=NV, ndst=now.ndst, pir=now.pir))
        if now.pir:
            self.receiver.interconnect.send_self(self.receiver, NV)

    def check(self) -> None:
        """Every vector on its way is in PIR or in UIRR, and none else is."""
        there = self.upid.pir | self.receiver.uintr.uirr
        assert {vector for vector in range(64) if there >> vector & 1} == self.waiting


steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 7), st.integers(0, 63)),
        st.tuples(st.just("run"), st.sampled_from((0, 1, 100, 1000)), st.just(0)),
        st.tuples(st.sampled_from(("handle", "out", "in", "pass")), st.integers(0, 7), st.integers(0, 2000)),
    ),
    max_size=80,
)


@settings(max_examples=60)
@given(senders=st.integers(2, 8), script=steps)
def test_no_interleaving_of_senders_loses_or_invents_a_vector(senders: int, script: list[tuple[str, int, int]]) -> None:
    world = World(senders)
    running = True
    for what, first, second in script:
        match what:
            case "send":
                world.send(world.senders[first % senders], second)
            case "run":
                world.run(first)
            case "handle" if running:
                world.handle()
            case "out" if running:
                world.switch_out()
                running = False
            case "in" if not running:
                world.switch_in()
                running = True
            case "pass":
                sender = world.senders[first % senders]
                sender.wait_until(sender.clock + second)
        world.check()
    if not running:
        world.switch_in()
    world.run(1_000_000)
    while uintr.pending_vector(world.receiver) is not None:
        world.handle()
    assert not world.waiting, "posted, and no handler ever runs"
    assert (world.upid.on, world.upid.pir) == (False, 0)
