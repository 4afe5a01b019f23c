"""pffemu debug --web: the panes in a browser, through textual-serve, on the loopback."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from pffemu.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from aiohttp.web import Application, Request, StreamResponse

HOST: Final = "127.0.0.1"
DRIVER: Final = "TEXTUAL_DRIVER"  # textual-serve sets it for the processes that it starts


def serve(arguments: Sequence[str], port: int) -> None:
    """Serve `pffemu ARGUMENTS`, one process for each page that is opened, until Ctrl-C.

    Pages of other sites are refused, although a browser would let them connect: whoever is connected drives the guest,
    and `save` writes files. Raises MissingExtraError without textual-serve, UsageError for a port that is in use.
    """
    if find_spec("textual_serve") is None:
        raise MissingExtraError("textual-serve", "web", where="debug --web")
    from textual_serve.server import Server

    class Loopback(Server):  # type: ignore[misc]
        async def _make_app(self) -> Application:
            app: Application = await super()._make_app()
            app.middlewares.append(_only_from(f"{HOST}:{port}"))
            return app

    command = shlex.join([sys.executable, "-m", "pffemu", *arguments])
    try:
        Loopback(command, host=HOST, port=port, title="pffemu debug").serve()
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"cannot listen: {why}", where=f"{HOST}:{port}", remedy="another --web-port") from error


def _only_from(name: str) -> Any:
    """A middleware that answers requests for this host and from its own pages only."""
    from aiohttp import web

    @web.middleware  # type: ignore[untyped-decorator]
    async def check(request: Request, handler: Callable[[Request], Awaitable[StreamResponse]]) -> StreamResponse:
        origin = request.headers.get("Origin")
        if request.headers.get("Host") != name or origin not in (None, f"http://{name}"):
            raise web.HTTPForbidden(text=f"pffemu answers http://{name} only")
        return await handler(request)

    return check
