"""Every condition of forwarding: flipped alone, the fault takes the ordinary path, and the trace says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kernel_model.abi.uapi import Signal
from pffemu import Deadlock, Exited, Killed
from pffemu.arch import rflags
from pffemu.arch.exceptions import PF
from pffemu.arch.pagefault import RSVD, P, U, W
from pffemu.arch.uffd_mmio import MODE_MISSING, MODE_WRITE_PROTECT
from pffemu.events.hw import FramePushed, Mmio, MmuDecision, WalkRefused
from pffemu.events.kernel import KernelPageFault, MinorFault, Warned
from pffemu.events.userfaultfd import MessageQueued
from pffemu.hw import forwarding
from pffemu.hw.mmu import UffdLookup
from pffemu.hw.trap import Trap
from pffemu.hw.uffd_regions import Region
from tests.guest_tools import CHECKPOINT, PAGE, REGION, Run, forwarding_guest, load, run

FORWARDED = ("forward", "all conditions hold")
TOUCH = "mov rbx, REGION + 3 * PAGE\nfault: mov rax, [rbx + 0x123]\n"
TOUCH_AFTER_CHECKPOINT = forwarding_guest(CHECKPOINT + TOUCH + "jmp leave\n")
both_lookups = pytest.mark.parametrize("lookup", UffdLookup, ids=lambda lookup: lookup.value)


@both_lookups
def test_a_fault_is_forwarded_when_every_condition_holds(lookup: UffdLookup) -> None:
    done = run(TOUCH_AFTER_CHECKPOINT, uffd_lookup=lookup)
    assert done.stop == Exited(0)
    assert done.decisions() == [FORWARDED]
    assert done.machine.counts()["uffd_messages"] == 0
    assert not done.of(KernelPageFault)


def clear_cr4(done: Run) -> None:
    done.cpu.cr4_uintr = False


def clear_uif(done: Run) -> None:
    done.cpu.uintr.uif = False


def clear_if(done: Run) -> None:
    done.cpu.registers["rflags"] &= ~rflags.IF


def clear_enabled(done: Run) -> None:
    done.cpu.apic.forwarding_enabled &= ~(1 << PF)


def clear_active(done: Run) -> None:
    done.cpu.apic.forwarding_active &= ~(1 << PF)


@both_lookups
@pytest.mark.parametrize(
    ("flip", "reason"),
    [
        (clear_cr4, "CR4.UINTR=0"),
        (clear_uif, "UIF=0"),
        (clear_if, "RFLAGS.IF=0"),
        (clear_enabled, "forwarding_enabled[14]=0"),
        (clear_active, "forwarding_active[14]=0"),
    ],
)
def test_a_condition_that_fails_alone_sends_the_fault_to_the_kernel(
    flip: Callable[[Run], None], reason: str, lookup: UffdLookup
) -> None:
    done = load(TOUCH_AFTER_CHECKPOINT, uffd_lookup=lookup).to_checkpoint()
    flip(done)
    assert isinstance(done.go(), Deadlock)
    assert done.decisions() == [("kernel", reason)]
    assert [event.address for event in done.of(MessageQueued)] == [REGION + 3 * PAGE]
    assert not done.of(FramePushed)
    assert done.cpu.registers["rip"] == done.symbol("fault")


def every_other_bit(bits: int) -> int:
    return ((1 << 256) - 1) & ~bits


@pytest.mark.parametrize("register", ["forwarding_enabled", "forwarding_active"])
def test_only_bit_14_of_the_apics_forwarding_registers_matters(register: str) -> None:
    done = load(TOUCH_AFTER_CHECKPOINT).to_checkpoint()
    setattr(done.cpu.apic, register, every_other_bit(1 << PF))
    assert isinstance(done.go(), Deadlock)
    assert done.decisions() == [("kernel", f"{register}[14]=0")]


def test_clui_in_the_guest_sends_the_next_fault_to_the_kernel_and_stui_forwards_again() -> None:
    touch_two = forwarding_guest("mov rbx, REGION\nmov rax, [rbx]\nclui\nmov rax, [rbx + PAGE]\njmp leave\n")
    done = run(touch_two)
    assert isinstance(done.stop, Deadlock)
    assert done.decisions() == [FORWARDED, ("kernel", "UIF=0")]
    back_on = forwarding_guest("mov rbx, REGION\nclui\nstui\nmov rax, [rbx + PAGE]\njmp leave\n")
    assert run(back_on).decisions() == [FORWARDED]


@both_lookups
@pytest.mark.parametrize(
    "call",
    [
        pytest.param("mov eax, SYS_clock_gettime\nmov edi, CLOCK_MONOTONIC\n", id="clock_gettime writes"),
        pytest.param("mov eax, SYS_read\nmov edi, 0\nmov edx, 8\n", id="read writes"),
        pytest.param("mov eax, SYS_write\nmov edi, 1\nmov edx, 8\n", id="write reads"),
    ],
)
def test_an_access_of_the_kernel_itself_is_never_forwarded(call: str, lookup: UffdLookup) -> None:
    body = call + f"mov esi, {REGION + 5 * PAGE}\nsyscall\njmp leave\n"
    done = run(forwarding_guest(body), stdin=b"x" * 8, uffd_lookup=lookup)
    assert isinstance(done.stop, Deadlock)
    assert "on behalf of a system call" in done.stop.message
    assert [event.address for event in done.of(MessageQueued)] == [REGION + 5 * PAGE]
    assert [event.user for event in done.of(KernelPageFault)] == [0]
    assert not done.of(FramePushed)
    assert not done.of(MmuDecision)


def test_a_supervisor_fault_is_decided_before_anything_else() -> None:
    done = load(TOUCH_AFTER_CHECKPOINT).to_checkpoint()
    flags = done.cpu.registers["rflags"]
    assert forwarding.decide(done.cpu, Trap(PF, U, REGION), flags) == forwarding.FORWARD
    assert forwarding.decide(done.cpu, Trap(PF, 0, REGION), flags) == forwarding.NOT_CPL3
    assert forwarding.decide(done.cpu, Trap(PF, W, REGION), flags) == forwarding.NOT_CPL3


MAP_OUTSIDE = """
    mov eax, SYS_mmap
    mov edi, {address}
    mov esi, 2 * PAGE
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
"""


@both_lookups
@pytest.mark.parametrize("address", [REGION - 2 * PAGE, REGION + 16 * PAGE], ids=["just below", "just above"])
def test_an_address_outside_every_region_is_an_ordinary_fault(address: int, lookup: UffdLookup) -> None:
    last_or_first = address + 2 * PAGE - 1 if address < REGION else address
    body = MAP_OUTSIDE.format(address=address) + f"mov rbx, {last_or_first}\nmov al, [rbx]\njmp leave\n"
    done = run(forwarding_guest(body), uffd_lookup=lookup)
    assert done.stop == Exited(0)
    assert done.decisions() == [("kernel", "no UFFD region of this address space")]
    assert [event.page for event in done.of(MinorFault)] == ["zero"]


@both_lookups
@pytest.mark.parametrize("offset", [0, 16 * PAGE - 1], ids=["first byte", "last byte"])
def test_the_first_and_the_last_byte_of_a_region_are_inside(offset: int, lookup: UffdLookup) -> None:
    done = run(forwarding_guest(f"mov rbx, {REGION + offset}\nmov al, [rbx]\njmp leave\n"), uffd_lookup=lookup)
    assert (done.stop, done.decisions()) == (Exited(0), [FORWARDED])


def test_a_region_of_another_address_space_is_not_ours() -> None:
    done = load(TOUCH_AFTER_CHECKPOINT).to_checkpoint()
    (ours,) = done.machine.regions.regions
    assert ours.tag == done.cpu.mmu.fill.root
    done.machine.regions.regions = [ours._replace(tag=ours.tag + PAGE)]
    assert isinstance(done.go(), Deadlock)
    assert done.decisions() == [("kernel", "no UFFD region of this address space")]


def test_a_region_with_tag_0_belongs_to_every_address_space() -> None:
    done = load(TOUCH_AFTER_CHECKPOINT).to_checkpoint()
    done.machine.regions.regions = [done.machine.regions.regions[0]._replace(tag=0)]
    assert done.go() == Exited(0)
    assert done.decisions() == [FORWARDED]


UNREGISTER = """
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + range]
    syscall
    test rax, rax
    jnz failed
