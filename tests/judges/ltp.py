"""LTP, from a checked-out tree (https://github.com/linux-test-project/ltp): families of system calls, built statically.

The tree is configured if it is not yet (that needs autoconf and automake). Nothing of LTP is part of this repository.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.judges.program import Program

FAMILIES: Final = {  # family -> folders of testcases/kernel/syscalls
    "memory": """brk sbrk mmap munmap mprotect mremap madvise mincore mlock mlock2 mlockall munlock munlockall msync
        memfd_create mseal membarrier process_madvise""",
    "processes": """fork vfork clone clone3 wait wait4 waitid waitpid execl execle execlp execv execve execveat execvp
        exit exit_group getpid getppid getpgid getpgrp getsid setsid setpgid setpgrp gettid getrusage getrlimit
        setrlimit prctl personality set_tid_address pidfd_getfd pidfd_open pidfd_send_signal sched_yield
        sched_getaffinity sched_setaffinity getcpu nice getpriority setpriority cma""",
    "signals": """abort alarm kill tkill tgkill pause rt_sigaction rt_sigprocmask rt_sigqueueinfo rt_sigsuspend
        rt_sigtimedwait rt_tgsigqueueinfo sigaction sigaltstack sighold signal sigpending sigprocmask sigrelse
        sigsuspend sigtimedwait sigwait sigwaitinfo""",
    "futexes": "futex get_robust_list set_robust_list",
    "pipes": "pipe pipe2 splice tee vmsplice",
    "files": """open openat openat2 close creat read write readv writev pread pwrite preadv preadv2 pwritev pwritev2
        lseek llseek dup dup2 dup3 fcntl flock ftruncate truncate fallocate fadvise fsync fdatasync sync
        sync_file_range sendfile copy_file_range readahead link linkat symlink symlinkat readlink readlinkat unlink
        unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat stat fstat lstat fstatat statx access
        faccessat faccessat2 chdir fchdir getcwd getdents readdir chmod fchmod fchmodat umask utime utimes utimensat
        futimesat statfs fstatfs close_range""",
    "epoll": """epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait poll ppoll select pselect eventfd eventfd2
        signalfd signalfd4""",
    "timers": """timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd clock_getres
        clock_gettime clock_nanosleep nanosleep setitimer getitimer gettimeofday time times""",
    "userfaultfd": "userfaultfd",
    "ipc": """shmat shmctl shmdt shmget semctl semget semop msgctl msgget msgrcv msgsnd mq_notify mq_open
        mq_timedreceive mq_timedsend mq_unlink""",
    "sockets": """socket socketpair accept accept4 bind connect listen getsockname getpeername getsockopt setsockopt
        send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg shutdown""",
    "terminals": "../pty",
}
_FLAGS: Final = ("CFLAGS=-O1 -w", "LDFLAGS=-static")
_RUNTEST: Final = ("syscalls", "syscalls-ipc", "mm", "sched", "cve", "pty")  # lists of cases and their arguments


def build(tree: Path, families: list[str]) -> None:
    """Build the families' programs. What does not compile here is left out. Raises subprocess.CalledProcessError."""
    if not (tree / "configure").exists():
        subprocess.run(["make", "-s", "autotools"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    if not (tree / "include/mk/config.mk").exists():
        subprocess.run(["./configure", "-q", *_FLAGS], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    for folder in ("lib", "libs"):
        subprocess.run(["make", "-s", "-k", "-j2", "-C", folder, *_FLAGS], cwd=tree, capture_output=True)
    for family in families:
        for folder in _folders(tree, family):
            subprocess.run(["make", "-s", "-k", "-j2", "-C", str(folder), *_FLAGS], cwd=tree, capture_output=True)


def programs(tree: Path, families: list[str]) -> Iterator[Program]:
    """The cases of LTP's lists whose programs were built; programs in no list run without arguments."""
    cases = _cases(tree)
    for family in families:
        for folder in _folders(tree, family):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.suffix == "" and path.stat().st_mode & 0o100:
                    for case, arguments in cases.get(path.name, {}).items():
                        yield Program(f"ltp/{family}/{case}", path, folder, arguments)


def _folders(tree: Path, family: str) -> list[Path]:
    base = tree / "testcases/kernel/syscalls"
    return [base / name for name in FAMILIES[family].split() if (base / name).is_dir()]


def _cases(tree: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Program -> case -> arguments."""
    cases: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in _RUNTEST:
        path = tree / "runtest" / name
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            if line and not line.startswith("#") and not set(line) & set("$|;&<>"):
                case, program, *arguments = shlex.split(line)
                known = cases.setdefault(program, {})
                if tuple(arguments) not in known.values():
                    known[case] = tuple(arguments)
    return cases
