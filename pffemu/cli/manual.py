"""pffemu man: prints a manual page, in roff, made from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import pffemu
from pffemu.cli.terminal import write_text
from pffemu.errors import UsageError
from pffemu.inspect.nearest import nearest


def man(
    command: Annotated[list[str] | None, typer.Argument(help="As typed: run, or bench fault; none: pffemu.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Write all pages there, as man1/pffemu-run.1.")
    ] = None,
) -> None:
    """Print a manual page: of pffemu, or of a command.

    Example: pffemu man run | man -l -
    """
    pages = {_title(words): _page(words, found) for words, found in _commands()}
    if folder is not None:
        _write(pages, folder)
        return
    title = _title(tuple(command or ()))
    if title not in pages:
        known = [name.removeprefix("pffemu-").replace("-", " ") for name in pages]
        wanted = " ".join(command or ())
        raise UsageError(f"no command {wanted!r}", where="pffemu man", remedy=nearest(wanted, known))
    write_text(pages[title], "-")


def _write(pages: dict[str, str], folder: Path) -> None:
    try:
        (folder / "man1").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(folder), remedy="another --folder") from error
    for title, text in pages.items():
        write_text(text, str(folder / "man1" / f"{title}.1"))


def _commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """pffemu, its commands and those of its groups, each with its words behind `pffemu`."""
    from pffemu.cli.app import commands, make_app

    yield (), typer.main.get_command(make_app([]))
    yield from commands()


def _title(words: tuple[str, ...]) -> str:
    return "-".join(("pffemu", *words))


def _page(words: tuple[str, ...], command: Any) -> str:
    title, summary = _title(words), _summary(command)
    paragraphs = (command.help or summary).strip().split("\n\n")
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    given = [one for one in command.params if one.param_type_name == "option"]
    children = getattr(command, "commands", {})
    usage = " ".join([*words, "[OPTIONS]", *(one.metavar or one.name.upper() for one in arguments)])
    lines = [
        f'.TH "{title.upper()}" "1" "" "pffemu {pffemu.__version__}"',
        ".SH NAME", f"{_roff(title)} \\- {_roff(summary)}",
        ".SH SYNOPSIS", f".B pffemu\n{_roff(usage)}{' COMMAND' if children else ''}",
        ".SH DESCRIPTION", *(f".PP\n{_roff(paragraph)}" for paragraph in paragraphs),
    ]  # fmt: skip
    if arguments:
        lines += [".SH ARGUMENTS", *(_entry(one.metavar or one.name.upper(), one.help) for one in arguments)]
    if given:
        lines += [".SH OPTIONS", *(_entry(_option(one), one.help) for one in given)]
    if children:
        lines += [".SH COMMANDS", *(_entry(name, _summary(child)) for name, child in children.items())]
    return "\n".join(lines)


def _summary(command: Any) -> str:
    return " ".join((command.help or "").strip().split("\n\n")[0].split())


def _option(one: Any) -> str:
    values = "|".join(map(str, getattr(one.type, "choices", ())))
    value = "" if one.is_flag else values or one.metavar or one.name.upper()
    return f"{', '.join((*one.opts, *one.secondary_opts))} {value}".rstrip()


def _entry(head: str, text: str | None) -> str:
    return f".TP\n.B {_roff(head)}\n{_roff(' '.join((text or '').split()))}"


def _roff(text: str) -> str:
    """Text as roff reads it: no line is a request, hyphens are those of a keyboard."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in escaped.split("\n"))
