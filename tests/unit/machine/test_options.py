"""Options of a machine: every value is converted to its type, or refused with one error that says what to use."""

from __future__ import annotations

from typing import Any

import pytest

from pffemu import CpuOptions, Machine, Mode
from pffemu.errors import UsageError
from pffemu.hw.cpu_options import Delivery
from pffemu.machine.options import MachineOptions


def test_names_and_sizes_are_brought_to_their_types() -> None:
    machine = Machine(mode="uffd", ram="64M", cpu=CpuOptions(delivery="tracked"))  # type: ignore[arg-type]
    assert (machine.options.mode, machine.options.ram) == (Mode.UFFD, 64 << 20)
    assert machine.options.cpu.delivery is Delivery.TRACKED


@pytest.mark.parametrize(
    ("given", "what", "remedy"),
    [
        ({"mode": "xx"}, "mode='xx' does not exist", "'kernel', 'uffd', 'pff'"),
        ({"ram": "1X"}, "'1X' is not a size", "512M"),
        ({"ram": 0}, "ram=0 is not possible", "positive"),
        ({"ram": 1.5}, "ram=1.5 is not of type int", "int"),
        ({"seed": -1}, "seed=-1 is not possible", "positive"),
        ({"cpus": "2"}, "cpus='2' is not of type int", "int"),
        ({"cpus": True}, "cpus=True is not of type int", "int"),
        ({"strict": 1}, "strict=1 is not of type bool", "bool"),
        ({"cpu": 3}, "cpu=3 is not of type CpuOptions", "CpuOptions"),
    ],
)
def test_everything_else_is_one_error(given: dict[str, Any], what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as error:
        MachineOptions(**given)
    assert what in error.value.what
    assert remedy in (error.value.remedy or "")


def test_an_unknown_option_is_one_error() -> None:
    with pytest.raises(UsageError, match="no option of a machine is called 'cpu_count'"):
        Machine(cpu_count=2)
    with pytest.raises(UsageError, match="called 'mod'") as error:
        Machine(mod=Mode.PFF)
    assert error.value.remedy == "did you mean mode?"


def test_options_print_short() -> None:
    assert "name='sapphire-rapids'" in repr(MachineOptions())
    assert len(repr(MachineOptions())) < 1500


def test_a_cores_options_are_checked_too() -> None:
    with pytest.raises(UsageError, match="frame_layout='x' does not exist"):
        CpuOptions(frame_layout="x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="counting=1 is not of type bool"):
        CpuOptions(counting=1)  # type: ignore[arg-type]