"""
REMAP = """
    mov eax, SYS_munmap
    mov edi, REGION + 3 * PAGE
    mov esi, PAGE
    syscall
    test rax, rax
    jnz failed
""" + MAP_OUTSIDE.format(address=REGION + 3 * PAGE).replace("2 * PAGE\n", "PAGE\n")
MAP_OVER = MAP_OUTSIDE.format(address=REGION + 3 * PAGE).replace("2 * PAGE\n", "PAGE\n")
CLOSE = "mov eax, SYS_close\nmov rdi, [rip + uffd]\nsyscall\ntest rax, rax\njnz failed\n"


@both_lookups
@pytest.mark.parametrize(
    "removal",
    [
        pytest.param(UNREGISTER, id="UNREGISTER"),
        pytest.param(REMAP, id="munmap and mmap"),
        pytest.param(MAP_OVER, id="mmap over it"),
        pytest.param(CLOSE, id="close"),
    ],
)
def test_a_stale_region_is_not_forwarded(removal: str, lookup: UffdLookup) -> None:
    data = "range: .quad REGION + 3 * PAGE, PAGE\n"
    done = run(forwarding_guest(removal + TOUCH + "jmp leave\n", data=data), uffd_lookup=lookup)
    assert done.stop == Exited(0)
    assert done.decisions() == [("kernel", "no UFFD region of this address space")]
    assert [event.page for event in done.of(MinorFault)] == ["zero"]


@both_lookups
@pytest.mark.parametrize("removal", [UNREGISTER, REMAP], ids=["UNREGISTER", "munmap and mmap"])
def test_what_is_left_of_a_region_on_both_sides_of_a_hole_is_still_forwarded(removal: str, lookup: UffdLookup) -> None:
    touch = "mov rbx, REGION\n" + "".join(f"mov rax, [rbx + {page} * PAGE]\n" for page in (2, 3, 4))
    data = "range: .quad REGION + 3 * PAGE, PAGE\n"
    done = run(forwarding_guest(removal + touch + "jmp leave\n", data=data), uffd_lookup=lookup)
    assert done.stop == Exited(0)
    assert [decision for decision, _ in done.decisions()] == ["forward", "kernel", "forward"]


@both_lookups
def test_a_page_dropped_with_dontneed_is_forwarded_again(lookup: UffdLookup) -> None:
    drop = f"mov eax, SYS_madvise\nmov edi, {REGION}\nmov esi, 16 * PAGE\nmov edx, MADV_DONTNEED\nsyscall\n"
    done = run(forwarding_guest(TOUCH + drop + "mov rax, [rbx]\njmp leave\n"), uffd_lookup=lookup)
    assert done.stop == Exited(0)
    assert done.decisions() == [FORWARDED, FORWARDED]


def with_only_region(done: Run, mode: int) -> None:
    """Replace the MMU's table by one region of `mode` over REGION."""
    (ours,) = done.machine.regions.regions
    done.machine.regions.regions = [Region(ours.tag, ours.start, ours.end, mode)]


