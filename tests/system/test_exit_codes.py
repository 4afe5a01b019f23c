"""One kind of error has one exit code, whichever command meets it (the table of docs/cli.md)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hidden_packages import hide
from tests.system.cli_runs import ROOT, pffemu

GUEST = str(ROOT / "examples" / "hello.s")
PROGRAM_COMMANDS = (
    ("run",), ("debug", "--commands", "-"), ("gdb", "--stdio"), ("trace", "-o", "{folder}/t.json"), ("faults",),
    ("timeline",), ("compare", "--mechanism", "pff"),
)  # fmt: skip
BENCHMARKS = (("bench", "fault"), ("bench", "bfs", "--scale", "6", "--edge-factor", "2"), ("bench", "ioctl"))
OUTPUTS = (
    (*BENCHMARKS[0], "--json", "{folder}/no/x"), (*BENCHMARKS[0], "--csv", "{folder}/no/x"), ("report", "-o",
    "{folder}/no/x.html", "{folder}/r.json"), ("trace", "-o", "{folder}/no/x.json", GUEST), ("faults", "--json",
    "{folder}/no/x", GUEST), ("timeline", "--html", "{folder}/no/x.html"), ("timeline", "-o", "{folder}/no/x.svg"),
    ("compare", "--json", "{folder}/no/x", "kv"), ("run", "--json", "{folder}/no/x", GUEST), ("run", "--trace",
    "{folder}/no/x", GUEST), ("bench", "sweep", "--json", "{folder}/no/x", "--vary", "pages=4", "fault"),
)  # fmt: skip
CASES = {
    "no such file": (127, [(*command, "{folder}/none.s") for command in PROGRAM_COMMANDS] + [
        ("report", "{folder}/none.json"), ("debug", "--commands", "{folder}/none", GUEST),
        ("bench", "fault", "--profile", "{folder}/none.toml"), ("timing", "check", "{folder}/none.toml"),
        ("run", "--profile", "{folder}/none.toml", GUEST),
    ]),
    "does not assemble": (126, [(*command, "{folder}/bad.s") for command in PROGRAM_COMMANDS]),
    "not loadable": (126, [(*command, "{folder}/bad") for command in PROGRAM_COMMANDS]),
    "wrong option": (2, [(*command, "--no-such-option", GUEST) for command in PROGRAM_COMMANDS] + [
        (*command, "--no-such-option") for command in BENCHMARKS
    ]),
    "wrong value": (2, [(*command, "--cpus", "0", GUEST) for command in PROGRAM_COMMANDS] + [
        ("bench", "fault", "--pages", "0"), ("bench", "fault", "--profile", "nonesuch"),
        ("bench", "sweep", "--folder", "{folder}/s", "--vary", "pages=zero", "fault"),
        ("compare", "--quota", "2", "kv"), ("compare", "nonesuch"),
        ("compare", "--mechanism", "nonesuch", "kv"), ("schema", "nonesuch"), ("man", "nonesuch"),
        ("completion", "nonesuch"), ("timing", "show", "nonesuch"),
    ]),
    "cannot be written": (2, list(OUTPUTS)),
    "not an own file": (2, [("report", "{folder}/bad.s"), ("timing", "check", "{folder}/bad.s")]),
}  # fmt: skip
PARAMETERS = [
    pytest.param(code, command, id=f"{kind}: {' '.join(word for word in command if '/' not in word)}")
    for kind, (code, commands) in CASES.items()
    for command in commands
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("codes")
    (made / "bad.s").write_text("_start: movv eax, 1\n")
    (made / "bad").write_bytes(b"\x7fELF, and then something else")
    (made / "r.json").write_text("{}")
    return made


@pytest.mark.parametrize(("code", "command"), PARAMETERS)
def test_a_kind_of_error_has_one_exit_code(
    code: int, command: tuple[str, ...], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = pffemu(*(word.format(folder=folder) for word in command))
    assert ran.code == code, ran.err
    assert ran.err
    assert "internal" not in ran.err


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("matplotlib", ("report", "r.json")),
        ("matplotlib", ("bench", "fault", "--plot", "x.png")),
        ("matplotlib", ("compare", "--plot", "x.svg", "kv")),
        ("perfetto", ("trace", "-o", "x.pftrace", GUEST)),
    ],
)
def test_a_missing_package_is_125(
    package: str, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hide(package, monkeypatch)
    ran = pffemu(*command)
    assert (ran.code, "pip install 'pffemu[" in ran.err) == (125, True), ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["iced_x86", "unicorn"])
def test_a_package_that_everything_needs_is_125_and_no_internal_error(module: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None; from pffemu.cli.app import main; sys.exit(main({['run', GUEST]}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (125, "")
    said, remedy = done.stderr.splitlines()
    assert said == f"pffemu: error: the module {module} is not installed"
    assert remedy == "  try: pip install pffemu, which brings all that it needs"
