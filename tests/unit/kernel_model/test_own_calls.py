"""Calls that no host can judge: user-interrupt calls, unknown calls, files in the page cache, exhausted memory."""

from __future__ import annotations

import pytest

from kernel_model.abi.uapi import Errno, Signal
from pffemu import Deadlock, Exited, Killed, Mode
from pffemu.events.kernel import ForwardingSwitched, MinorFault, Warned
from tests.guest_tools import CHECKPOINT, PAGE, Run, forwarding_guest, load, plain_guest, run

REGISTER = "mov eax, SYS_uintr_register_handler\nlea rdi, [rip + handler]\nmov esi, {flags}\nsyscall\n{keep}"
UNREGISTER = "mov eax, SYS_uintr_unregister_handler\nmov edi, {flags}\nsyscall\n{keep}"
FORWARD = "UINTR_HANDLER_FLAG_FORWARD_PF"


def results(calls: str, count: int, **options: object) -> list[int]:
    """Run calls; each `{keep}` in them stores RAX as the next result."""
    stores = [f"mov [rip + out + {8 * i}], rax\n" for i in range(count)]
    for line in stores:
        calls = calls.replace("{keep}", line, 1)
    done = run(plain_guest(f"{calls}xor edi, edi\njmp leave_with_edi\nhandler: ud2\n", "out: .zero 64\n"), **options)
    assert done.stop == Exited(0), done.stop
    return [word - (1 << 64) if word >> 63 else word for word in done.words("out", count)]


def register(flags: str) -> str:
    return REGISTER.replace("{flags}", flags)


def unregister(flags: str = "0") -> str:
    return UNREGISTER.replace("{flags}", flags)


def test_a_handler_is_registered_once_and_unregistered_once() -> None:
    calls = register(FORWARD) + register(FORWARD) + unregister() + unregister() + register("0") + unregister()
    assert results(calls, 6) == [0, -Errno.EBUSY, 0, -Errno.EINVAL, 0, 0]


@pytest.mark.parametrize("flags", ["1", "0x11000", "0x20000", "0x4000", "0x13000"])
def test_register_takes_only_the_flags_it_knows(flags: str) -> None:
    known = int(flags, 16) & ~0x13000 == 0
    assert results(register(flags), 1) == [0 if known else -Errno.EINVAL]


def test_unregister_takes_no_flags() -> None:
    assert results(register("0") + unregister("1") + unregister(), 3) == [0, -Errno.EINVAL, 0]


def call(name: str, *arguments: object) -> str:
    loads = [f"mov {register}, {value}\n" for register, value in zip(("rdi", "rsi", "rdx"), arguments, strict=False)]
    return f"{''.join(loads)}mov eax, SYS_uintr_{name}\nsyscall\n{{keep}}"


@pytest.mark.parametrize("flags", [1, 0x8000_0000, 1 << 40])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vector_fd", [4]), ("register_sender", ["r12"]), ("unregister_sender", [0]), ("wait", [0]),
        ("register_self", [5]), ("alt_stack", [0, 0]), ("ipi_fd", []),
    ],
)  # fmt: skip
def test_no_other_call_takes_flags_and_they_have_32_bits(name: str, arguments: list[object], flags: int) -> None:
    calls = register("0") + call("vector_fd", 3, 0) + "mov r12, rax\n" + call("register_self", 6, 0)
    *before, result = results(calls + call(name, *arguments, flags), 4)
    assert before == [0, 3, 0]
    assert (result == -Errno.EINVAL) == (flags < 1 << 32)


def test_a_null_handler_is_efault() -> None:
    assert results(register("0").replace("lea rdi, [rip + handler]", "xor edi, edi"), 1) == [-Errno.EFAULT]


@pytest.mark.parametrize("mode", [Mode.UFFD, Mode.KERNEL])
def test_forwarding_cannot_be_asked_for_where_the_machine_does_not_forward(mode: Mode) -> None:
    assert results(register(FORWARD) + register("0"), 2, mode=mode) == [-Errno.EINVAL, 0]


