"""The memory operands of an instruction, explicit and implicit, from capstone's decoding.

Capstone 5's operand *shapes* are right, its access flags are not: of the SSE2-era instructions about a hundred are
wrong (movups, setcc, fst, pextrb and cmpxchg as pure loads, lea and prefetch as accesses). So the access is decided
here by mnemonic, and the tests compare it with a second decoder over every opcode. Implicit accesses (stack, xlatb,
maskmov) are not listed by capstone at all.

Not covered: the stack frames that `enter` copies at nesting levels above 0, XSAVE areas' real sizes, and pushes of
privileged instructions (int, syscall).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from capstone import x86 as cs_x86

from pffemu.asm.instruction import MemoryOperand
from pffemu.asm.scan import STRING_OPCODES

# the memory operand only names an address
_NO_ACCESS = """
    lea nop invlpg cldemote bndmk prefetch prefetchw prefetchwt1 prefetchnta prefetcht0 prefetcht1 prefetcht2
"""
_READ_MODIFY_WRITE = """
    add or adc sbb and sub xor inc dec neg not rol ror rcl rcr shl sal shr sar shld shrd xchg xadd
    cmpxchg cmpxchg8b cmpxchg16b bts btr btc clrssbsy rstorssp
"""
_STORES = """
    mov movabs movaps movups movapd movupd movdqa movdqu movd movq movss movsd movhps movlps movhpd movlpd movbe movnti
    movntps movntpd movntdq movntq movntss movntsd movdqa32 movdqa64 movdqu8 movdqu16 movdqu32 movdqu64 movdiri
    pextrb pextrw pextrd pextrq extractps extractf128 extracti128 maskmovps maskmovpd pmaskmovd pmaskmovq cvtps2ph
    pop fst fstp fist fistp fisttp fbstp fnstcw fnstsw fnstenv fnsave stmxcsr sgdt sidt sldt str smsw
    fxsave fxsave64 xsave xsave64 xsavec xsavec64 xsaveopt xsaveopt64 xsaves xsaves64 wrssd wrssq wrussd wrussq
    bndstx bndmov vmptrst vmread kmovb kmovw kmovd kmovq
"""
NO_ACCESS: Final = frozenset(_NO_ACCESS.split())
# with memory as the first operand; xchg and xadd also with the register first
READ_MODIFY_WRITE: Final = frozenset(_READ_MODIFY_WRITE.split())
EXCHANGES: Final = frozenset(("xchg", "xadd"))
# with memory as the first operand (also with AVX's `v` in front)
STORES: Final = frozenset(_STORES.split())
# operands whose size capstone misreports
SIZES: Final = {
    **dict.fromkeys(("fxsave", "fxsave64", "fxrstor", "fxrstor64"), 512),
    **dict.fromkeys(("fnsave", "frstor"), 108),
    **dict.fromkeys(("fnstenv", "fldenv"), 28),
    **dict.fromkeys(("comisd", "ucomisd"), 8),
    **dict.fromkeys(("xsave", "xsavec", "xsaveopt", "xsaves", "xrstor", "xrstors"), 0),
    **dict.fromkeys(("xsave64", "xsavec64", "xsaveopt64", "xsaves64", "xrstor64", "xrstors64"), 0),
}
# with an operand-size prefix
X87_AREAS: Final = {"fnsave": 94, "frstor": 94, "fnstenv": 14, "fldenv": 14}
FAR_POINTERS: Final = frozenset(("lcall", "ljmp", "lss", "lfs", "lgs"))  # capstone says 8 bytes, always
SELECTOR: Final = 2  # bytes
GROUP_5: Final = 0xFF
FAR_BRANCHES: Final = {3: "lcall", 5: "ljmp"}  # capstone says call and jmp
REX_WINS: Final = frozenset(("bsf", "bsr", "movbe", "push", "pop"))
PREFIX_BYTES: Final = frozenset((*b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", *range(0x40, 0x50)))
SEGMENT_PREFIXES: Final = {0x64: "fs", 0x65: "gs"}
BIT_TESTS: Final = frozenset(("bt", "bts", "btr", "btc"))
STRING_STORES: Final = frozenset(("movsb", "movsw", "movsd", "movsq", "stosb", "stosw", "stosd", "stosq"))
STRING_INPUTS: Final = frozenset(("insb", "insw", "insd"))
PREFIX_WORDS: Final = frozenset(
    ("lock", "rep", "repe", "repz", "repne", "repnz", "bnd", "notrack", "xacquire", "xrelease")
)

# stack slots that each mnemonic pushes or pops; `_slot_size` has the slots' sizes
PUSHES: Final = {"push": 1, "pushf": 1, "pushfq": 1, "call": 1, "enter": 1, "lcall": 2}
POPS: Final = {"pop": 1, "popf": 1, "popfq": 1, "ret": 1, "leave": 1, "retf": 2, "retfq": 2}
RETURNS_FROM_INTERRUPT: Final = {"iret": 5, "iretd": 5, "iretq": 5}
# these keep 8-byte slots in 64-bit mode, whatever the operand-size prefix
NEAR_BRANCHES: Final = frozenset(("call", "ret"))
FAR_TRANSFERS: Final = frozenset(("retf", "retfq", "iret", "iretd", "iretq", "lcall"))


def bare_mnemonic(mnemonic: str) -> str:
    """'lock add' -> 'add', 'repne scasb' -> 'scasb', 'repz ret' -> 'ret'."""
    return next((word for word in mnemonic.split() if word not in PREFIX_WORDS), mnemonic)


def memory_operands(insn: Any) -> tuple[MemoryOperand, ...]:
    """All accesses of a capstone instruction decoded with detail: explicit ones first, in operand order."""
    name = bare_mnemonic(insn.mnemonic)
    if insn.opcode[0] == GROUP_5:
        name = FAR_BRANCHES.get(insn.modrm >> 3 & 7, name)
    explicit = tuple(
        _explicit(insn, name, position, operand)
        for position, operand in enumerate(insn.operands)
        if operand.type == cs_x86.X86_OP_MEM and name not in NO_ACCESS
    )
    if name in FAR_POINTERS and explicit:
        explicit = _far_pointer(explicit[0])
    return explicit + _implicit(insn, name)


def _far_pointer(operand: MemoryOperand) -> tuple[MemoryOperand, MemoryOperand]:
    """A far pointer's offset and the selector behind it, which are loaded one after the other."""
    offset = operand.size - SELECTOR
    behind = operand.displacement + offset
    return replace(operand, size=offset), replace(operand, size=SELECTOR, displacement=behind)


