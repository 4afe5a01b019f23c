"""System-call number -> (function, number of arguments): the system calls that exist."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.uapi import Sys
from kernel_model.call.call import SystemCall
from kernel_model.calls import accounting as accounting_calls
from kernel_model.calls import affinity as affinity_calls
from kernel_model.calls import capability as capability_calls
from kernel_model.calls import credential as credential_calls
from kernel_model.calls import epoll as epoll_calls
from kernel_model.calls import exec, fork, itimers
from kernel_model.calls import fd as fd_calls
from kernel_model.calls import file as file_calls
from kernel_model.calls import file_times as file_times_calls
from kernel_model.calls import futex as futex_calls
from kernel_model.calls import futex2 as futex2_calls
from kernel_model.calls import identity as identity_calls
from kernel_model.calls import inotify as inotify_calls
from kernel_model.calls import kcmp as kcmp_call
from kernel_model.calls import limit as limit_calls
from kernel_model.calls import lock as lock_calls
from kernel_model.calls import madvise as madvise_call
from kernel_model.calls import membarrier as membarrier_call
from kernel_model.calls import memfd as memfd_calls
from kernel_model.calls import memory as memory_calls
from kernel_model.calls import mount as mount_calls
from kernel_model.calls import mqueue as mqueue_calls
from kernel_model.calls import mremap as mremap_call
from kernel_model.calls import mseal as mseal_call
from kernel_model.calls import msg as msg_calls
from kernel_model.calls import open as open_calls
from kernel_model.calls import owner as owner_calls
from kernel_model.calls import path as path_calls
from kernel_model.calls import pidfd as pidfd_calls
from kernel_model.calls import pkey as pkey_calls
from kernel_model.calls import policy as policy_calls
from kernel_model.calls import poll as poll_calls
from kernel_model.calls import posix_timers as posix_timer_calls
from kernel_model.calls import prctl as prctl_calls
from kernel_model.calls import priority as priority_calls
from kernel_model.calls import process as process_calls
from kernel_model.calls import process_vm as process_vm_calls
from kernel_model.calls import remap as remap_call
from kernel_model.calls import residency as residency_calls
from kernel_model.calls import sem as sem_calls
from kernel_model.calls import shm as shm_calls
from kernel_model.calls import signal as signal_calls
from kernel_model.calls import socket as socket_calls
from kernel_model.calls import socket_message as socket_message_calls
from kernel_model.calls import socket_option as socket_option_calls
from kernel_model.calls import splice as splice_calls
from kernel_model.calls import stat as stat_calls
from kernel_model.calls import syslog as syslog_call
from kernel_model.calls import time as time_calls
from kernel_model.calls import timerfd as timerfd_calls
from kernel_model.calls import transfer as transfer_calls
from kernel_model.calls import uintr as uintr_calls
from kernel_model.calls import unshare as unshare_call
from kernel_model.calls import uts as uts_calls
from kernel_model.calls import wait as wait_calls
from kernel_model.calls import writeback as writeback_calls
from kernel_model.calls import xattr as xattr_calls
from kernel_model.calls import xui as xui_calls
from kernel_model.uffd import calls as uffd_calls

TABLE: Final[dict[int, tuple[SystemCall, int]]] = {
    Sys.READ: (file_calls.read, 3),
    Sys.WRITE: (file_calls.write, 3),
    Sys.CLOSE: (file_calls.close, 1),
    Sys.POLL: (poll_calls.poll, 3),
    Sys.PPOLL: (poll_calls.ppoll, 5),
    Sys.SELECT: (poll_calls.select, 5),
    Sys.PSELECT6: (poll_calls.pselect6, 6),
    Sys.EPOLL_CREATE: (epoll_calls.epoll_create, 1),
    Sys.EPOLL_CREATE1: (epoll_calls.epoll_create1, 1),
    Sys.EPOLL_CTL: (epoll_calls.epoll_ctl, 4),
    Sys.EPOLL_WAIT: (epoll_calls.epoll_wait, 4),
    Sys.EPOLL_PWAIT: (epoll_calls.epoll_pwait, 6),
    Sys.EPOLL_PWAIT2: (epoll_calls.epoll_pwait2, 6),
    Sys.DUP: (fd_calls.dup, 1),
    Sys.DUP2: (fd_calls.dup2, 2),
    Sys.DUP3: (fd_calls.dup3, 3),
    Sys.FCNTL: (fd_calls.fcntl, 3),
    Sys.FLOCK: (lock_calls.flock, 2),
    Sys.CLOSE_RANGE: (fd_calls.close_range, 3),
    Sys.PIPE: (fd_calls.pipe, 1),
    Sys.PIPE2: (fd_calls.pipe2, 2),
    Sys.EVENTFD: (fd_calls.eventfd, 1),
    Sys.EVENTFD2: (fd_calls.eventfd2, 2),
    Sys.MMAP: (memory_calls.mmap, 6),
    Sys.MPROTECT: (memory_calls.mprotect, 3),
    Sys.MUNMAP: (memory_calls.munmap, 2),
    Sys.PREAD64: (file_calls.pread64, 4),
    Sys.PWRITE64: (file_calls.pwrite64, 4),
    Sys.PREADV: (file_calls.preadv, 4),
    Sys.PWRITEV: (file_calls.pwritev, 4),
    Sys.LSEEK: (file_calls.lseek, 3),
    Sys.BRK: (memory_calls.brk, 1),
    Sys.IOCTL: (file_calls.ioctl, 3),
    Sys.WRITEV: (file_calls.writev, 3),
    Sys.READV: (file_calls.readv, 3),
    Sys.FSTAT: (stat_calls.fstat, 2),
    Sys.NEWFSTATAT: (stat_calls.newfstatat, 4),
    Sys.STAT: (stat_calls.stat, 2),
    Sys.LSTAT: (stat_calls.lstat, 2),
    Sys.STATX: (stat_calls.statx, 5),
    Sys.STATFS: (stat_calls.statfs, 2),
    Sys.FSTATFS: (stat_calls.fstatfs, 2),
    Sys.ACCESS: (stat_calls.access, 2),
    Sys.FACCESSAT: (stat_calls.faccessat, 3),
    Sys.FACCESSAT2: (stat_calls.faccessat2, 4),
    Sys.READLINK: (stat_calls.readlink, 3),
    Sys.READLINKAT: (stat_calls.readlinkat, 4),
    Sys.GETDENTS: (stat_calls.getdents, 3),
    Sys.GETDENTS64: (stat_calls.getdents64, 3),
    Sys.OPEN: (open_calls.open_, 3),
    Sys.OPENAT: (open_calls.openat, 4),
    Sys.OPENAT2: (open_calls.openat2, 4),
    Sys.CREAT: (open_calls.creat, 2),
    Sys.CHDIR: (open_calls.chdir, 1),
    Sys.FCHDIR: (open_calls.fchdir, 1),
    Sys.GETCWD: (open_calls.getcwd, 2),
    Sys.UMASK: (open_calls.umask, 1),
    Sys.MKDIR: (path_calls.mkdir, 2),
    Sys.MKDIRAT: (path_calls.mkdirat, 3),
    Sys.MKNOD: (path_calls.mknod, 3),
    Sys.MKNODAT: (path_calls.mknodat, 4),
    Sys.RMDIR: (path_calls.rmdir, 1),
    Sys.UNLINK: (path_calls.unlink, 1),
    Sys.UNLINKAT: (path_calls.unlinkat, 3),
    Sys.RENAME: (path_calls.rename, 2),
    Sys.RENAMEAT: (path_calls.renameat, 4),
    Sys.RENAMEAT2: (path_calls.renameat2, 5),
    Sys.LINK: (path_calls.link, 2),
    Sys.LINKAT: (path_calls.linkat, 5),
    Sys.SYMLINK: (path_calls.symlink, 2),
    Sys.SYMLINKAT: (path_calls.symlinkat, 3),
    Sys.CHMOD: (owner_calls.chmod, 2),
    Sys.FCHMOD: (owner_calls.fchmod, 2),
    Sys.FCHMODAT: (owner_calls.fchmodat, 3),
    Sys.FCHMODAT2: (owner_calls.fchmodat2, 4),
    Sys.CHOWN: (owner_calls.chown, 3),
    Sys.LCHOWN: (owner_calls.lchown, 3),
    Sys.FCHOWN: (owner_calls.fchown, 3),
    Sys.FCHOWNAT: (owner_calls.fchownat, 5),
    Sys.UTIME: (file_times_calls.utime, 2),
    Sys.UTIMES: (file_times_calls.utimes, 2),
    Sys.FUTIMESAT: (file_times_calls.futimesat, 3),
    Sys.UTIMENSAT: (file_times_calls.utimensat, 4),
    Sys.SETXATTR: (xattr_calls.setxattr, 5),
    Sys.LSETXATTR: (xattr_calls.lsetxattr, 5),
    Sys.FSETXATTR: (xattr_calls.fsetxattr, 5),
    Sys.GETXATTR: (xattr_calls.getxattr, 4),
    Sys.LGETXATTR: (xattr_calls.lgetxattr, 4),
    Sys.FGETXATTR: (xattr_calls.fgetxattr, 4),
    Sys.LISTXATTR: (xattr_calls.listxattr, 3),
    Sys.LLISTXATTR: (xattr_calls.llistxattr, 3),
    Sys.FLISTXATTR: (xattr_calls.flistxattr, 3),
    Sys.REMOVEXATTR: (xattr_calls.removexattr, 2),
    Sys.LREMOVEXATTR: (xattr_calls.lremovexattr, 2),
    Sys.FREMOVEXATTR: (xattr_calls.fremovexattr, 2),
    Sys.INOTIFY_INIT: (inotify_calls.inotify_init, 0),
    Sys.INOTIFY_INIT1: (inotify_calls.inotify_init1, 1),
    Sys.INOTIFY_ADD_WATCH: (inotify_calls.inotify_add_watch, 3),
    Sys.INOTIFY_RM_WATCH: (inotify_calls.inotify_rm_watch, 2),
    Sys.MOUNT: (mount_calls.mount, 5),
    Sys.UMOUNT2: (mount_calls.umount2, 2),
    Sys.TRUNCATE: (path_calls.truncate, 2),
    Sys.FTRUNCATE: (file_calls.ftruncate, 2),
    Sys.FALLOCATE: (file_calls.fallocate, 4),
    Sys.FSYNC: (writeback_calls.fsync, 1),
    Sys.FDATASYNC: (writeback_calls.fsync, 1),
    Sys.SOCKET: (socket_calls.socket, 3),
    Sys.SOCKETPAIR: (socket_calls.socketpair, 4),
    Sys.BIND: (socket_calls.bind, 3),
    Sys.LISTEN: (socket_calls.listen, 2),
    Sys.CONNECT: (socket_calls.connect, 3),
    Sys.ACCEPT: (socket_calls.accept, 3),
    Sys.ACCEPT4: (socket_calls.accept4, 4),
    Sys.SHUTDOWN: (socket_calls.shutdown, 2),
    Sys.GETSOCKNAME: (socket_calls.getsockname, 3),
    Sys.GETPEERNAME: (socket_calls.getpeername, 3),
    Sys.MSEAL: (mseal_call.mseal, 3),
    Sys.SEMGET: (sem_calls.semget, 3),
    Sys.SEMOP: (sem_calls.semop, 3),
    Sys.SEMTIMEDOP: (sem_calls.semtimedop, 4),
    Sys.SEMCTL: (sem_calls.semctl, 4),
    Sys.MSGGET: (msg_calls.msgget, 2),
    Sys.MSGSND: (msg_calls.msgsnd, 4),
    Sys.MSGRCV: (msg_calls.msgrcv, 5),
    Sys.MSGCTL: (msg_calls.msgctl, 3),
    Sys.PIDFD_OPEN: (pidfd_calls.pidfd_open, 2),
    Sys.PIDFD_SEND_SIGNAL: (pidfd_calls.pidfd_send_signal, 4),
    Sys.PIDFD_GETFD: (pidfd_calls.pidfd_getfd, 3),
    Sys.PROCESS_MRELEASE: (pidfd_calls.process_mrelease, 2),
    Sys.PROCESS_MADVISE: (pidfd_calls.process_madvise, 5),
    Sys.MQ_OPEN: (mqueue_calls.mq_open, 4),
    Sys.MQ_UNLINK: (mqueue_calls.mq_unlink, 1),
    Sys.MQ_TIMEDSEND: (mqueue_calls.mq_timedsend, 5),
    Sys.MQ_TIMEDRECEIVE: (mqueue_calls.mq_timedreceive, 5),
    Sys.MQ_NOTIFY: (mqueue_calls.mq_notify, 2),
    Sys.MQ_GETSETATTR: (mqueue_calls.mq_getsetattr, 3),
    Sys.SCHED_SETATTR: (policy_calls.sched_setattr, 3),
    Sys.SCHED_GETATTR: (policy_calls.sched_getattr, 4),
    Sys.SCHED_RR_GET_INTERVAL: (policy_calls.sched_rr_get_interval, 2),
    Sys.IOPRIO_SET: (priority_calls.ioprio_set, 3),
    Sys.IOPRIO_GET: (priority_calls.ioprio_get, 2),
    Sys.SETHOSTNAME: (uts_calls.sethostname, 2),
    Sys.SETDOMAINNAME: (uts_calls.setdomainname, 2),
    Sys.SYSLOG: (syslog_call.syslog, 3),
    Sys.KCMP: (kcmp_call.kcmp, 5),
    Sys.REMAP_FILE_PAGES: (remap_call.remap_file_pages, 5),
    Sys.PKEY_MPROTECT: (pkey_calls.pkey_mprotect, 4),
    Sys.PKEY_ALLOC: (pkey_calls.pkey_alloc, 2),
    Sys.PKEY_FREE: (pkey_calls.pkey_free, 1),
    Sys.SHMGET: (shm_calls.shmget, 3),
    Sys.SHMAT: (shm_calls.shmat, 3),
    Sys.SHMDT: (shm_calls.shmdt, 1),
    Sys.SHMCTL: (shm_calls.shmctl, 3),
    Sys.SENDTO: (socket_message_calls.sendto, 6),
    Sys.RECVFROM: (socket_message_calls.recvfrom, 6),
    Sys.SENDMSG: (socket_message_calls.sendmsg, 3),
    Sys.RECVMSG: (socket_message_calls.recvmsg, 3),
    Sys.SENDMMSG: (socket_message_calls.sendmmsg, 4),
    Sys.RECVMMSG: (socket_message_calls.recvmmsg, 5),
    Sys.GETSOCKOPT: (socket_option_calls.getsockopt, 5),
    Sys.SETSOCKOPT: (socket_option_calls.setsockopt, 5),
    Sys.MREMAP: (mremap_call.mremap, 5),
    Sys.MSYNC: (residency_calls.msync, 3),
    Sys.MINCORE: (residency_calls.mincore, 3),
    Sys.MLOCK: (residency_calls.mlock, 2),
    Sys.MLOCK2: (residency_calls.mlock2, 3),
    Sys.MUNLOCK: (residency_calls.munlock, 2),
    Sys.MLOCKALL: (residency_calls.mlockall, 1),
    Sys.MUNLOCKALL: (residency_calls.munlockall, 0),
    Sys.PROCESS_VM_READV: (process_vm_calls.process_vm_readv, 6),
    Sys.PROCESS_VM_WRITEV: (process_vm_calls.process_vm_writev, 6),
    Sys.MEMFD_CREATE: (memfd_calls.memfd_create, 2),
    Sys.SCHED_YIELD: (process_calls.sched_yield, 0),
    Sys.MADVISE: (madvise_call.madvise, 3),
    Sys.GETUID: (credential_calls.getuid, 0),
    Sys.GETGID: (credential_calls.getgid, 0),
    Sys.GETEUID: (credential_calls.geteuid, 0),
    Sys.GETEGID: (credential_calls.getegid, 0),
    Sys.UNAME: (uts_calls.uname, 1),
    Sys.SYSINFO: (identity_calls.sysinfo, 1),
    Sys.GETRANDOM: (identity_calls.getrandom, 3),
    Sys.PERSONALITY: (identity_calls.personality, 1),
    Sys.ARCH_PRCTL: (identity_calls.arch_prctl, 2),
    Sys.SET_TID_ADDRESS: (identity_calls.set_tid_address, 1),
    Sys.SET_ROBUST_LIST: (identity_calls.set_robust_list, 2),
    Sys.GET_ROBUST_LIST: (identity_calls.get_robust_list, 3),
    Sys.RSEQ: (identity_calls.rseq, 4),
    Sys.GETRLIMIT: (limit_calls.getrlimit, 2),
    Sys.SETRLIMIT: (limit_calls.setrlimit, 2),
    Sys.PRLIMIT64: (limit_calls.prlimit64, 4),
    Sys.CLONE: (fork.clone, 5),
    Sys.CLONE3: (fork.clone3, 2),
    Sys.FORK: (fork.fork, 0),
    Sys.VFORK: (fork.vfork, 0),
    fork.RET_FROM_FORK: (fork.ret_from_fork, 0),
    Sys.EXECVE: (exec.execve, 3),
    Sys.EXECVEAT: (exec.execveat, 5),
    Sys.WAIT4: (wait_calls.wait4, 4),
    Sys.WAITID: (wait_calls.waitid, 5),
    Sys.EXIT: (process_calls.exit_thread, 1),
    Sys.GETRUSAGE: (accounting_calls.getrusage, 2),
    Sys.TIMES: (accounting_calls.times, 1),
    Sys.GETRESUID: (credential_calls.getresuid, 3),
    Sys.GETRESGID: (credential_calls.getresgid, 3),
    Sys.SETUID: (credential_calls.setuid, 1),
    Sys.SETGID: (credential_calls.setgid, 1),
    Sys.SETREUID: (credential_calls.setreuid, 2),
    Sys.SETREGID: (credential_calls.setregid, 2),
    Sys.SETRESUID: (credential_calls.setresuid, 3),
    Sys.SETRESGID: (credential_calls.setresgid, 3),
    Sys.SETFSUID: (credential_calls.setfsuid, 1),
    Sys.SETFSGID: (credential_calls.setfsgid, 1),
    Sys.SETGROUPS: (credential_calls.setgroups, 2),
    Sys.CAPGET: (capability_calls.capget, 2),
    Sys.CAPSET: (capability_calls.capset, 2),
    Sys.GETGROUPS: (credential_calls.getgroups, 2),
    Sys.SCHED_GETSCHEDULER: (policy_calls.sched_getscheduler, 1),
    Sys.SCHED_SETSCHEDULER: (policy_calls.sched_setscheduler, 3),
    Sys.SCHED_GETPARAM: (policy_calls.sched_getparam, 2),
    Sys.SCHED_SETPARAM: (policy_calls.sched_setparam, 2),
    Sys.SCHED_GET_PRIORITY_MAX: (policy_calls.sched_get_priority_max, 1),
    Sys.SCHED_GET_PRIORITY_MIN: (policy_calls.sched_get_priority_min, 1),
    Sys.GETPRIORITY: (priority_calls.getpriority, 2),
    Sys.SETPRIORITY: (priority_calls.setpriority, 3),
    Sys.UNSHARE: (unshare_call.unshare, 1),
    Sys.MEMBARRIER: (membarrier_call.membarrier, 3),
    Sys.PREADV2: (file_calls.preadv2, 6),
    Sys.PWRITEV2: (file_calls.pwritev2, 6),
    Sys.FADVISE64: (writeback_calls.advise, 4),
    Sys.SYNC_FILE_RANGE: (writeback_calls.sync_file_range, 4),
    Sys.READAHEAD: (writeback_calls.readahead, 3),
    Sys.SENDFILE: (transfer_calls.sendfile, 4),
    Sys.SPLICE: (splice_calls.splice, 6),
    Sys.TEE: (splice_calls.tee, 4),
    Sys.VMSPLICE: (splice_calls.vmsplice, 4),
    Sys.COPY_FILE_RANGE: (transfer_calls.copy_file_range, 6),
    Sys.SYNC: (writeback_calls.sync, 0),
    Sys.EXIT_GROUP: (process_calls.exit_group, 1),
    Sys.GETTID: (process_calls.gettid, 0),
    Sys.GETPID: (process_calls.getpid, 0),
    Sys.GETPPID: (process_calls.getppid, 0),
    Sys.GETPGID: (process_calls.getpgid, 1),
    Sys.GETPGRP: (process_calls.getpgrp, 0),
    Sys.SETPGID: (process_calls.setpgid, 2),
    Sys.GETSID: (process_calls.getsid, 1),
    Sys.SETSID: (process_calls.setsid, 0),
    Sys.PRCTL: (prctl_calls.prctl, 5),
    Sys.FUTEX: (futex_calls.futex, 6),
    Sys.FUTEX_WAITV: (futex2_calls.futex_waitv, 5),
    Sys.CLOCK_GETTIME: (time_calls.clock_gettime, 2),
    Sys.CLOCK_GETRES: (time_calls.clock_getres, 2),
    Sys.NANOSLEEP: (time_calls.nanosleep, 2),
    Sys.CLOCK_NANOSLEEP: (time_calls.clock_nanosleep, 4),
    Sys.GETTIMEOFDAY: (time_calls.gettimeofday, 2),
    Sys.TIME: (time_calls.time, 1),
    Sys.ALARM: (itimers.alarm, 1),
    Sys.SETITIMER: (itimers.setitimer, 3),
    Sys.GETITIMER: (itimers.getitimer, 2),
    Sys.TIMER_CREATE: (posix_timer_calls.timer_create, 3),
    Sys.TIMER_SETTIME: (posix_timer_calls.timer_settime, 4),
    Sys.TIMER_GETTIME: (posix_timer_calls.timer_gettime, 2),
    Sys.TIMER_GETOVERRUN: (posix_timer_calls.timer_getoverrun, 1),
    Sys.TIMER_DELETE: (posix_timer_calls.timer_delete, 1),
    Sys.TIMERFD_CREATE: (timerfd_calls.timerfd_create, 2),
    Sys.TIMERFD_SETTIME: (timerfd_calls.timerfd_settime, 4),
    Sys.TIMERFD_GETTIME: (timerfd_calls.timerfd_gettime, 2),
    Sys.SIGNALFD: (signal_calls.signalfd, 3),
    Sys.SIGNALFD4: (signal_calls.signalfd4, 4),
    Sys.RT_SIGACTION: (signal_calls.rt_sigaction, 4),
    Sys.RT_SIGPROCMASK: (signal_calls.rt_sigprocmask, 4),
    Sys.RT_SIGRETURN: (signal_calls.rt_sigreturn, 0),
    Sys.RT_SIGPENDING: (signal_calls.rt_sigpending, 2),
    Sys.RT_SIGTIMEDWAIT: (signal_calls.rt_sigtimedwait, 4),
    Sys.RT_SIGQUEUEINFO: (signal_calls.rt_sigqueueinfo, 3),
    Sys.RT_TGSIGQUEUEINFO: (signal_calls.rt_tgsigqueueinfo, 4),
    Sys.RT_SIGSUSPEND: (signal_calls.rt_sigsuspend, 2),
    Sys.SIGALTSTACK: (signal_calls.sigaltstack, 2),
    Sys.PAUSE: (signal_calls.pause, 0),
    Sys.KILL: (signal_calls.kill, 2),
    Sys.TKILL: (signal_calls.tkill, 2),
    Sys.TGKILL: (signal_calls.tgkill, 3),
    Sys.SCHED_SETAFFINITY: (affinity_calls.sched_setaffinity, 3),
    Sys.SCHED_GETAFFINITY: (affinity_calls.sched_getaffinity, 3),
    Sys.GETCPU: (affinity_calls.getcpu, 3),
    Sys.USERFAULTFD: (uffd_calls.userfaultfd, 1),
    Sys.UINTR_REGISTER_HANDLER: (uintr_calls.register_handler, 2),
    Sys.UINTR_UNREGISTER_HANDLER: (uintr_calls.unregister_handler, 1),
    Sys.UINTR_VECTOR_FD: (uintr_calls.vector_fd, 2),
    Sys.UINTR_REGISTER_SENDER: (uintr_calls.register_sender, 2),
    Sys.UINTR_UNREGISTER_SENDER: (uintr_calls.unregister_sender, 2),
    Sys.UINTR_WAIT: (uintr_calls.wait, 2),
    Sys.UINTR_REGISTER_SELF: (uintr_calls.register_self, 2),
    Sys.UINTR_ALT_STACK: (uintr_calls.alt_stack, 3),
    Sys.UINTR_IPI_FD: (uintr_calls.ipi_fd, 1),
    Sys.XUI_KB_TIMER: (xui_calls.kb_timer, 2),
}
# calls that charge their own costs
COSTED: Final = frozenset({Sys.READ, Sys.POLL, Sys.IOCTL})
NAMES: Final[dict[int, str]] = {number: Sys(number).name.lower() for number in TABLE if number >= 0}