def test_a_write_protect_region_does_not_cover_a_missing_page() -> None:
    done = load(TOUCH_AFTER_CHECKPOINT).to_checkpoint()
    with_only_region(done, MODE_WRITE_PROTECT)
    assert isinstance(done.go(), Deadlock)
    assert done.decisions() == [("kernel", "region's mode does not cover this fault")]


READ_ONLY_REGION = """
    mov eax, SYS_mprotect
    mov edi, REGION
    mov esi, REGION_SIZE
    mov edx, PROT_READ
    syscall
"""


@both_lookups
def test_a_protection_fault_in_a_missing_mode_region_goes_to_the_kernel(lookup: UffdLookup) -> None:
    done = run(forwarding_guest(TOUCH + READ_ONLY_REGION + "mov [rbx], al\njmp leave\n"), uffd_lookup=lookup)
    assert isinstance(done.stop, Killed)
    assert done.stop.signal is Signal.SIGSEGV
    assert done.of(WalkRefused)[-1].error_code == P | W | U
    # PTE_BIT knows only missing pages, so a present one is in no region at all
    missing_only = "no UFFD region of this address space"
    expected = "region's mode does not cover this fault" if lookup is UffdLookup.RANGES else missing_only
    assert done.decisions() == [FORWARDED, ("kernel", expected)]


MAKE_WRITABLE_HANDLER = """
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rax, [rsp + 48 + 40]
    mov [rip + scratch], rax
    mov eax, SYS_mprotect
    mov edi, REGION
    mov esi, REGION_SIZE
    mov edx, PROT_READ | PROT_WRITE
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, VECTOR_BYTES
    uiret
"""
BRING_IN_OWNED = "mov rbx, REGION + 3 * PAGE\nclui\nmov byte ptr [rbx], 1\nstui\n"


