"""lldb, lldb's debug adapter and gef on the stub: into a handler by the access that faults, and out through UIRET."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pffemu.machine.elf_symbols import read_sized_symbols
from tests.system.gdb.c_guests import ACCESS, SOURCE, forwarded_fault, line_of
from tests.system.gdb.dap_client import dap, lldb_adapter
from tests.system.gdb.stub_client import needs_gdb, run_gdb, served

LLDB = shutil.which("lldb")
GEF = os.environ.get("PFFEMU_GEF", "")
UIRET = bytes.fromhex("f30f01ec")
LOADED_AT = 0x400000  # of a static program: an address, without its offset in the file
TO_THE_HANDLER = 3  # instructions from behind read_page's prologue: two without a fault, and the access
STEPS = "thread step-inst\n" * TO_THE_HANDLER


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return forwarded_fault(tmp_path_factory.mktemp("others"))


def uiret(program: Path) -> int:
    """Where the handler's last instruction is."""
    data = program.read_bytes()
    handler = next(each for each in read_sized_symbols(data) if each.name == "handler")
    return LOADED_AT + data.index(UIRET, handler.address - LOADED_AT)


@pytest.mark.skipif(LLDB is None, reason="no lldb on this machine")
def test_lldb(program: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    with served(program, str(program)) as serving:
        script.write_text(
            f"""gdb-remote 127.0.0.1:{serving.port}
breakpoint set -n read_page
process continue
thread backtrace
{STEPS}register read uif
memory read -f x -s 8 -c 2 $rsp
memory region $rsp
breakpoint set -a {uiret(program):#x}
process continue
thread step-inst
register read uif
thread backtrace
process kill
"""
        )
        assert LLDB is not None
        command = [LLDB, "--no-lldbinit", "-b", "-o", f"target create {program}", "-s", str(script)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    said = done.stdout
    assert f'read_page(page="") at {SOURCE.name}:{ACCESS}' in said
    assert re.search(r"main at forwarded_fault\.c", said)
    assert said.index(f"-> {line_of('INTERRUPT void handler') + 1}") < said.index("uif = 0x0000000000000000")
    assert "0x000000000000000e 0x" in said  # the frame: vector, RIP
    assert "rw- [stack]" in said
    back = said.partition("uif = 0x0000000000000001")[2]
    assert "read_page" in back.partition("frame #1")[0]
    assert "exited with status = 9" in said
    assert not serving.thread.is_alive()


@pytest.mark.skipif(lldb_adapter() is None, reason="no lldb-dap or lldb-vscode on this machine")
def test_an_editor_with_lldbs_adapter(program: Path) -> None:
    adapter = str(lldb_adapter())
    with served(program, str(program)) as serving, dap(adapter) as client:
        client.ask("initialize", adapterID="pffemu", linesStartAt1=True, columnsStartAt1=True, pathFormat="path")
        attach = client.send(
            "attach", program=str(program), attachCommands=[f"gdb-remote 127.0.0.1:{serving.port}"], stopOnEntry=False
        )
        client.event("initialized")
        handler = line_of("handled++")
        client.ask("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[{"line": handler}])
        client.ask("configurationDone")
        client.response(attach)
        while (body := client.event("stopped")).get("reason") != "breakpoint":
            pass
        stack = client.ask("stackTrace", threadId=body["threadId"])["stackFrames"]
        assert (stack[0]["name"], stack[0]["line"]) == ("handler", handler)
        client.ask("next", threadId=body["threadId"])
        client.event("stopped")
        stack = client.ask("stackTrace", threadId=body["threadId"])["stackFrames"]
        assert stack[0]["line"] == handler + 1
        client.ask("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[{"line": ACCESS}])
        client.ask("continue", threadId=body["threadId"])
        client.event("stopped")
        stack = client.ask("stackTrace", threadId=body["threadId"])["stackFrames"]
        assert [each["name"] for each in stack[:2]] == ["read_page", "main"]
        client.ask("disconnect", terminateDebuggee=True)


@needs_gdb
@pytest.mark.skipif(not GEF, reason="no gef: PFFEMU_GEF names its gef.py")
def test_gef(program: Path, tmp_path: Path) -> None:
    with served(program, str(program)) as serving:
        said = run_gdb(
            serving.port, program, f"""vmmap
break read_page
continue
stepi {TO_THE_HANDLER}
registers $rip
info registers uif
dereference -l 3 $rsp
xinfo $rsp
break *{uiret(program):#x}
continue
delete
stepi
info registers uif
gef config context.enable True
context
reverse-stepi
info registers uif
kill
""", tmp_path, before=f"source {GEF}\ngef config context.enable False\n",
        )  # fmt: skip
    said = re.sub(r"\x1b\[[0-9;]*m|[\x01\x02]", "", said)
    assert re.search(rf"r-x {re.escape(str(program))}", said)
    assert re.search(r"\$rip +: 0x[0-9a-f]+ +→ +<handler\+", said)
    assert "000000000000000e" in said
    assert "Pathname: [stack]" in said
    assert re.findall(r"^uif +0x(\d)", said, re.M) == ["0", "1", "0"]
    context = said.partition("[ Legend: Modified register")[2]
    assert f"{ACCESS}\t" in context
