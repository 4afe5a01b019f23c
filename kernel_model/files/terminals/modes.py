"""The modes of a terminal as values: struct termios, termios2 and termio (drivers/tty/tty_ioctl.c)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

from kernel_model.abi import terminal as abi
from kernel_model.abi.uapi import Errno, LinuxError

_TERMIOS: Final = struct.Struct("<4IB19s")
_TERMIOS2: Final = struct.Struct("<4IB19s2I")
_TERMIO: Final = struct.Struct("<4HB8sx")
TERMIOS_SIZE, TERMIOS2_SIZE, TERMIO_SIZE = _TERMIOS.size, _TERMIOS2.size, _TERMIO.size  # bytes
_HIGH: Final = 0xFFFF_0000
_CHARACTERS: Final = bytes([3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0])


@dataclass(frozen=True, slots=True)
class Modes:
    """`input`, `output`, `control`, `local`: c_iflag and so on; `characters`: c_cc; speeds in baud."""

    input: int = abi.ICRNL | abi.IXON
    output: int = abi.OPOST | abi.ONLCR
    control: int = abi.B38400 | abi.CS8 | abi.CREAD
    local: int = abi.ISIG | abi.ICANON | abi.ECHO | abi.ECHOE | abi.ECHOK | abi.ECHOCTL | abi.ECHOKE | abi.IEXTEN
    line: int = abi.N_TTY
    characters: bytes = _CHARACTERS
    input_speed: int = 38400
    output_speed: int = 38400

    @property
    def by_lines(self) -> bool:
        """Whether input is read line by line."""
        return self.local & (abi.ICANON | abi.EXTPROC) == abi.ICANON

    @property
    def is_raw(self) -> bool:
        """Whether no character is special, changed or echoed."""
        handled = abi.ISTRIP | abi.IUCLC | abi.IGNCR | abi.ICRNL | abi.INLCR | abi.IXON | abi.PARMRK
        return not self.input & handled and not self.local & (abi.ICANON | abi.ISIG | abi.ECHO)

    def termios(self) -> bytes:
        return _TERMIOS.pack(self.input, self.output, self.control, self.local, self.line, self.characters)

    def termios2(self) -> bytes:
        return self.termios() + struct.pack("<2I", self.input_speed, self.output_speed)

    def termio(self) -> bytes:
        flags = (each & 0xFFFF for each in (self.input, self.output, self.control, self.local))
        return _TERMIO.pack(*flags, self.line, self.characters[: abi.NCC])

    def with_termios(self, octets: bytes) -> Modes:
        given = Modes(*_TERMIOS.unpack(octets))
        return replace(given, input_speed=self.input_speed, output_speed=self.output_speed)._settled()

    def with_termios2(self, octets: bytes) -> Modes:
        return Modes(*_TERMIOS2.unpack(octets))._settled()

    def with_termio(self, octets: bytes) -> Modes:
        """The low halves of the flags; the others and the later characters stay."""
        *flags, line, characters = _TERMIO.unpack(octets)
        return replace(
            self, input=self.input & _HIGH | flags[0], output=self.output & _HIGH | flags[1],
            control=self.control & _HIGH | flags[2], local=self.local & _HIGH | flags[3], line=line,
            characters=characters + self.characters[abi.NCC :],
        )._settled()  # fmt: skip

    def _settled(self) -> Modes:
        """As a pseudo-terminal takes them: eight bits without parity, and the speeds that the bits mean."""
        output = _speed(self.control, self.output_speed)
        coded = self.control >> abi.IBSHIFT & abi.CBAUD
        given = _speed(coded, self.input_speed) if coded else output
        control = self.control & ~(abi.CSIZE | abi.PARENB | abi.ADDRB) | abi.CS8 | abi.CREAD
        return replace(self, control=control, input_speed=given, output_speed=output)


def _speed(control: int, given: int) -> int:
    code = control & abi.CBAUD
    return given if code == abi.BOTHER else abi.SPEEDS[code & 15 | (16 if code & abi.BOTHER else 0)]


@dataclass(frozen=True, slots=True)
class WindowSize:
    """struct winsize: characters, and pixels."""

    rows: int = 0
    columns: int = 0
    width: int = 0
    height: int = 0

    def pack(self) -> bytes:
        return struct.pack("<4H", self.rows, self.columns, self.width, self.height)

    @classmethod
    def unpack(cls, octets: bytes) -> WindowSize:
        return cls(*struct.unpack("<4H", octets))


def check_discipline(number: int) -> None:
    """TIOCSETD: there is N_TTY. Raises LinuxError EINVAL for any other."""
    if number != abi.N_TTY:
        raise LinuxError(Errno.EINVAL)
