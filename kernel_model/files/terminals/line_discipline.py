"""The line discipline N_TTY: what typed characters do, and how a line is edited (drivers/tty/n_tty.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.abi import terminal as abi
from kernel_model.abi.uapi import Signal
from kernel_model.files.terminals.echo import Echoes, EraseTab, LineStart
from kernel_model.files.terminals.input_buffer import InputBuffer
from kernel_model.files.terminals.modes import Modes
from kernel_model.files.terminals.output import Output, is_continuation, is_control, lower

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

_NEWLINE, _RETURN, _TABULATOR = b"\n\r\t"
_MARK: Final = 0xFF  # of PARMRK, which doubles it


class Line(Protocol):
    """The terminal as its line discipline knows it."""

    modes: Modes

    def start(self, cpu: Cpu) -> None:
        """Output goes on."""

    def stop(self, cpu: Cpu) -> None: ...

    def interrupt(self, cpu: Cpu, signo: Signal, *, flush: bool) -> None:
        """Send a key's signal to the foreground group. `flush`: drop what was typed and what is not written yet."""


class LineDiscipline:
    """What lies between the master and the slave's readers. `is_erasing`: between the \\ and / of ECHOPRT."""

    def __init__(self) -> None:
        self.input = InputBuffer()
        self.echoes = Echoes()
        self.output = Output()
        self.is_erasing = self.is_literal = False

    def flush(self) -> None:
        """Drop what was typed."""
        self.input.flush()
        self.is_erasing = self.is_literal = False

    def receive(self, cpu: Cpu, line: Line, text: bytes) -> int:
        """Take `text` from the master, as much as there is room for; returns how much."""
        done = 0
        while done < len(text):
            modes = line.modes
            room = self.input.room(modes)
            if not room:
                break
            if modes.is_raw and not self.is_literal:
                self.input.data += text[done : done + room]
                done = min(len(text), done + room)
            else:
                self.input.make_room()
                self._take(cpu, line, text[done])
                done += 1
        return done

    # -- one character ------------------------------------------------------------------------------------------

    def _take(self, cpu: Cpu, line: Line, character: int) -> None:
        modes = line.modes
        if modes.input & abi.ISTRIP:
            character &= 0x7F
        if modes.input & abi.IUCLC and modes.local & abi.IEXTEN:
            character = lower(character)
        if self.is_literal:
            self.is_literal = False
            self._plain(cpu, line, character)
        elif modes.local & abi.EXTPROC:
            self._put(character)
        elif not self._flow(cpu, line, character) and not self._signal(cpu, line, character):
            self._translated(cpu, line, character)

    def _is(self, modes: Modes, character: int, index: int) -> bool:
        return character == modes.characters[index] != abi.DISABLED

    def _flow(self, cpu: Cpu, line: Line, character: int) -> bool:
        """^S and ^Q."""
        modes = line.modes
        if not modes.input & abi.IXON:
            return False
        if self._is(modes, character, abi.VSTART):
            line.start(cpu)
            return True
        if self._is(modes, character, abi.VSTOP):
            line.stop(cpu)
            return True
        return False

    def _signal(self, cpu: Cpu, line: Line, character: int) -> bool:
        """^C, ^\\ and ^Z."""
        modes = line.modes
        if not modes.local & abi.ISIG:
            return False
        keys = ((abi.VINTR, Signal.SIGINT), (abi.VQUIT, Signal.SIGQUIT), (abi.VSUSP, Signal.SIGTSTP))
        signo = next((each for index, each in keys if self._is(modes, character, index)), None)
        if signo is None:
            return False
        flush = not modes.local & abi.NOFLSH
        if flush:
            self.echoes.queue.clear()
            self.flush()
        line.interrupt(cpu, signo, flush=flush)
        if modes.input & abi.IXON:
            line.start(cpu)
        if modes.local & abi.ECHO:
            self.echoes.character(character, modes)
        return True

    def _translated(self, cpu: Cpu, line: Line, character: int) -> None:
        flags = line.modes.input
        if character == _RETURN:
            if flags & abi.IGNCR:
                return
            if flags & abi.ICRNL:
                character = _NEWLINE
        elif character == _NEWLINE and flags & abi.INLCR:
            character = _RETURN
        if not line.modes.local & abi.ICANON or not self._canonical(line.modes, character):
            self._plain(cpu, line, character)

    def _plain(self, cpu: Cpu, line: Line, character: int) -> None:
        modes = line.modes
        if modes.input & abi.IXON and modes.input & abi.IXANY:
            line.start(cpu)
        if modes.local & abi.ECHO:
            self._finish_erasing()
            if self.input.whole == len(self.input.data):
                self.echoes.add(LineStart())
            self.echoes.character(character, modes)
        self._put_marked(modes, character)

    def _put(self, character: int) -> None:
        self.input.data.append(character)

    def _put_marked(self, modes: Modes, character: int) -> None:
        if character == _MARK and modes.input & abi.PARMRK:
            self._put(character)
        self._put(character)

    # -- lines --------------------------------------------------------------------------------------------------

    def _canonical(self, modes: Modes, character: int) -> bool:
        """What a character does in canonical mode; false of one that is only put into the line."""
        extended = bool(modes.local & abi.IEXTEN)
        if (
            self._is(modes, character, abi.VERASE)
            or self._is(modes, character, abi.VKILL)
            or (extended and self._is(modes, character, abi.VWERASE))
        ):
            self._erase(modes, character)
        elif extended and self._is(modes, character, abi.VLNEXT):
            self.is_literal = True
            if modes.local & abi.ECHO:
                self._finish_erasing()
                if modes.local & abi.ECHOCTL:
                    self.echoes.raw(b"^\b")
        elif extended and modes.local & abi.ECHO and self._is(modes, character, abi.VREPRINT):
            self._finish_erasing()
            self.echoes.character(character, modes)
            self.echoes.raw(b"\n")
            for each in self.input.data[self.input.whole :]:
                self.echoes.character(each, modes)
        elif character == _NEWLINE:
            if modes.local & (abi.ECHO | abi.ECHONL):
                self.echoes.raw(b"\n")
            self._end_line(character)
        elif self._is(modes, character, abi.VEOF):
            self._end_line(abi.DISABLED)
        elif self._is(modes, character, abi.VEOL) or (extended and self._is(modes, character, abi.VEOL2)):
            if modes.local & abi.ECHO:
                if self.input.whole == len(self.input.data):
                    self.echoes.add(LineStart())
                self.echoes.character(character, modes)
            if character == _MARK and modes.input & abi.PARMRK:
                self._put(character)
            self._end_line(character)
        else:
            return False
        return True

    def _end_line(self, character: int) -> None:
        self._put(character)
        self.input.end_line()

    def _finish_erasing(self) -> None:
        if self.is_erasing:
            self.echoes.raw(b"/")
            self.is_erasing = False

    def _erase(self, modes: Modes, character: int) -> None:
        """Erase a character, a word, or the line."""
        data, local = self.input.data, modes.local
        if len(data) == self.input.whole:
            return
        one = self._is(modes, character, abi.VERASE)
        word = not one and bool(local & abi.IEXTEN) and self._is(modes, character, abi.VWERASE)
        if (
            not one
            and not word
            and not (local & abi.ECHO and local & abi.ECHOK and local & abi.ECHOKE and local & abi.ECHOE)
        ):
            del data[self.input.whole :]
            if local & abi.ECHO:
                self._finish_erasing()
                self.echoes.character(modes.characters[abi.VKILL], modes)
                if local & abi.ECHOK:
                    self.echoes.raw(b"\n")
            return
        in_word = False
        while len(data) > self.input.whole:
            start = len(data) - 1
            while is_continuation(data[start], modes) and start > self.input.whole:
                start -= 1
            if is_continuation(data[start], modes):
                break
            first = data[start]
            if word and not (chr(first).isalnum() or first == ord("_")) and in_word:
                break
            in_word |= word and (chr(first).isalnum() or first == ord("_"))
            erased = bytes(data[start:])
            del data[start:]
            if local & abi.ECHO:
                self._echo_erased(modes, erased, one=one)
            if one:
                break
        if len(data) == self.input.whole and local & abi.ECHO:
            self._finish_erasing()

    def _echo_erased(self, modes: Modes, erased: bytes, *, one: bool) -> None:
        character = erased[0]
        if modes.local & abi.ECHOPRT:
            if not self.is_erasing:
                self.echoes.raw(b"\\")
                self.is_erasing = True
            self.echoes.character(character, modes)
            self.echoes.raw(erased[1:])
        elif one and not modes.local & abi.ECHOE:
            self.echoes.character(modes.characters[abi.VERASE], modes)
        elif character == _TABULATOR:
            self._echo_erased_tab(modes)
        else:
            controls = bool(modes.local & abi.ECHOCTL)
            shown = 1 if not is_control(character) else 2 if controls else 0
            self.echoes.raw(b"\b \b" * shown)

    def _echo_erased_tab(self, modes: Modes) -> None:
        """Count the columns between the erased tabulator and what lies before it."""
        columns = 0
        for character in reversed(self.input.data[self.input.whole :]):
            if character == _TABULATOR:
                self.echoes.add(EraseTab(columns, behind_tab=True))
                return
            if is_control(character):
                columns += 2 if modes.local & abi.ECHOCTL else 0
            elif not is_continuation(character, modes):
                columns += 1
        self.echoes.add(EraseTab(columns, behind_tab=False))
