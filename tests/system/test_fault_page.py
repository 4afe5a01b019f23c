"""pffemu timeline --html: the page's steps are the trace's, it fetches nothing, and keys walk through all of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE
from pffemu.report.fault_words import WORDS
from tests.system.cli_runs import pffemu

ROOT = Path(__file__).parents[2]
GUEST = str(ROOT / "examples" / "own_handler.s")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Presses a key N times and leaves what the page then says where --dump-dom shows it.
DRIVER = """<script>
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const now = () => [...document.querySelectorAll(".focus .now b")].map((e) => e.textContent)[0];
const at = (number) => Number(document.querySelector(`[data-mechanism="${number}"] [aria-current]`).dataset.step);
const seen = [], beside = [];
for (let i = 0; i < COUNT; i++) { seen.push(now()); beside.push(at(0)); press("ArrowRight"); }
const end = now(); press("ArrowRight"); const still = now();
const back = []; for (let i = 0; i < COUNT; i++) { back.push(now()); press("ArrowLeft"); }
press("ArrowDown"); press("ArrowDown"); const phase = now(); press("m"); const other = now(); press("End");
const click = (selector) => { document.querySelector(selector).click(); return [at(0), at(1)]; };
const clicked = [click("#first"), click("#on"), click("#phase"), click("#back"), click("#last"),
  click("#tabs [data-mechanism='1']"), click('[data-mechanism="1"] [data-step="9"]')];
document.title = JSON.stringify({seen, beside, end, still, back, phase, other, clicked,
  follows: document.querySelectorAll("section .step[aria-current]").length,
  wide: document.documentElement.scrollWidth <= innerWidth});
</script>"""


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "fault.html"
    made = pffemu("timeline", "--html", str(path))
    assert made.code == 0, made.err
    assert not made.out
    return path


def test_the_steps_are_those_of_the_trace(tmp_path: Path) -> None:
    made = pffemu("timeline", "--mode", "pff", "--html", str(tmp_path / "f.html"), GUEST)
    assert made.code == 0, made.err
    [mechanism] = data_of((tmp_path / "f.html").read_text())["mechanisms"]
    pffemu("run", "--trace", str(tmp_path / "t"), GUEST)
    trace = [json.loads(line) for line in (tmp_path / "t").read_text().splitlines()]
    names = [event["event"] for event in trace]
    begin, end = names.index("walk_refused"), names.index("resumed")
    start = trace[begin]["time"]
    expected = [(event["time"] - start, event["event"], event["tid"]) for event in trace[begin : end + 1]]
    steps = mechanism["steps"]
    assert [(cycles, event, tid) for cycles, _, _, event, tid, _, _ in steps if event] == expected
    assert mechanism["cycles"] == trace[end]["time"] - start
    kinds = [step[1] for step in steps]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("access", "retry", "done")
    assert kinds.count("condition") == 9
    assert kinds.count("push") == 6
    instructions = [step[2].split(": ")[1].split()[0] for step in steps if step[1] == "instruction"]
    assert (instructions[0], instructions[-1]) == ("push", "uiret")  # the handler, from its first instruction on
    assert "syscall" in instructions


def test_each_step_has_the_state_of_that_moment(page: Path) -> None:
    by_mode = {each["mode"]: each for each in data_of(page.read_text())["mechanisms"]}
    pff = by_mode["pff"]

    def pane(kind: str, name: str) -> str:
        step = next(step for step in pff["steps"] if step[1] == kind)
        return re.sub("<[^>]+>", "", pff["texts"][step[6][name]])

    assert "not present" in pane("access", "walk")
    assert "not present" not in pane("done", "walk")
    assert "1 of 6 words" in pane("push", "frame")
    assert "6 of 6 words" in pane("frame", "frame")
    assert re.search(r"^UIF +1", pane("frame", "forwarding"), re.MULTILINE)
    assert re.search(r"^UIF +0", pane("UIF cleared", "forwarding"), re.MULTILINE)
    assert "fault address" in pane("handler", "stack")
    assert "page_fault_handler" in pane("handler", "code")
    assert {step[4] for step in by_mode["uffd"]["steps"]} == {1, 2}


def test_every_kind_of_step_is_explained(page: Path) -> None:
    kinds = {step[1] for each in data_of(page.read_text())["mechanisms"] for step in each["steps"]}
    assert kinds <= set(WORDS)


def test_a_declined_fault_is_explained_and_shows_the_rings(tmp_path: Path) -> None:
    benchmark = (str(ROOT / "guest/asm/fault_bench.s"), "4", "1", "0", "1", "1", "0", "1", "2")  # two frames
    made = pffemu("timeline", "--fault", "3", "--mode", "hw", "--html", str(tmp_path / "f.html"), *benchmark)
    assert made.code == 0, made.err
    data = data_of((tmp_path / "f.html").read_text())
    [fault] = data["mechanisms"]
    kinds = [step[1] for step in fault["steps"]]
    assert {"directed step", "declined", "records taken"} <= set(kinds) <= set(WORDS)
    rings = fault["texts"][fault["steps"][kinds.index("declined")][6]["directives"]]
    assert "0 of 2 frames" in rings


def test_it_is_one_file_that_fetches_nothing(page: Path) -> None:
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=|@import|url\(|fetch\(|XMLHttp""", text)
    assert text.count("</script>") == 2


