"""`compat=pff-uintr`: programs written for PFF-UINTR's kernel and microcode (docs/mechanisms.md)."""

from __future__ import annotations

import pytest

from pffemu import Exited, Mode
from pffemu.errors import UsageError
from pffemu.machine.options import Compat, MachineOptions
from tests.guest_tools import PAGE, REGION, REGION_PAGES, Run, forwarding_guest, page_handler, run

# Counts the fault if the frame's address is the page's, and the ioctl says a duration within the handler's own.
HANDLER = page_handler(f"""
    cmp qword ptr [rsp + 48 + ADDRESS_AT], REGION + {PAGE}
    jne failed
    rdtsc
    mov [rip + began], eax
""").replace("""
    test rax, rax
    jnz failed
""", """
    mov rcx, rax
    rdtsc
    sub eax, [rip + began]
    cmp rcx, rax
    jge failed
    test rcx, rcx
    jle failed
    inc dword ptr [rip + handled]
""")  # fmt: skip
BODY = f"""
    mov al, [REGION + {PAGE} + 0x123]
    mov edi, [rip + handled]
    jmp leave_with_edi
"""
DATA = "began: .quad 0\nhandled: .quad 0\n"


def prototype_guest(body: str = BODY) -> Run:
    program = forwarding_guest(body, handler=HANDLER, handler_flags="0", data=DATA)
    return run(program, compat=Compat.PFF_UINTR)


def test_a_handler_without_a_flag_gets_the_page_and_the_ioctl_says_its_duration() -> None:
    assert prototype_guest().stop == Exited(1)


def test_without_the_option_the_flag_is_needed() -> None:
    program = forwarding_guest(BODY, handler=HANDLER, handler_flags="0", data=DATA)
    assert run(program).machine.counts()["forwarded"] == 0


def test_ranges_are_every_address_spaces_and_stay_after_munmap() -> None:
    unmap = """
    mov eax, SYS_munmap
    mov edi, REGION
    mov esi, REGION_SIZE
    syscall
    mov edi, eax
    jmp leave_with_edi
"""
    done = prototype_guest(unmap)
    assert done.stop == Exited(0)
    assert [(r.tag, r.start, r.end) for r in done.machine.regions.regions] == [
        (0, REGION, REGION + REGION_PAGES * PAGE)
    ]


def test_the_prototype_has_one_mode() -> None:
    with pytest.raises(UsageError, match="compat=pff-uintr with mode=uffd"):
        MachineOptions(mode=Mode.UFFD, compat=Compat.PFF_UINTR)
