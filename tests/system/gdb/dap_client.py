"""A front-end for tests: speaks the Debug Adapter Protocol to gdb's or lldb's adapter, as VS Code and others do."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from tests.system.gdb.stub_client import GDB

Message = dict[str, Any]
_PATIENCE = 60.0  # seconds for an answer or an event; long, because a loaded host is no failure


class DapClient:
    """`ask` sends a request and waits for its response; what comes meanwhile is kept for `event` and `response`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._events: list[Message] = []
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, command: str, **arguments: Any) -> int:
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        text = json.dumps(request).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        self._process.stdin.flush()
        return self._number

    def response(self, number: int) -> Message:
        """The body of the response to request `number`, which has succeeded."""
        early = (message for message in self._events if message.get("request_seq") == number)
        message = next(early, None)
        while message is None:
            message = self._next()
            if message.get("request_seq") != number:
                self._events.append(message)
                message = None
        assert message["success"], message
        return cast("Message", message.get("body") or {})

    def ask(self, command: str, **arguments: Any) -> Message:
        return self.response(self.send(command, **arguments))

    def event(self, name: str) -> Message:
        """The body of the next event of this name."""
        for message in self._events:
            if message.get("event") == name:
                self._events.remove(message)
                return cast("Message", message.get("body") or {})
        while (message := self._next()).get("event") != name:
            self._events.append(message)
        return cast("Message", message.get("body") or {})

    def _next(self) -> Message:
        message = self._messages.get(timeout=_PATIENCE)
        assert message is not None, "gdb has ended"
        return message

    def _read(self) -> None:
        assert self._process.stdout is not None
        while header := self._process.stdout.readline():
            if header.lower().startswith(b"content-length:"):
                self._process.stdout.readline()
                self._messages.put(json.loads(self._process.stdout.read(int(header.split(b":")[1]))))
        self._messages.put(None)


def speaks_dap() -> bool:
    """Whether the gdb at hand has the mode (14.1 and newer, with Python)."""
    if GDB is None:
        return False
    look = [GDB, "-batch", "-nx", "-ex", "python import gdb.dap"]
    return b"Error" not in subprocess.run(look, capture_output=True, check=False, timeout=60).stderr


def lldb_adapter() -> str | None:
    """lldb's adapter, by the names that its versions have."""
    names = ("lldb-dap", "lldb-vscode", *(f"lldb-vscode-{version}" for version in range(18, 12, -1)))
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def dap(*command: str) -> Iterator[DapClient]:
    """`command`: the adapter; none: gdb's."""
    assert command or GDB is not None
    command = command or (str(GDB), "-nx", "--interpreter=dap")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield DapClient(process)
        finally:
            process.kill()
