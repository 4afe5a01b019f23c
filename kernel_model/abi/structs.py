"""Structures that cross the system-call boundary, as they lie in user memory (little-endian). Offsets in the margin."""

from __future__ import annotations

import ctypes


class UffdioApi(ctypes.LittleEndianStructure):
    _fields_ = (
        ("api", ctypes.c_uint64),  # +0
        ("features", ctypes.c_uint64),  # +8
        ("ioctls", ctypes.c_uint64),  # +16
    )


class UffdioRange(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
    )


class UffdioRegister(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("mode", ctypes.c_uint64),  # +16
        ("ioctls", ctypes.c_uint64),  # +24, out
    )


class UffdioCopy(ctypes.LittleEndianStructure):
    _fields_ = (
        ("dst", ctypes.c_uint64),  # +0
        ("src", ctypes.c_uint64),  # +8
        ("len", ctypes.c_uint64),  # +16
        ("mode", ctypes.c_uint64),  # +24
        ("copy", ctypes.c_int64),  # +32, out: bytes copied, or -errno
    )


class UffdioDaemon(ctypes.LittleEndianStructure):
    """pffemu's own."""

    _fields_ = (
        ("ring", ctypes.c_uint64),  # +0, a page of the daemon's memory
        ("pool", ctypes.c_int32),  # +8, a memfd
        ("flags", ctypes.c_uint32),  # +12, 0
    )


class UffdioEvict(ctypes.LittleEndianStructure):
    """pffemu's own."""

    _fields_ = (
        ("pages", ctypes.c_uint64),  # +0, the address of their addresses; out: bit 0 of each: it was stored to
        ("count", ctypes.c_uint64),  # +8
    )


class UffdioPolicy(ctypes.LittleEndianStructure):
    """pffemu's own."""

    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("policy", ctypes.c_uint32),  # +16, POLICY_NONE, ZERO, COPY, MAP
        ("eviction", ctypes.c_uint32),  # +20, POLICY_EVICT_*
        ("source", ctypes.c_uint64),  # +24, of POLICY_COPY
        ("quota", ctypes.c_uint64),  # +32, pages that may stay; 0: all
    )


class UffdioZeropage(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("mode", ctypes.c_uint64),  # +16
        ("zeropage", ctypes.c_int64),  # +24, out: bytes, or -errno
    )


class UffdioContinue(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("mode", ctypes.c_uint64),  # +16
        ("mapped", ctypes.c_int64),  # +24, out: bytes, or -errno
    )


class UffdioPoison(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("mode", ctypes.c_uint64),  # +16
        ("updated", ctypes.c_int64),  # +24, out: bytes, or -errno
    )


class UffdioWriteprotect(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("mode", ctypes.c_uint64),  # +16
    )


class UffdioMove(ctypes.LittleEndianStructure):
    _fields_ = (
        ("dst", ctypes.c_uint64),  # +0
        ("src", ctypes.c_uint64),  # +8
        ("len", ctypes.c_uint64),  # +16
        ("mode", ctypes.c_uint64),  # +24
        ("move", ctypes.c_int64),  # +32, out: bytes, or -errno
    )


class UffdioDirect(ctypes.LittleEndianStructure):
    """struct uffdio_direct of guest/include/hw.h."""

    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("kind", ctypes.c_uint32),  # +16, DIRECT_ZERO, MAP or COPY
        ("rights", ctypes.c_uint32),  # +20, DIRECT_READ | DIRECT_WRITE
        ("flags", ctypes.c_uint32),  # +24, DIRECT_WP
        ("around", ctypes.c_uint32),  # +28, fault-around: 2^k pages
        ("src", ctypes.c_uint64),  # +32, COPY: user address for `start`
        ("stride", ctypes.c_int64),  # +40, COPY: bytes from one page's source to the next one's
        ("quota", ctypes.c_uint64),  # +48, pages; 0: no limit
        ("index", ctypes.c_uint64),  # +56, out
        ("entries", ctypes.c_uint64),  # +64, out: pages of the range, or of MAP those in the page cache
    )


class UffdioDonate(ctypes.LittleEndianStructure):
    _fields_ = (
        ("core", ctypes.c_uint64),  # +0, or DONATE_EACH
        ("frames", ctypes.c_uint64),  # +8, for each ring
        ("start", ctypes.c_uint64),  # +16, 0: the kernel's frames; else present private pages from there on
        ("given", ctypes.c_uint64),  # +24, out: frames in all
    )


class UffdioDrain(ctypes.LittleEndianStructure):
    _fields_ = (
        ("buffer", ctypes.c_uint64),  # +0, of records of 8 bytes
        ("room", ctypes.c_uint64),  # +8, records
        ("drained", ctypes.c_uint64),  # +16, out: records
        ("lost", ctypes.c_uint64),  # +24, out: records dropped since the last call, because none was read
    )


