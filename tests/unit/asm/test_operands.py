"""The operand grammar."""

import pytest

from pffemu.asm.expressions import Value
from pffemu.asm.operands import Immediate, Memory, Register, parse_operands
from pffemu.errors import AssemblyError


def names(name: str) -> Value:
    if name == "label":
        return Value(0, (("label", 1),))
    raise AssemblyError(f"unknown name {name}")


def one(text: str) -> object:
    (operand,) = parse_operands(text, names)
    return operand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rax]", Memory(0, None, "rax", None, 1, Value(0))),
        ("[RAX]", Memory(0, None, "rax", None, 1, Value(0))),
        ("[rax+rbx*4-8]", Memory(0, None, "rax", "rbx", 4, Value(-8))),
        ("[4*rbx + rax]", Memory(0, None, "rax", "rbx", 4, Value(0))),
        ("[rbx*8]", Memory(0, None, None, "rbx", 8, Value(0))),
        ("[rax + rsp]", Memory(0, None, "rsp", "rax", 1, Value(0))),
        ("[rsp + rax]", Memory(0, None, "rsp", "rax", 1, Value(0))),
        ("16[rax]", Memory(0, None, "rax", None, 1, Value(16))),
        ("[rax + (2+2)*2]", Memory(0, None, "rax", None, 1, Value(8))),
        ("[8 - 4 + rax]", Memory(0, None, "rax", None, 1, Value(4))),
        ("[0x1000]", Memory(0, None, None, None, 1, Value(0x1000))),
        ("fs:[0x28]", Memory(0, "fs", None, None, 1, Value(0x28))),
        ("fs:0x28", Memory(0, "fs", None, None, 1, Value(0x28))),
        ("[gs:rax]", Memory(0, "gs", "rax", None, 1, Value(0))),
        ("ds:[rax]", Memory(0, None, "rax", None, 1, Value(0))),
        ("[label]", Memory(0, None, "rip", None, 1, Value(0, (("label", 1),)))),
        ("[rel label]", Memory(0, None, "rip", None, 1, Value(0, (("label", 1),)))),
        ("label[rip]", Memory(0, None, "rip", None, 1, Value(0, (("label", 1),)))),
        ("[rip + 8]", Memory(0, None, "rip", None, 1, Value(8))),
        ("qword ptr [rax]", Memory(8, None, "rax", None, 1, Value(0))),
        ("qword [rax]", Memory(8, None, "rax", None, 1, Value(0))),
        ("oword ptr [rax]", Memory(16, None, "rax", None, 1, Value(0))),
        ("dword ptr fs:[rax]", Memory(4, "fs", "rax", None, 1, Value(0))),
        ("st", Register("st(0)", 10)),
        ("st(3)", Register("st(3)", 10)),
        ("R10D", Register("r10d", 4)),
        ("offset label", Immediate(Value(0, (("label", 1),)), offset=True)),
        ("short label", Immediate(Value(0, (("label", 1),)))),
    ],
)
def test_accepted(text: str, expected: object) -> None:
    assert one(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rbx+", "not closed"),
        ("[rbx", "not closed"),
        ("rbx]", "does not belong"),
        ("[]", "empty address"),
        ("[rax+rbx+rcx]", "too many registers"),
        ("[rax*2+rbx*4]", "too many registers"),
        ("[rax*3]", "scaled by 3"),
        ("[rax*-4]", "scaled by -4"),
        ("[rsp*2]", "rsp cannot be an index"),
        ("[al]", "'al' cannot be part"),
        ("[xmm0]", "'xmm0' cannot be part"),
        ("[rip+rax]", "'rip' cannot be part"),
        ("[rip*2]", "'rip' cannot be part"),
        ("[eax+rbx]", "mixes 32-bit and 64-bit"),
        ("[8-rax]", "cannot be subtracted"),
        ("[rax rbx]", "cannot read the address"),
        ("[rax][rbx]", "does not belong"),
        ("rax rbx", "does not belong"),
        ("rax,", "ends"),
        (",rax", "where a number"),
        ("qword ptr rax", "not a memory operand"),
        ("byte ptr 5", "size word needs"),
        ("zmm1", "cannot be used"),
        ("rip", "cannot be used"),
        ("cr5", "cannot be used"),
        ("riz", "cannot be used"),
        ("[riz]", "'riz' cannot be part"),
        ("xmm0 {k1}", "cannot read"),
        ("%rax", "where a number"),
        ('"x"', "cannot read"),
        ("fs:", "ends"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=message):
        parse_operands(text, names)


def test_size_words_may_be_labels_elsewhere() -> None:
    def anything(name: str) -> Value:
        return Value(len(name))

    assert parse_operands("byte, 1", anything) == (Immediate(Value(4)), Immediate(Value(1)))