@pytest.mark.parametrize("mode", [MODE_WRITE_PROTECT, MODE_WRITE_PROTECT | MODE_MISSING])
def test_a_write_to_a_present_page_is_forwarded_in_a_write_protect_region(mode: int) -> None:
    # the page comes in before the range is registered, so that it is writable memory under a read-only mapping
    early = UNREGISTER + BRING_IN_OWNED + READ_ONLY_REGION
    body = early + CHECKPOINT + "mov byte ptr [rbx + 1], 2\njmp leave\n"
    done = load(forwarding_guest(body, handler=MAKE_WRITABLE_HANDLER, data="range: .quad REGION, REGION_SIZE\n"))
    done.to_checkpoint()
    done.machine.regions.add(Region(done.cpu.mmu.fill.root, REGION, REGION + 16 * PAGE, mode))
    assert done.go() == Exited(0)
    assert done.decisions()[-1] == FORWARDED
    assert done.word("scratch") == P | W | U
    assert done.machine.memory.read(REGION + 3 * PAGE, 2) == b"\x01\x02"


def test_a_read_of_a_present_page_is_not_what_write_protect_mode_covers() -> None:
    done = load(TOUCH_AFTER_CHECKPOINT).to_checkpoint()
    with_only_region(done, MODE_WRITE_PROTECT)
    flags = done.cpu.registers["rflags"]
    assert forwarding.decide(done.cpu, Trap(PF, P | U, REGION), flags) == forwarding.NOT_COVERED
    assert forwarding.decide(done.cpu, Trap(PF, P | W | U, REGION), flags) == forwarding.FORWARD


@both_lookups
def test_a_reserved_bit_fault_is_never_forwarded(lookup: UffdLookup) -> None:
    twice = forwarding_guest(TOUCH + CHECKPOINT + "mov rax, [rbx]\njmp leave\n")
    done = load(twice, uffd_lookup=lookup).to_checkpoint()
    pages = done.machine.process.mm.pages
    pages.set(REGION + 3 * PAGE, pages.entry(REGION + 3 * PAGE) | 1 << 50)
    done.cpu.flush_tlb()
    stop = done.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    assert done.of(WalkRefused)[-1].error_code == P | U | RSVD
    assert done.decisions()[-1] == ("kernel", "reserved bit set")


REGISTER_TWO_RANGES = """
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + hole]
    syscall
    test rax, rax
    jnz failed
"""


def test_a_range_that_does_not_fit_the_table_is_forwarded_by_its_page_table_entries() -> None:
    # taking pages 4 to 5 out of a one-entry table needs a second entry: the upper half stays outside
    touch = "mov rbx, REGION\nmov rax, [rbx]\nmov rax, [rbx + 8 * PAGE]\njmp leave\n"
    guest = forwarding_guest(REGISTER_TWO_RANGES + touch, data="hole: .quad REGION + 4 * PAGE, 2 * PAGE\n")
    done = run(guest, uffd_regions=1)
    assert done.stop == Exited(0)
    assert done.decisions() == [FORWARDED, FORWARDED]
    assert not done.of(MessageQueued)
    statuses = [event.value for event in done.of(Mmio) if event.offset == 0x18 and not event.write]
    assert 2 in statuses
    (warning,) = done.of(Warned)
    assert "region table is full" in warning.what
    assert f"{REGION + 6 * PAGE:#x}-{REGION + 16 * PAGE:#x}" in warning.what


@both_lookups
def test_a_thread_that_did_not_ask_for_forwarding_takes_the_ordinary_path(lookup: UffdLookup) -> None:
    without_flag = forwarding_guest(
        "mov eax, SYS_uintr_unregister_handler\nxor edi, edi\nsyscall\n"
        "mov eax, SYS_uintr_register_handler\nlea rdi, [rip + handler]\nxor esi, esi\nsyscall\n"
        "test rax, rax\njnz failed\nstui\n" + TOUCH + "jmp leave\n"
    )
    done = run(without_flag, uffd_lookup=lookup)
    assert isinstance(done.stop, Deadlock)
    assert done.decisions() == [("kernel", "forwarding_active[14]=0")]