class UffdioRings(ctypes.LittleEndianStructure):
    _fields_ = (
        ("frames", ctypes.c_uint64),  # +0, capacity of each core's frame ring
        ("low", ctypes.c_uint64),  # +8, low-water mark at which the kernel refills it; 0: never
        ("batch", ctypes.c_uint64),  # +16, frames of a refill
        ("helper", ctypes.c_uint64),  # +24, core on which the kernel refills; the last one if there is no such core
        ("held", ctypes.c_uint64),  # +32, out: frames in all rings now
    )


class XuiDma(ctypes.LittleEndianStructure):
    """struct xui_dma of guest/include/uintr.h."""

    _fields_ = (
        ("destination", ctypes.c_uint64),  # +0
        ("source", ctypes.c_uint64),  # +8
        ("length", ctypes.c_uint64),  # +16, bytes; neither end crosses a page
        ("delay", ctypes.c_uint64),  # +24, cycles until it is done
    )


class PmScanArg(ctypes.LittleEndianStructure):
    """struct pm_scan_arg of PAGEMAP_SCAN; 96 bytes."""

    _fields_ = (
        ("size", ctypes.c_uint64),  # +0
        ("flags", ctypes.c_uint64),  # +8
        ("start", ctypes.c_uint64),  # +16
        ("end", ctypes.c_uint64),  # +24
        ("walk_end", ctypes.c_uint64),  # +32, out
        ("vec", ctypes.c_uint64),  # +40
        ("vec_len", ctypes.c_uint64),  # +48
        ("max_pages", ctypes.c_uint64),  # +56
        ("category_inverted", ctypes.c_uint64),  # +64
        ("category_mask", ctypes.c_uint64),  # +72
        ("category_anyof_mask", ctypes.c_uint64),  # +80
        ("return_mask", ctypes.c_uint64),  # +88
    )


class PollFd(ctypes.LittleEndianStructure):
    _fields_ = (
        ("fd", ctypes.c_int32),  # +0
        ("events", ctypes.c_int16),  # +4
        ("revents", ctypes.c_int16),  # +6
    )


class Timespec(ctypes.LittleEndianStructure):
    _fields_ = (
        ("tv_sec", ctypes.c_int64),  # +0
        ("tv_nsec", ctypes.c_int64),  # +8
    )


class Timeval(ctypes.LittleEndianStructure):
    _fields_ = (
        ("tv_sec", ctypes.c_int64),  # +0
        ("tv_usec", ctypes.c_int64),  # +8
    )


class Statfs(ctypes.LittleEndianStructure):
    """struct statfs; 120 bytes."""

    _fields_ = (
        ("f_type", ctypes.c_int64),  # +0
        ("f_bsize", ctypes.c_int64),  # +8
        ("f_blocks", ctypes.c_uint64),  # +16
        ("f_bfree", ctypes.c_uint64),  # +24
        ("f_bavail", ctypes.c_uint64),  # +32
        ("f_files", ctypes.c_uint64),  # +40
        ("f_ffree", ctypes.c_uint64),  # +48
        ("f_fsid", ctypes.c_uint64),  # +56
        ("f_namelen", ctypes.c_int64),  # +64
        ("f_frsize", ctypes.c_int64),  # +72
        ("f_flags", ctypes.c_int64),  # +80
        ("f_spare", ctypes.c_int64 * 4),  # +88
    )


class StatxTime(ctypes.LittleEndianStructure):
    _fields_ = (
        ("tv_sec", ctypes.c_int64),  # +0
        ("tv_nsec", ctypes.c_uint32),  # +8
        ("reserved", ctypes.c_int32),  # +12
    )


class Statx(ctypes.LittleEndianStructure):
    """struct statx; 256 bytes."""

    _fields_ = (
        ("stx_mask", ctypes.c_uint32),  # +0
        ("stx_blksize", ctypes.c_uint32),  # +4
        ("stx_attributes", ctypes.c_uint64),  # +8
        ("stx_nlink", ctypes.c_uint32),  # +16
        ("stx_uid", ctypes.c_uint32),  # +20
        ("stx_gid", ctypes.c_uint32),  # +24
        ("stx_mode", ctypes.c_uint16),  # +28
        ("spare0", ctypes.c_uint16),  # +30
        ("stx_ino", ctypes.c_uint64),  # +32
        ("stx_size", ctypes.c_uint64),  # +40
        ("stx_blocks", ctypes.c_uint64),  # +48
        ("stx_attributes_mask", ctypes.c_uint64),  # +56
        ("stx_atime", StatxTime),  # +64
        ("stx_btime", StatxTime),  # +80
        ("stx_ctime", StatxTime),  # +96
        ("stx_mtime", StatxTime),  # +112
        ("stx_rdev_major", ctypes.c_uint32),  # +128
        ("stx_rdev_minor", ctypes.c_uint32),  # +132
        ("stx_dev_major", ctypes.c_uint32),  # +136
        ("stx_dev_minor", ctypes.c_uint32),  # +140
        ("spare", ctypes.c_uint64 * 14),  # +144
    )


