"""Limits of what a guest can make the kernel model keep in the host's memory."""

from __future__ import annotations

from kernel_model.abi.uapi import Errno
from pffemu import Exited
from pffemu.events.kernel import Warned
from tests.guest_tools import load, plain_guest, run

LEAVE = "mov edi, eax\nneg edi\njmp leave_with_edi\n"


def test_pipes_of_a_user_hold_64_mib_together() -> None:
    body = (
        "mov eax, SYS_setrlimit\nmov edi, 7\nlea rsi, [rip + limit]\nsyscall\n"
        "more: mov eax, SYS_pipe\nlea rdi, [rip + fds]\nsyscall\ntest eax, eax\njnz full\n"
        "mov eax, SYS_fcntl\nmov edi, [rip + fds]\nmov esi, 1031\nmov edx, 0x100000\nsyscall\njmp more\n"
        "full: " + LEAVE
    )
    done = run(plain_guest(body, "limit: .quad 4096, 4096\nfds: .quad 0\n"))
    assert done.stop == Exited(Errno.EMFILE)
    files = done.machine.kernel.pipes
    assert files.slots == 0  # all closed with the process


def test_many_unknown_calls_warn_a_hundred_times() -> None:
    body = "mov ebx, 600\nagain: mov eax, ebx\nsyscall\ninc ebx\ncmp ebx, 1600\njne again\nxor eax, eax\n" + LEAVE
    done = run(plain_guest(body))
    assert done.stop == Exited(0)
    warnings = [event.what for event in done.of(Warned)]
    assert len(warnings) == 101
    assert "no more" in warnings[-1]


def test_a_long_chain_of_sockets_in_sockets_is_closed_link_by_link() -> None:
    body = (
        "mov ebx, 900\nagain: mov eax, SYS_socketpair\nmov edi, 1\nmov esi, 1\nxor edx, edx\nlea r10, [rip + fds]\n"
        "syscall\ntest eax, eax\njnz over\n"
        "mov eax, SYS_sendmsg\nmov edi, [rip + fds + 4]\nlea rsi, [rip + message]\nxor edx, edx\n"
        "lea rcx, [rip + part]\nmov [rsi + 16], rcx\nlea rcx, [rip + control]\nmov [rsi + 32], rcx\n"
        "lea rcx, [rip + byte]\nmov [rip + part], rcx\nsyscall\ntest rax, rax\njs over\n"
        "mov eax, SYS_close\nmov edi, [rip + sent]\nsyscall\nmov eax, SYS_close\nmov edi, [rip + fds + 4]\nsyscall\n"
        "mov eax, [rip + fds]\nmov [rip + sent], eax\ndec ebx\njnz again\nxor eax, eax\nover: " + LEAVE
    )
    data = (
        "fds: .quad 0\nbyte: .quad 0\npart: .quad 0, 1\nmessage: .quad 0, 0, 0, 1, 0, 24, 0\n"
        "control: .quad 20\n.long 1, 1\nsent: .quad 0\n"
    )
    done = run(plain_guest(body, data))
    assert done.stop == Exited(0)
    assert done.machine.kernel.network.in_flight.count == 0


def test_descriptors_in_messages_that_nobody_reads_are_limited() -> None:
    body = (
        "mov eax, SYS_socketpair\nmov edi, 1\nmov esi, 1\nxor edx, edx\nlea r10, [rip + fds]\nsyscall\n"
        "again: mov eax, SYS_sendmsg\nmov edi, [rip + fds + 4]\nlea rsi, [rip + message]\nxor edx, edx\n"
        "lea rcx, [rip + part]\nmov [rsi + 16], rcx\nlea rcx, [rip + control]\nmov [rsi + 32], rcx\n"
        "lea rcx, [rip + byte]\nmov [rip + part], rcx\nsyscall\ntest rax, rax\njns again\n" + LEAVE
    )
    data = (
        "fds: .quad 0\nbyte: .quad 0\npart: .quad 0, 1\nmessage: .quad 0, 0, 0, 1, 0, 40, 0\n"
        "control: .quad 36\n.long 1, 1\n.long 0, 0, 0, 0, 0, 0\n"
    )
    done = run(plain_guest(body, data))
    assert done.stop == Exited(Errno.ETOOMANYREFS)
    assert done.machine.kernel.network.in_flight.count == 0


def test_sockets_that_only_their_own_messages_hold_are_closed() -> None:
    body = (
        "mov ebx, 1500\nagain: mov eax, SYS_socketpair\nmov edi, 1\nmov esi, 1\nxor edx, edx\nlea r10, [rip + fds]\n"
        "syscall\ntest eax, eax\njnz over\n"
        "mov eax, [rip + fds]\nmov [rip + sent], eax\n"
        "mov eax, SYS_sendmsg\nmov edi, [rip + fds + 4]\nlea rsi, [rip + message]\nxor edx, edx\n"
        "lea rcx, [rip + part]\nmov [rsi + 16], rcx\nlea rcx, [rip + control]\nmov [rsi + 32], rcx\n"
        "lea rcx, [rip + byte]\nmov [rip + part], rcx\nsyscall\n"
        "test rax, rax\njs over\n"
        "mov eax, SYS_close\nmov edi, [rip + fds]\nsyscall\nmov eax, SYS_close\nmov edi, [rip + fds + 4]\nsyscall\n"
        "dec ebx\njnz again\nxor eax, eax\nover: " + LEAVE
    )
    data = (
        "fds: .quad 0\nbyte: .quad 0\npart: .quad 0, 1\nmessage: .quad 0, 0, 0, 1, 0, 24, 0\n"
        "control: .quad 20\n.long 1, 1\nsent: .quad 0\n"
    )
    done = run(plain_guest(body, data))
    assert done.stop == Exited(0)
    network = done.machine.kernel.network
    assert (network.in_flight.count, network.memory.used, network.memory.sockets) == (0, 0, 0)


