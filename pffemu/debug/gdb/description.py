"""The registers gdb sees, in the order of their numbers, and the target description (XML) that says so.

gdb treats features with its own names specially (calling convention, $xmm0 as a union, catch syscall through
orig_rax). `org.pffemu.uintr` holds the user-interrupt state; gdb prints no group that it does not know, so one more
register, `uintr`, holds all its words together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from pffemu.arch import rflags
from pffemu.arch.registers import GENERAL


@dataclass(frozen=True, slots=True)
class Register:
    """A register as gdb sees it. `group`: gdb's register group, if not the one its type implies."""

    name: str
    bits: int
    type: str
    feature: str
    group: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.bits // 8


_CORE: Final = "org.gnu.gdb.i386.core"
_SSE: Final = "org.gnu.gdb.i386.sse"
_LINUX: Final = "org.gnu.gdb.i386.linux"
_SEGMENTS: Final = "org.gnu.gdb.i386.segments"
UINTR: Final = "org.pffemu.uintr"

_POINTERS: Final = {"rbp": "data_ptr", "rsp": "data_ptr", "rip": "code_ptr"}
SEGMENTS: Final = ("cs", "ss", "ds", "es", "fs", "gs")
X87_CONTROL: Final = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")
UINTR_WORDS: Final = (
    "uif", "uirr", "uihandler", "uistackadjust", "uinv", "upidaddr", "uittaddr", "forwarding_enabled_pf",
    "forwarding_active_pf", "uintr_vector_pf",
)  # fmt: skip
_UINTR_TYPES: Final = {"uihandler": "code_ptr", "upidaddr": "data_ptr", "uittaddr": "data_ptr"}

REGISTERS: Final[tuple[Register, ...]] = (
    *(Register(name, 64, _POINTERS.get(name, "int64"), _CORE) for name in (*GENERAL, "rip")),
    Register("eflags", 32, "eflags", _CORE),
    *(Register(name, 32, "int32", _CORE) for name in SEGMENTS),
    *(Register(f"st{n}", 80, "i387_ext", _CORE) for n in range(8)),
    *(Register(name, 32, "int", _CORE, "float") for name in X87_CONTROL),
    *(Register(f"xmm{n}", 128, "vec128", _SSE) for n in range(16)),
    Register("mxcsr", 32, "mxcsr_flags", _SSE, "vector"),
    Register("orig_rax", 64, "int", _LINUX),
    *(Register(name, 64, "int", _SEGMENTS) for name in ("fs_base", "gs_base")),
    *(Register(name, 64, _UINTR_TYPES.get(name, "uint64"), UINTR, "uintr") for name in UINTR_WORDS),
    Register("uintr", 64 * len(UINTR_WORDS), "uintr_state", UINTR),  # all of them: `info registers uintr`
)
NUMBER_OF: Final = {register.name: number for number, register in enumerate(REGISTERS)}


def target_xml() -> bytes:
    """The document of qXfer:features:read:target.xml."""
    root = Element("target", version="1.0")
    SubElement(root, "architecture").text = "i386:x86-64"
    SubElement(root, "osabi").text = "GNU/Linux"
    features: dict[str, Element] = {}
    for register in REGISTERS:
        if register.feature not in features:
            features[register.feature] = SubElement(root, "feature", name=register.feature)
            _types(features[register.feature], register.feature)
        entry = SubElement(
            features[register.feature], "reg", name=register.name, bitsize=str(register.bits), type=register.type
        )
        if register.group:
            entry.set("group", register.group)
    return b'<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n' + tostring(root) + b"\n"


def _types(feature: Element, name: str) -> None:
    """Define the types that a feature's registers use and that gdb does not have built in."""
    if name == _CORE:
        _flags(feature, "eflags", rflags.NAMES)
    if name == UINTR:
        state = SubElement(feature, "struct", id="uintr_state")
        for word in UINTR_WORDS:
            SubElement(state, "field", name=word, type=_UINTR_TYPES.get(word, "uint64"))
    if name == _SSE:
        for ident, element, count in (
            ("v4f", "ieee_single", 4), ("v2d", "ieee_double", 2), ("v16i8", "int8", 16), ("v8i16", "int16", 8),
            ("v4i32", "int32", 4), ("v2i64", "int64", 2),
        ):  # fmt: skip
            SubElement(feature, "vector", id=ident, type=element, count=str(count))
        union = SubElement(feature, "union", id="vec128")
        for field, kind in (
            ("v4_float", "v4f"), ("v2_double", "v2d"), ("v16_int8", "v16i8"), ("v8_int16", "v8i16"),
            ("v4_int32", "v4i32"), ("v2_int64", "v2i64"), ("uint128", "uint128"),
        ):  # fmt: skip
            SubElement(union, "field", name=field, type=kind)
        names = ("IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM", "DM", "ZM", "OM", "UM", "PM")
        _flags(feature, "mxcsr_flags", {name: 1 << bit for bit, name in enumerate(names)} | {"FZ": 1 << 15})


def _flags(feature: Element, ident: str, bits: dict[str, int]) -> None:
    flags = SubElement(feature, "flags", id=ident, size="4")
    for name, bit in bits.items():
        number = str(bit.bit_length() - 1)
        SubElement(flags, "field", name=name, start=number, end=number)