def latest_cycles(mechanism: Any) -> list[int]:
    """Of each step the virtual time at which it is shown: clocks of cores differ, and the page never goes back."""
    return list(accumulate((step[0] for step in mechanism["steps"]), max))


def shown_at(mechanism: Any, time: int) -> int:
    """The step of another mechanism that stands beside this time."""
    return bisect_right(latest_cycles(mechanism), time) - 1


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_keys_walk_through_all_steps(page: Path, tmp_path: Path, width: int) -> None:
    text = page.read_text()
    uffd, pff = data_of(text)["mechanisms"]
    count = len(pff["steps"])
    driven = tmp_path / "driven.html"
    driven.write_text(text.replace("</body>", DRIVER.replace("COUNT", str(count)) + "</body>"))
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
         f"--window-size={width},900", "--dump-dom", f"{driven.as_uri()}#pff/0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    title = re.search("<title>(.*?)</title>", done.stdout)
    assert title is not None, done.stderr
    told = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    shown = [f"{kind}: {what}" for _, kind, what, *_ in pff["steps"]]
    assert told["seen"] == shown
    assert told["end"] == told["still"] == shown[-1]
    assert told["back"] == shown[::-1]
    assert told["phase"] == shown[2]
    assert told["beside"] == [0, *(shown_at(uffd, latest) for latest in latest_cycles(pff)[1:])]
    last = len(uffd["steps"]) - 1
    assert [at[0] for at in told["clicked"][:5]] == [0, 1, 2, 1, last]  # what a mouse and a finger do
    assert [at[1] for at in told["clicked"][5:]] == [count - 1, 9]
    assert told["other"] in {f"{kind}: {what}" for _, kind, what, *_ in uffd["steps"]}
    assert told["follows"] == 2
    assert told["wide"]


def test_a_long_handler_is_cut_but_its_end_is_there(tmp_path: Path) -> None:
    source = (
        Path(GUEST).read_text().replace("handler: ", "handler:\n    mov ecx, 9000\nloop: dec ecx\n    jnz loop\n#", 1)
    )
    (tmp_path / "long.s").write_text(source)
    made = pffemu("timeline", "--mode", "pff", "--html", str(tmp_path / "f.html"), str(tmp_path / "long.s"))
    assert made.code == 0, made.err
    page = (tmp_path / "f.html").read_text()
    [mechanism] = data_of(page)["mechanisms"]
    assert 1000 <= len(mechanism["steps"]) < 1010
    assert [step[1] for step in mechanism["steps"]][-5:] == ["page installed", "uiret", "resume", "retry", "done"]
    assert re.search(r"The handler runs long: 1\d,\d\d\d instructions, 7 events are not shown", page)


def test_a_program_that_takes_no_such_fault_is_said_so(tmp_path: Path) -> None:
    made = pffemu("timeline", "--html", str(tmp_path / "f.html"), GUEST)
    assert made.code == 0, made.err
    assert "under uffd the program took no such fault" in made.err
    assert "Not shown: uffd" in (tmp_path / "f.html").read_text()


def test_a_source_text_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    source = ROOT / "examples" / "uffd_pages.c"
    program, page = tmp_path / "pages", tmp_path / "f.html"
    flags = ["-O1", "-g", "-static", "-pthread", "-muintr", "-DPFF", "-I", str(INCLUDE)]
    subprocess.run([*compiler, *flags, str(source), "-o", str(program)], check=True, timeout=100)
    told = pffemu("timeline", "--html", str(page), str(program))
    assert (told.code, told.err) == (
        0,
        f"pffemu: hint: the page has no text of {source}; --source DIR names its folder\n",
    )
    told = pffemu("timeline", "--source", str(source.parent), "--html", str(page), str(program))
    assert (told.code, told.err) == (0, "")
    assert "sum += (unsigned char)cache[i * PAGE + 17];" in page.read_text()
    told = pffemu("timeline", str(program))
    under_uffd, under_pff = told.out.split("One fault under ")[1:]
    assert "handler thread 2 sleeps" in under_uffd
    assert "thread 2" not in under_pff  # it starts meanwhile, on another core
    told = pffemu("debug", "--commands", "-", str(program), stdin=b"break main\ncontinue\nlist\n")
    assert f"{source} is not below the folders that may be read" in told.err
