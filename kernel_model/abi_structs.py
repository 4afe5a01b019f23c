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


class UffdioZeropage(ctypes.LittleEndianStructure):
    _fields_ = (
        ("start", ctypes.c_uint64),  # +0
        ("len", ctypes.c_uint64),  # +8
        ("mode", ctypes.c_uint64),  # +16
        ("zeropage", ctypes.c_int64),  # +24, out: bytes, or -errno
    )


class UffdMsg(ctypes.LittleEndianStructure):
    """struct uffd_msg with its pagefault arm; 32 bytes."""

    _fields_ = (
        ("event", ctypes.c_uint8),  # +0
        ("reserved1", ctypes.c_uint8),  # +1
        ("reserved2", ctypes.c_uint16),  # +2
        ("reserved3", ctypes.c_uint32),  # +4
        ("flags", ctypes.c_uint64),  # +8
        ("address", ctypes.c_uint64),  # +16
        ("ptid", ctypes.c_uint32),  # +24
        ("padding", ctypes.c_uint32),  # +28
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
