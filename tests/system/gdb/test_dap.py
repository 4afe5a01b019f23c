"""gdb as a debug adapter (`gdb --interpreter=dap`) on the stub: what an editor does to stand in a fault handler."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.gdb.c_guests import ACCESS, SOURCE, forwarded_fault, line_of, spinning
from tests.system.gdb.dap_client import DapClient, dap, speaks_dap
from tests.system.gdb.stub_client import served

pytestmark = pytest.mark.skipif(not speaks_dap(), reason="no gdb with a DAP mode (14.1 or newer; PFFEMU_GDB names one)")
IN_HANDLER = line_of("handled++")


def stopped(client: DapClient, reason: str) -> int:
    """The thread that stopped for this reason."""
    while (body := client.event("stopped")).get("reason") != reason:
        pass
    return int(body["threadId"])


def variables(client: DapClient, reference: int) -> dict[str, Any]:
    body = client.ask("variables", variablesReference=reference)
    return {each["name"]: each for each in body["variables"]}


def frames(client: DapClient, thread: int) -> list[tuple[str, int]]:
    body = client.ask("stackTrace", threadId=thread)
    return [(frame["name"], frame.get("line", 0)) for frame in body["stackFrames"]]


def start(client: DapClient, port: int, program: Path) -> None:
    """As an editor does: breakpoints go between `attach` and its response."""
    assert client.ask("initialize", adapterID="pffemu")["supportsConditionalBreakpoints"]
    attach = client.send("attach", target=f"127.0.0.1:{port}", program=str(program))
    client.event("initialized")
    client.ask("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[{"line": IN_HANDLER}])
    client.ask("configurationDone")
    client.response(attach)


def test_an_editor_stands_in_a_handler_and_steps(tmp_path: Path) -> None:
    program = forwarded_fault(tmp_path)
    with served(program, str(program)) as serving, dap() as client:
        start(client, serving.port, program)
        client.ask("continue", threadId=client.ask("threads")["threads"][0]["id"])
        thread = stopped(client, "breakpoint")
        stack = client.ask("stackTrace", threadId=thread)["stackFrames"]
        assert [(frame["name"], frame["line"]) for frame in stack[:2]] == [
            ("handler", IN_HANDLER),
            ("read_page", ACCESS),
        ]
        assert stack[2]["name"] == "main"
        scopes = {scope["name"]: scope["variablesReference"] for scope in client.ask("scopes", frameId=0)["scopes"]}
        assert variables(client, scopes["Arguments"])["vector"]["value"] == "14"
        registers = variables(client, scopes["Registers"])
        assert registers["uif"]["value"] == "0"
        assert variables(client, registers["uintr"]["variablesReference"])["uistackadjust"]["value"] == "128"
        assert "monitor help" in client.ask("evaluate", expression="monitor help", context="repl")["result"]
        client.ask("next", threadId=thread)
        stopped(client, "step")
        assert frames(client, thread)[0] == ("handler", IN_HANDLER + 1)
        client.ask("stepIn", threadId=thread)
        stopped(client, "step")
        assert frames(client, thread)[0][0].startswith("pff_syscall")
        client.ask("stepIn", threadId=thread, granularity="instruction")
        stopped(client, "step")
        client.ask("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[])
        client.ask("disconnect")  # ends the guest, as with every program that was started for this gdb
        serving.thread.join(10)
        assert not serving.thread.is_alive()


def test_an_editor_goes_back_through_gdbs_console_and_sees_the_exit(tmp_path: Path) -> None:
    program = forwarded_fault(tmp_path)
    with served(program, str(program)) as serving, dap() as client:
        start(client, serving.port, program)
        client.ask("continue", threadId=1)
        thread = stopped(client, "breakpoint")
        client.ask("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[{"line": ACCESS}])
        client.ask("evaluate", expression="reverse-continue", context="repl")
        stopped(client, "breakpoint")
        assert frames(client, thread)[0] == ("read_page", ACCESS)
        client.ask("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[])
        client.ask("continue", threadId=thread)
        assert client.event("exited")["exitCode"] == 0


def test_an_editor_pauses_a_guest_that_runs(tmp_path: Path) -> None:
    program = spinning(tmp_path)
    with served(program, str(program)) as serving, dap() as client:
        start(client, serving.port, program)
        client.ask("continue", threadId=1)
        time.sleep(0.5)  # gdb answers before it lets the guest run
        client.ask("pause", threadId=1)
        stopped(client, "pause")