def _explicit(insn: Any, name: str, position: int, operand: Any) -> MemoryOperand:
    memory = operand.mem
    base, index = _register(insn, memory.base), _register(insn, memory.index)
    is_string = insn.opcode[0] in STRING_OPCODES
    read, write = _string_access(name, base) if is_string else _access(name, position)
    size = _operand_size(insn, name, operand.size)
    displacement = memory.disp if base or index or insn.addr_size == 8 else memory.disp & 0xFFFF_FFFF
    if name == "pop" and base in ("rsp", "esp"):
        displacement += size  # the address is computed after the pop has moved rsp
    return MemoryOperand(
        base=base,
        index=index,
        scale=memory.scale if index else 1,
        displacement=displacement,
        segment=_segment(insn) if not is_string or base in ("rsi", "esi") else None,
        size=size,
        read=read,
        write=write,
        implicit=is_string,
        bit_offset=_bit_offset(insn, name),
    )


def _register(insn: Any, number: int) -> str | None:
    """A register's name; capstone invents riz and eiz for a SIB byte without index."""
    name = insn.reg_name(number) if number else None
    return None if name in ("riz", "eiz") else name


def _access(name: str, position: int) -> tuple[bool, bool]:
    if name in EXCHANGES or (position == 0 and name in READ_MODIFY_WRITE):
        return True, True
    if position == 0 and (name in STORES or name.removeprefix("v") in STORES or name.startswith("set")):
        return False, True
    return True, False


def _string_access(name: str, base: str | None) -> tuple[bool, bool]:
    writes = base in ("rdi", "edi") and (name in STRING_STORES or name in STRING_INPUTS)
    return not writes, writes


def _bit_offset(insn: Any, name: str) -> str | None:
    if name in BIT_TESTS and insn.operands[1].type == cs_x86.X86_OP_REG:
        return str(insn.reg_name(insn.operands[1].reg))
    return None


def _operand_size(insn: Any, name: str, size: int) -> int:
    if name in REX_WINS and insn.rex & 8:
        return 8  # capstone lets a 66 or F2 prefix win over REX.W
    if name in X87_AREAS and insn.prefix[2] == 0x66 and not insn.rex & 8:
        return X87_AREAS[name]
    if name in FAR_POINTERS:
        return 10 if insn.rex & 8 else 4 if insn.prefix[2] == 0x66 else 6
    return SIZES.get(name, size)


def _segment(insn: Any) -> str | None:
    """fs or gs when overridden; in 64-bit mode a cs, ds, es or ss prefix beside it changes nothing."""
    segment = None
    for byte in insn.bytes:
        if byte not in PREFIX_BYTES:
            break
        segment = SEGMENT_PREFIXES.get(byte, segment)
    return segment


def _implicit(insn: Any, name: str) -> tuple[MemoryOperand, ...]:
    if name in PUSHES:
        size = PUSHES[name] * _slot_size(insn, name)
        return (_stack(-size, size, write=True),)
    if name in POPS or name in RETURNS_FROM_INTERRUPT:
        slots = POPS.get(name) or RETURNS_FROM_INTERRUPT[name]
        return (_stack(0, slots * _slot_size(insn, name), base="rbp" if name == "leave" else "rsp"),)
    narrow = insn.addr_size == 4
    if name == "xlatb":
        return (MemoryOperand("ebx" if narrow else "rbx", "al", 1, 0, _segment(insn), 1, True, False, True),)
    if name in ("maskmovdqu", "maskmovq", "vmaskmovdqu"):
        size = 8 if name == "maskmovq" else 16
        return (MemoryOperand("edi" if narrow else "rdi", None, 1, 0, _segment(insn), size, False, True, True),)
    return ()


def _stack(displacement: int, size: int, *, base: str = "rsp", write: bool = False) -> MemoryOperand:
    return MemoryOperand(base, None, 1, displacement, None, size, not write, write, implicit=True)


def _slot_size(insn: Any, name: str) -> int:
    if name in NEAR_BRANCHES or insn.rex & 8:
        return 8
    if insn.prefix[2] == 0x66:
        return 2
    return 4 if name in FAR_TRANSFERS else 8