def test_userfaultfd_does_not_exist_in_mode_kernel() -> None:
    assert results("mov eax, SYS_userfaultfd\nxor edi, edi\nsyscall\n{keep}", 1, mode=Mode.KERNEL) == [-Errno.ENOSYS]


def test_registering_sets_the_red_zone_and_leaves_uif_clear() -> None:
    guest = plain_guest(register(FORWARD).replace("{keep}", "") + CHECKPOINT + "handler: nop\nxor edi, edi\n")
    done = load(guest).to_checkpoint()
    state = done.cpu.uintr
    assert (state.handler, state.stackadjust, state.uif, state.uirr) == (done.symbol("handler"), 128, False, 0)
    assert done.cpu.apic.forwarding_active == done.cpu.apic.forwarding_enabled == 1 << 14
    assert [(event.vector, event.active) for event in done.of(ForwardingSwitched)] == [(14, 1)]


def test_unregistering_clears_the_active_bit_and_the_state() -> None:
    guest = forwarding_guest(
        "mov eax, SYS_uintr_unregister_handler\nxor edi, edi\nsyscall\n" + CHECKPOINT + "jmp leave\n"
    )
    done = load(guest).to_checkpoint()
    assert done.cpu.apic.forwarding_active == 0
    assert (done.cpu.uintr.handler, done.cpu.uintr.uif) == (0, False)


def test_an_unknown_call_is_enosys_and_warns_once_with_number_name_and_rip() -> None:
    body = (
        "mov ebp, 3\nagain: mov eax, 250\nunknown: syscall\nmov r12, rax\ndec ebp\njnz again\nmov eax, 5000\nsyscall\n"
    )
    done = run(plain_guest(body + "mov rdi, r12\nneg rdi\n"))
    assert done.stop == Exited(Errno.ENOSYS)
    first, second = (event.what for event in done.of(Warned))
    assert "250 (keyctl)" in first
    assert f"{done.symbol('unknown'):#x}" in first
    assert "5000" in second


# -- a file in the page cache -------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 24  # one page and a half


def with_file(body: str) -> Run:
    """A guest with CONTENT as descriptor 3."""
    done = load(plain_guest(body))
    done.machine.open_ram_file(3, "file", CONTENT)
    done.machine.process.files.install(3, done.machine._files[3])
    done.go()
    return done


def map_file(prot: str = "PROT_READ", flags: str = "MAP_PRIVATE", pages: int = 3, offset: int = 0) -> str:
    return (
        f"mov eax, SYS_mmap\nxor edi, edi\nmov esi, {pages * PAGE}\nmov edx, {prot}\nmov r10d, {flags}\nmov r8d, 3\n"
        f"mov r9d, {offset}\nsyscall\nmov rbx, rax\n"
    )


def test_a_mapping_shows_the_file_and_zeroes_behind_its_end() -> None:
    done = with_file(
        map_file() + "movzx edi, byte ptr [rbx + 5]\nadd dil, [rbx + PAGE + 7]\nadd dil, [rbx + PAGE + 2048]\n"
    )
    assert done.stop == Exited(12)
    assert [event.page for event in done.of(MinorFault)] == ["cache", "cache"]


def test_an_offset_starts_the_mapping_there() -> None:
    assert with_file(map_file(offset=PAGE) + "movzx edi, byte ptr [rbx + 9]\n").stop == Exited(9)


@pytest.mark.parametrize("touch", ["mov al, [rbx + 2 * PAGE]", "mov [rbx + 2 * PAGE], al"])
def test_behind_the_files_last_page_is_sigbus(touch: str) -> None:
    stop = with_file(map_file("PROT_READ | PROT_WRITE") + touch + "\n").stop
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGBUS


def test_a_private_write_changes_the_mapping_and_not_the_file() -> None:
    both = map_file("PROT_READ | PROT_WRITE") + "mov byte ptr [rbx + 5], 77\nmov r12, rbx\n" + map_file()
    done = with_file(both + "movzx edi, byte ptr [rbx + 5]\nadd dil, [r12 + 5]\n")
    assert done.stop == Exited(5 + 77)
    assert "copy" in [event.page for event in done.of(MinorFault)]


