"""pffemu schema: prints the JSON schema of what a command writes with --json."""

from __future__ import annotations

from typing import Annotated

import typer

from pffemu.cli.terminal import write_text
from pffemu.report.json_schemas import names, schema_text


def schema(
    name: Annotated[str | None, typer.Argument(help="run, faults, bench, bench-ioctl, bench-sweep or compare.")] = None,
) -> None:
    """Print the JSON schema of what a command writes with --json.

    Without a name, list the schemas.

    Example: pffemu schema bench > bench.schema.json
    """
    write_text("\n".join(names()) if name is None else schema_text(name).rstrip("\n"), "-")
