"""pffemu completion: prints a script with which a shell completes commands and options."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, NamedTuple

import typer

from pffemu.cli.terminal import write_text


class Shell(Enum):
    """Shells that a script can be written for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class _Option(NamedTuple):
    name: str  # --mode
    values: tuple[str, ...]  # of a choice
    summary: str


class _Words(NamedTuple):
    """A command as its words, (`bench`, `fault`), and its options."""

    words: tuple[str, ...]
    options: tuple[_Option, ...]


def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print a script for the shell's completion of commands and options.

    Example: pffemu completion bash > ~/.local/share/bash-completion/completions/pffemu
    """
    commands = list(_commands())
    write_text(_fish(commands) if shell is Shell.FISH else _bash(commands, shell), "-")


def _commands() -> Iterator[_Words]:
    """Every command, from the app itself."""
    from pffemu.cli.app import commands

    for words, command in commands():
        yield _Words(words, () if getattr(command, "commands", {}) else _options(command))


def _options(command: Any) -> tuple[_Option, ...]:
    found = []
    for parameter in command.params:
        values = tuple(map(str, getattr(parameter.type, "choices", ())))
        summary = (getattr(parameter, "help", None) or "").split(". ")[0]
        found += [_Option(name, values, summary) for name in parameter.opts if name.startswith("--")]
    return (*found, _Option("--help", (), "Show this message and exit."))


def _bash(commands: list[_Words], shell: Shell) -> str:
    """Also for zsh: the choices are found alike, only the words typed and the answer have other names."""
    first = sorted({each.words[0] for each in commands})
    cases = []
    for each in sorted(commands, key=lambda each: -len(each.words)):
        children = [other.words[1] for other in commands if other.words[:1] == each.words and len(other.words) == 2]
        names = " ".join([*children, *(option.name for option in each.options)])
        pattern = " ".join(each.words)
        cases.append(f'    "{pattern} "*) choices="{names}" ;;')
        cases += [
            f'    "{pattern} "*"{option.name} ") choices="{" ".join(option.values)}" ;;'
            for option in each.options
            if option.values
        ]
    cases.sort(key=lambda line: -line.index(")"))  # a choice's values come before the command's options
    find = ['  case "$line" in', *cases, f'    *) choices="{" ".join(first)}" ;;', "  esac"]
    if shell is Shell.ZSH:
        return "\n".join([
            "_pffemu() {", '  local choices= line="${(j: :)words[2,CURRENT-1]} "', *find,
            "  compadd -- ${=choices} || _files", "}", "compdef _pffemu pffemu",
        ])  # fmt: skip
    return "\n".join([
        "_pffemu() {", "  local current=${COMP_WORDS[COMP_CWORD]} choices=",
        '  local line="${COMP_WORDS[*]:1:COMP_CWORD-1} "', *find,
        '  COMPREPLY=($(compgen -W "$choices" -- "$current"))', "}", "complete -o default -F _pffemu pffemu",
    ])  # fmt: skip


def _fish(commands: list[_Words]) -> str:
    lines = []
    for each in commands:
        if len(each.words) == 1:
            lines.append(f"complete -c pffemu -n __fish_use_subcommand -a {each.words[0]}")
            seen = f"__fish_seen_subcommand_from {each.words[0]}"
        else:
            lines.append(f"complete -c pffemu -n '__fish_seen_subcommand_from {each.words[0]}' -a {each.words[1]}")
            seen = f"__fish_seen_subcommand_from {each.words[0]}; and __fish_seen_subcommand_from {each.words[1]}"
        for option in each.options:
            values = f" -xa '{' '.join(option.values)}'" if option.values else ""
            told = option.summary.replace("\\", "\\\\").replace("'", "\\'")
            lines.append(f"complete -c pffemu -n '{seen}' -l {option.name[2:]}{values} -d '{told}'")
    return "\n".join(lines)