@pytest.mark.parametrize(
    ("mapping", "errno"),
    [
        (map_file("PROT_READ | PROT_WRITE", "MAP_SHARED"), Errno.EACCES),
        (map_file(offset=1), Errno.EINVAL),
        (map_file(flags="0"), Errno.EINVAL),
        (map_file().replace("mov r8d, 3", "mov r8d, 9"), Errno.EBADF),
    ],
)
def test_a_mapping_that_is_not_allowed(mapping: str, errno: Errno) -> None:
    assert with_file(mapping + "mov edi, ebx\nneg edi\n").stop == Exited(errno)


def test_a_populated_mapping_faults_no_more() -> None:
    done = with_file(map_file(flags="MAP_PRIVATE | MAP_POPULATE", pages=2) + "movzx edi, byte ptr [rbx + PAGE + 3]\n")
    assert done.stop == Exited(3)
    assert not done.of(MinorFault)


def test_a_file_mapping_cannot_be_registered() -> None:
    body = map_file() + (
        "mov eax, SYS_userfaultfd\nxor edi, edi\nsyscall\nmov r12, rax\nmov eax, SYS_ioctl\nmov rdi, r12\n"
        "mov esi, UFFDIO_API\nlea rdx, [rip + api]\nsyscall\nmov [rip + range], rbx\nmov eax, SYS_ioctl\nmov rdi, r12\n"
        "mov esi, UFFDIO_REGISTER\nlea rdx, [rip + range]\nsyscall\nmov edi, eax\nneg edi\njmp leave_with_edi\n"
    )
    done = load(plain_guest(body, "api: .quad UFFD_API, 0, 0\nrange: .quad 0, 2 * PAGE, 1, 0\n"))
    done.machine.open_ram_file(3, "file", CONTENT)
    done.machine.process.files.install(3, done.machine._files[3])
    assert done.go() == Exited(Errno.EINVAL)


def test_a_guest_that_needs_more_memory_than_there_is_is_killed_with_the_remedy() -> None:
    touch_all = """
        mov eax, SYS_mmap
        xor edi, edi
        mov esi, 64 << 20
        mov edx, PROT_READ | PROT_WRITE
        mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        mov r8, -1
        xor r9d, r9d
        syscall
    1:  mov byte ptr [rax], 1
        add rax, PAGE
        jmp 1b
    """
    stop = run(plain_guest(touch_all)).stop
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGKILL
    assert "--ram" in stop.message


def test_memory_given_back_is_used_again_and_zeroed() -> None:
    fill_and_drop = """
        mov ebp, 40
    2:  mov eax, SYS_mmap
        mov edi, 0x10000000
        mov esi, 1 << 20
        mov edx, PROT_READ | PROT_WRITE
        mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
        mov r8, -1
        xor r9d, r9d
        syscall
        mov ecx, 256
    1:  cmp byte ptr [rax], 0
        jne 3f
        mov byte ptr [rax], 1
        add rax, PAGE
        dec ecx
        jnz 1b
        mov eax, SYS_munmap
        mov edi, 0x10000000
        mov esi, 1 << 20
        syscall
        dec ebp
        jnz 2b
        xor edi, edi
        jmp leave_with_edi
    3:  mov edi, 1
    """
    assert run(plain_guest(fill_and_drop)).stop == Exited(0)


def test_a_reader_of_a_userfaultfd_without_faults_is_a_deadlock_that_says_so() -> None:
    body = "mov eax, SYS_read\nmov rdi, [rip + uffd]\nlea rsi, [rip + scratch]\nmov edx, 32\nsyscall\njmp leave\n"
    stop = run(forwarding_guest(body)).stop
    assert isinstance(stop, Deadlock)
    assert "a message on userfaultfd 3" in stop.message
    assert "_start" in stop.message
