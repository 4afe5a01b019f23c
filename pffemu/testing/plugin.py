"""The pytest plugin: test_*.s, test_*.asm and test_*.c become tests. The machine is imported when one is found.

It is registered as entry point `pytest11`, so that installing pffemu enables it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu.errors import PffemuError
from pffemu.testing.fixtures import (  # noqa: F401 - by name
    Trace,
    _prepared,
    assemble,
    core,
    machine,
    reset_to,
    run_guest,
    trace,
)
from pffemu.testing.shown import Shown, shown

if TYPE_CHECKING:
    from pffemu.testing.cases import Case
    from pffemu.testing.runner import Run

SUFFIXES: Final = (".s", ".asm", ".c")
COVERAGE: Final = pytest.StashKey[Any]()  # GuestCoverage, while --pffemu-cov is on
_DEFAULTS: Final = {"mode": "pff-pte", "cpus": "2", "ram": "16M", "budget": "10000"}  # ini options pffemu_..., examples
_SENT: Final = "pffemu_coverage"
_ON_HOST: Final = "pffemu_native"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pffemu", "tests written in assembly (pffemu)")
    group.addoption("--pffemu-events", action="store_true", help="print every event of each assembly test")
    group.addoption(
        "--pffemu-native", action="store_true",
        help="also run assembly tests that need only x86-64 and Linux on this host's CPU, and compare",
    )  # fmt: skip
    group.addoption(
        "--pffemu-cov", nargs="?", const="-", metavar="LCOV",
        help="report the lines and branches of guest code that ran: a table, and with =FILE an lcov file",
    )  # fmt: skip

    for name, example in _DEFAULTS.items():
        parser.addini(
            f"pffemu_{name}", f"`# {name}:` of blocks that have none, as in {example}", type="string", default=""
        )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a few seconds; deselect with -m 'not slow'")
    if config.getoption("--pffemu-cov"):
        from pffemu.testing.coverage import GuestCoverage

        config.stash[COVERAGE] = GuestCoverage()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> AssemblyFile | None:
    if file_path.suffix not in SUFFIXES or not file_path.name.startswith("test_"):
        return None
    return AssemblyFile.from_parent(parent, path=file_path)


class AssemblyFile(pytest.File):
    """A file of blocks."""

    def collect(self) -> Iterable[pytest.Item]:
        name = _shown(self.path, self.config)
        try:
            octets = self.path.read_bytes()
        except OSError as error:
            raise self.CollectError(f"{name}: {error.strerror}") from None
        if b"test:" not in octets and (self.path.suffix == ".c" or b"\0" in octets):
            return  # not a test file of pffemu: skip the imports below, which are slow
        try:
            source = octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise self.CollectError(f"{name}:{line}: not UTF-8\n  try: save the file as UTF-8") from None
        from pffemu.testing.defaults import directives_of
        from pffemu.testing.directives import is_test_file
        from pffemu.testing.whole_file import read_whole_file

        if not is_test_file(source, name):
            return
        defaults = directives_of(_ini(self.config), _ini_file(self.config))
        try:
            found = read_whole_file(source.replace("\r\n", "\n"), name, self.path.parent, defaults)
        except PffemuError as error:
            raise self.CollectError(str(error)) from None
        # named with the whole id, in which pytest finds the parameters: --lf and --sw compare them
        for line, wrong in found.errors:
            yield BadDirective.from_parent(self, name=f"line-{line}", line=line, error=wrong)
        for case in found.cases:
            yield AssemblyItem.from_parent(self, name=case.id, nodeid=f"{self.nodeid}::{case.id}", case=case)


def _ini(config: pytest.Config) -> dict[str, str]:
    """The ini options of _DEFAULTS that are set, without their prefix."""
    return {name: value for name in _DEFAULTS if (value := str(config.getini(f"pffemu_{name}")).strip())}


def _ini_file(config: pytest.Config) -> str:
    return config.inipath.name if config.inipath is not None else "pytest -o"


def _shown(path: Path, config: pytest.Config) -> str:
    """The path in messages: relative to where pytest was started."""
    try:
        return str(path.relative_to(config.invocation_params.dir))
    except ValueError:
        return str(path)


class BadDirective(pytest.Item):
    """A directive that makes no sense: it fails, and so are all of a file seen at once. Its block does not run."""

    def __init__(self, *, line: int, error: PffemuError, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.line, self.error = line, error

    def runtest(self) -> None:
        raise self.error

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if excinfo.value is not self.error:
            return super().repr_failure(excinfo, style)
        only_line = self.config.getoption("tbstyle") == "line"
        return shown(str(self.error), self.error.where, only_line=only_line)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name


class ClaimsFailed(Exception):
    """Claims that do not hold; the run is kept for the report."""

    def __init__(self, run: Run) -> None:
        super().__init__("; ".join(f"{failure.claim}: {failure.what}" for failure in run.failures))
        self.run = run


class AssemblyItem(pytest.Item):
    """One case of one block."""

    def __init__(self, *, case: Case, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.case = case
        for name in ("xfail", "skip"):
            directive = case.block.last_named(name)
            if directive is not None:
                self.add_marker(getattr(pytest.mark, name)(reason=directive.text))
        if self.path.suffix == ".c" and find_c_compiler() is None:
            self.add_marker(pytest.mark.skip(reason=NO_C_COMPILER))
        if case.block.last_named("slow") is not None:
            self.add_marker(pytest.mark.slow)

    def runtest(self) -> None:
        from pffemu.testing.failure import events_text
        from pffemu.testing.runner import run_block, run_whole, start
        from pffemu.testing.verify import verify

        coverage = self.config.stash.get(COVERAGE, None)
        run = start(self.case)
        run_block(run, coverage.follow(run) if coverage is not None else run_whole)
        verify(run)
        if self.config.getoption("--pffemu-native"):
            from pffemu.testing.native import compare_with_host

            if compare_with_host(run):
                self.user_properties.append((_ON_HOST, True))
        if self.config.getoption("--pffemu-events"):
            self.add_report_section("call", "events", events_text(run))
            if not run.failures:
                self._print(events_text(run))
        if run.failures:
            raise ClaimsFailed(run)

    def _print(self, text: str) -> None:
        capture = self.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n{self.nodeid}\n{text}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ClaimsFailed):
            from pffemu.testing.failure import failure_text

            run = excinfo.value.run
            return self._shown(failure_text(run, self._repeat(), self._debug()), run.failures[0].where)
        if isinstance(excinfo.value, PffemuError):
            error = excinfo.value
            text = f"{self.case.title}: {error.what}\n\n{error}\n\nrepeat:\n    {self._repeat()}"
            return self._shown(text, error.where or f"{self.case.block.file}:{self.case.block.first}")
        return super().repr_failure(excinfo, style)

    def _shown(self, text: str, where: str) -> Shown:
        return shown(text, where, only_line=self.config.getoption("tbstyle") == "line")

    def _debug(self) -> str:
        """The command that opens the debugger at the failing point."""
        words = ["pffemu", "debug", _shown(self.path, self.config), "--test", self.name, "--at-failure"]
        for name, value in _ini(self.config).items():
            words += ["--setup", f"{name}: {value}"]
        return shlex.join(words)

    def _repeat(self) -> str:
        """The command that repeats the test, for a shell in the folder where pytest was started."""
        place = f"{_shown(self.path, self.config)}::{self.name}"
        return f"pytest {shlex.quote(place)} --pffemu-events"

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.block.first - 1, self.name


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of xdist, send the coverage to the main process."""
    coverage = session.config.stash.get(COVERAGE, None)
    sent = getattr(session.config, "workeroutput", None)
    if coverage is not None and sent is not None:
        sent[_SENT] = coverage.as_values()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the main process, add the coverage of an xdist worker that has finished."""
    coverage = node.config.stash.get(COVERAGE, None)
    if coverage is not None:
        coverage.add_values(getattr(node, "workeroutput", {}).get(_SENT, {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption("--pffemu-native"):
        reports = [report for reports in terminalreporter.stats.values() for report in reports]
        properties = [report.user_properties for report in reports if getattr(report, "when", "") == "call"]
        compared = sum((_ON_HOST, True) in map(tuple, each) for each in properties)
        terminalreporter.write_line(f"pffemu: {compared} blocks also ran on this host's CPU")
    coverage = config.stash.get(COVERAGE, None)
    if coverage is None or not coverage.files:
        return
    terminalreporter.section("coverage of guest code")
    terminalreporter.write_line(coverage.table())
    target = config.getoption("--pffemu-cov")
    if target != "-":
        path = config.invocation_params.dir / target
        path.write_text(coverage.lcov(), encoding="utf-8")
        terminalreporter.write_line(f"written to {target}")