class Msghdr(ctypes.LittleEndianStructure):
    """struct user_msghdr; 56 bytes."""

    _fields_ = (
        ("msg_name", ctypes.c_uint64),  # +0
        ("msg_namelen", ctypes.c_int32),  # +8
        ("padding", ctypes.c_uint32),  # +12
        ("msg_iov", ctypes.c_uint64),  # +16
        ("msg_iovlen", ctypes.c_uint64),  # +24
        ("msg_control", ctypes.c_uint64),  # +32
        ("msg_controllen", ctypes.c_uint64),  # +40
        ("msg_flags", ctypes.c_uint32),  # +48
        ("padding2", ctypes.c_uint32),  # +52
    )


class Iovec(ctypes.LittleEndianStructure):
    _fields_ = (
        ("base", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
    )


class Rlimit(ctypes.LittleEndianStructure):
    """struct rlimit64."""

    _fields_ = (
        ("rlim_cur", ctypes.c_uint64),  # +0
        ("rlim_max", ctypes.c_uint64),  # +8
    )


class Utsname(ctypes.LittleEndianStructure):
    """struct new_utsname; 390 bytes."""

    _fields_ = (
        ("sysname", ctypes.c_char * 65),  # +0
        ("nodename", ctypes.c_char * 65),  # +65
        ("release", ctypes.c_char * 65),  # +130
        ("version", ctypes.c_char * 65),  # +195
        ("machine", ctypes.c_char * 65),  # +260
        ("domainname", ctypes.c_char * 65),  # +325
    )


class Sysinfo(ctypes.LittleEndianStructure):
    """struct sysinfo; 112 bytes."""

    _fields_ = (
        ("uptime", ctypes.c_int64),  # +0, seconds
        ("loads", ctypes.c_uint64 * 3),  # +8
        ("totalram", ctypes.c_uint64),  # +32
        ("freeram", ctypes.c_uint64),  # +40
        ("sharedram", ctypes.c_uint64),  # +48
        ("bufferram", ctypes.c_uint64),  # +56
        ("totalswap", ctypes.c_uint64),  # +64
        ("freeswap", ctypes.c_uint64),  # +72
        ("procs", ctypes.c_uint16),  # +80
        ("pad", ctypes.c_uint16),  # +82
        ("padding", ctypes.c_uint32),  # +84
        ("totalhigh", ctypes.c_uint64),  # +88
        ("freehigh", ctypes.c_uint64),  # +96
        ("mem_unit", ctypes.c_uint32),  # +104
        ("padding2", ctypes.c_uint32),  # +108
    )


class Stat(ctypes.LittleEndianStructure):
    """struct stat; 144 bytes."""

    _fields_ = (
        ("st_dev", ctypes.c_uint64),  # +0
        ("st_ino", ctypes.c_uint64),  # +8
        ("st_nlink", ctypes.c_uint64),  # +16
        ("st_mode", ctypes.c_uint32),  # +24
        ("st_uid", ctypes.c_uint32),  # +28
        ("st_gid", ctypes.c_uint32),  # +32
        ("padding", ctypes.c_uint32),  # +36
        ("st_rdev", ctypes.c_uint64),  # +40
        ("st_size", ctypes.c_int64),  # +48
        ("st_blksize", ctypes.c_int64),  # +56
        ("st_blocks", ctypes.c_int64),  # +64, of 512 bytes
        ("st_atime", ctypes.c_uint64 * 2),  # +72, seconds and nanoseconds
        ("st_mtime", ctypes.c_uint64 * 2),  # +88
        ("st_ctime", ctypes.c_uint64 * 2),  # +104
        ("unused", ctypes.c_int64 * 3),  # +120
    )


class Rusage(ctypes.LittleEndianStructure):
    """struct rusage; 144 bytes."""

    _fields_ = (
        ("ru_utime", Timeval),  # +0
        ("ru_stime", Timeval),  # +16
        ("ru_maxrss", ctypes.c_int64),  # +32, KiB
        ("ru_ixrss", ctypes.c_int64),  # +40
        ("ru_idrss", ctypes.c_int64),  # +48
        ("ru_isrss", ctypes.c_int64),  # +56
        ("ru_minflt", ctypes.c_int64),  # +64
        ("ru_majflt", ctypes.c_int64),  # +72
        ("unused", ctypes.c_int64 * 6),  # +80: ru_nswap to ru_nsignals
        ("ru_nvcsw", ctypes.c_int64),  # +128
        ("ru_nivcsw", ctypes.c_int64),  # +136
    )


class Tms(ctypes.LittleEndianStructure):
    """struct tms, in clock ticks."""

    _fields_ = (
        ("tms_utime", ctypes.c_int64),  # +0
        ("tms_stime", ctypes.c_int64),  # +8
        ("tms_cutime", ctypes.c_int64),  # +16
        ("tms_cstime", ctypes.c_int64),  # +24
    )
