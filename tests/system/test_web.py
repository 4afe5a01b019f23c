"""`pffemu debug --web`: the panes through textual-serve, for pages of its own on the loopback, and for no others."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from tests.system.cli_runs import ROOT, pffemu

GUEST = str(ROOT / "examples" / "own_handler.s")
needs_serve = pytest.mark.skipif(find_spec("textual_serve") is None, reason="--web needs the extra web")


@pytest.mark.skipif(find_spec("textual_serve") is not None, reason="textual-serve is installed")
def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pffemu", "debug", "--web", GUEST])
    ran = pffemu(*sys.argv[1:])
    assert ran.code == 125
    assert "textual-serve is not installed" in ran.err
    assert "pip install 'pffemu[web]'" in ran.err


def test_lines_do_not_go_with_it() -> None:
    ran = pffemu("debug", "--web", "--plain", GUEST)
    assert ran.code == 2
    assert "--web is for panes" in ran.err


@needs_serve
def test_a_page_shows_the_panes_and_other_sites_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pffemu", "debug", "--web", "--web-port", str(port), GUEST]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE) as process:
        try:
            seen = asyncio.run(asyncio.wait_for(_visit(port), 60))
        finally:
            process.terminate()
    assert seen["own"] == 200
    assert seen["other host"] == seen["other origin"] == 403
    assert "UIHANDLER" in seen["screen"]
    assert "_start" in seen["screen"]


async def _visit(port: int) -> dict[str, Any]:
    import aiohttp

    own, seen = f"http://127.0.0.1:{port}", dict[str, Any]()
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                seen["own"] = (await session.get(own)).status
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)
        seen["other host"] = (await session.get(own, headers={"Host": "example.org"})).status
        try:
            await session.ws_connect(f"{own}/ws", headers={"Origin": "http://example.org"})
        except aiohttp.WSServerHandshakeError as error:
            seen["other origin"] = error.status
        screen = b""
        async with session.ws_connect(f"{own}/ws?width=180&height=52", headers={"Origin": own}) as socket_:
            while b"UIHANDLER" not in screen or b"_start" not in screen:
                message = await socket_.receive(timeout=40)
                screen += message.data if isinstance(message.data, bytes) else str(message.data).encode()
        seen["screen"] = screen.decode("utf-8", "replace")
    return seen