def test_descriptors_of_all_processes_are_limited() -> None:
    done = load(
        plain_guest(
            "more: mov eax, SYS_eventfd2\nxor edi, edi\nxor esi, esi\nsyscall\ntest eax, eax\njns more\n" + LEAVE
        )
    )
    account = done.machine.kernel.descriptors
    assert account.most == 1 << 16
    account.most = 100
    assert done.go() == Exited(Errno.ENFILE)
    assert account.used == 0


def test_fork_does_not_copy_more_descriptors_than_fit() -> None:
    done = load(plain_guest("mov eax, SYS_fork\nsyscall\n" + LEAVE))
    done.machine.kernel.descriptors.most = 5
    assert done.go() == Exited(Errno.ENOMEM)
    assert len(done.machine.kernel.processes) <= 1


def test_entries_of_epolls_are_limited() -> None:
    body = (
        "mov eax, SYS_epoll_create1\nxor edi, edi\nsyscall\nmov ebx, eax\n"
        "mov eax, SYS_eventfd2\nxor esi, esi\nsyscall\n"
        "more: mov edi, 4\nmov eax, SYS_dup\nsyscall\ntest eax, eax\njs over\nmov edx, eax\nmov edi, ebx\nmov esi, 1\n"
        "lea r10, [rip + event]\nmov eax, SYS_epoll_ctl\nsyscall\ntest eax, eax\njz more\nover: " + LEAVE
    )
    done = load(plain_guest(body, "event: .long 1, 0, 0\n"))
    done.machine.kernel.descriptors.watches_max = 20
    assert done.go() == Exited(Errno.ENOSPC)
    assert done.machine.kernel.descriptors.watches == 0


def test_inodes_of_all_file_systems_in_ram_are_limited() -> None:
    body = (
        "mov ebx, 2000\nagain: mov eax, SYS_mount\nlea rdi, [rip + none]\nlea rsi, [rip + tmp]\nlea rdx, [rip + kind]\n"
        "xor r10d, r10d\nxor r8d, r8d\nsyscall\ntest eax, eax\njs over\n"
        "mov dword ptr [rip + name + 5], 0x61616161\nmov ecx, 20\n"
        "fill: mov [rip + left], ecx\ninc dword ptr [rip + name + 5]\nmov eax, SYS_open\n"
        "lea rdi, [rip + name]\nmov esi, 0x41\nmov edx, 384\nsyscall\ntest eax, eax\njs over\nmov edi, eax\n"
        "mov eax, SYS_close\nsyscall\nmov ecx, [rip + left]\ndec ecx\njnz fill\n"
        "unmount: dec ebx\njnz again\nxor eax, eax\nover: " + LEAVE
    )
    data = 'none: .asciz "none"\ntmp: .asciz "/tmp"\nkind: .asciz "tmpfs"\nname: .asciz "/tmp/aaaa"\nleft: .long 0\n'
    unmount = "mov eax, SYS_umount2\nlea rdi, [rip + tmp]\nxor esi, esi\nsyscall\n"
    kept = load(plain_guest(body, data))
    kept.machine.kernel.tree._inodes.most = 500
    assert kept.go() == Exited(Errno.ENOSPC)
    again = load(plain_guest(body.replace("mov ebx, 2000", "mov ebx, 60").replace("unmount: ", unmount), data))
    again.machine.kernel.tree._inodes.most = 500
    assert again.go() == Exited(0)  # unmounted ones count no more


def test_mounts_are_limited() -> None:
    body = (
        "mov ebx, 2000\nagain: mov eax, SYS_mount\nlea rdi, [rip + none]\nlea rsi, [rip + tmp]\nlea rdx, [rip + kind]\n"
        "xor r10d, r10d\nxor r8d, r8d\nsyscall\ntest eax, eax\njs over\ndec ebx\njnz again\nxor eax, eax\nover: "
        + LEAVE
    )
    done = run(plain_guest(body, 'none: .asciz "none"\ntmp: .asciz "/tmp"\nkind: .asciz "tmpfs"\n'))
    assert done.stop == Exited(Errno.ENOSPC)
    assert len(done.machine.kernel.tree.mounted) == 1000


def test_semaphores_are_limited_by_ram() -> None:
    body = (
        "again: mov eax, SYS_semget\nxor edi, edi\nmov esi, 32000\nmov edx, 0x180\nsyscall\ntest eax, eax\njns again\n"
        + LEAVE
    )
    done = run(plain_guest(body), ram=32 << 20)
    assert done.stop == Exited(Errno.ENOMEM)
    assert done.machine.kernel.ipc.semaphores.semaphores * 64 <= 32 << 20
