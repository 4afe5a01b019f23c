"""One fault as a self-contained HTML page, to be stepped through by keyboard, mouse and touch. It fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final

from pffemu.report.colours import colour_of
from pffemu.report.fault_steps import INSTRUCTION, PANES, Step, SteppedFault
from pffemu.report.fault_words import WORDS

_ASSETS: Final = Path(__file__).with_name("assets")
_TITLES: Final = {
    "code": "Code", "source": "Source", "registers": "Registers", "frame": "Frame", "stack": "Stack",
    "walk": "Page walk", "directives": "Directives and rings",
    "forwarding": "Forwarding and user interrupts", "queues": "Cores and queues",
    "regions": "MMU regions and mappings",
}  # fmt: skip
_KEYS: Final = (
    ("\u2192 \u2190", "one step on, or back"),
    ("\u2193 \u2191", "to the next phase, or the one before: handlers' instructions are skipped"),
    ("End Home", "to the last step, or the first"),
    ("m", "go on with another mechanism; the others follow in virtual time"), ("?", "these keys"),
)  # fmt: skip
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_WITHOUT_SCRIPTS: Final = ".mechanism.mechanism.mechanism { display: block } nav, .panes, .now { display: none }"
_BUTTONS: Final = """<button id="first" title="first step (Home)">|&lt;</button>
<button id="back" title="one step back (left)">&larr;</button>
<button id="on" title="one step on (right)">&rarr;</button>
<button id="last" title="last step (End)">&gt;|</button>
<button id="phase" title="to the next phase (down)">phase</button>"""


def fault_page(faults: Sequence[SteppedFault], title: str, notes: Sequence[str] = ()) -> str:
    """The page. `title`: what ran; `notes`: lines below it, such as mechanisms under which nothing could be shown."""
    data = {"mechanisms": [_data(fault) for fault in faults], "words": WORDS, "panes": _TITLES}
    longest = max((fault.cycles for fault in faults), default=1)
    told = "".join(f"<p class=note>{escape(note)}</p>" for note in notes)
    columns = "\n".join(_column(number, fault) for number, fault in enumerate(faults))
    tabs = "".join(
        f'<button data-mechanism="{number}" style="--mechanism:{colour_of(fault.mode)}">{escape(fault.mode)}</button>'
        for number, fault in enumerate(faults)
    )
    keys = "".join(f"<tr><td><kbd>{escape(key)}</kbd><td>{escape(what)}" for key, what in _KEYS)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{_asset("fault_page.css")}</style>
<noscript><style>{_WITHOUT_SCRIPTS}</style></noscript></head>
<body>
<header><h1>{escape(title)}</h1>{told}</header>
<nav id="bar" aria-label="steps">
<div id="controls">{_BUTTONS}
<span id="time" role="status"></span><span id="tabs">{tabs}</span><button id="help" title="keys (?)">?</button></div>
<div id="race">{"".join(_bar(number, fault, longest) for number, fault in enumerate(faults))}</div>
<table id="keys" hidden>{keys}</table>
</nav>
<noscript><p class=note>Without scripts the page lists the steps alone, without registers and stack.</p></noscript>
<main>
{columns}
</main>
<script type="application/json" id="data">{_json(data)}</script>
<script>{_asset("fault_page.js")}</script>
</body></html>
"""


def _data(fault: SteppedFault) -> dict[str, Any]:
    steps = [[s.cycles, s.kind, s.text, s.event, s.thread, s.core, s.panes] for s in fault.steps]
    return {"mode": fault.mode, "number": fault.number, "cycles": fault.cycles, "steps": steps, "texts": fault.texts}


def _json(data: Any) -> str:
    """JSON that may stand in a <script>: it holds no `<`."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _column(number: int, fault: SteppedFault) -> str:
    left_out = ""
    if fault.left_out:
        told = (
            f"The handler runs long: {fault.left_out:,} instructions, {fault.left_out_events:,} events are not shown."
        )
        left_out = f"<p class=note>{told}</p>"
    where = f"fault {fault.number} of the run, {fault.address:#x}, at {fault.place}; resolved by: {fault.path}"
    titles = "".join(f"<span>{escape(title)}</span>" for title in ("cycles", *fault.lanes))
    return f"""<section class="mechanism" data-mechanism="{number}" style="--mechanism:{colour_of(fault.mode)}">
<h2>{escape(f"{fault.mode}: {fault.cycles:,} cycles")}</h2>
<p class=note>{escape(where)}</p>
<div class="lanes" aria-hidden="true">{titles}</div>
<ol class="steps" tabindex="-1">{"".join(_item(i, step) for i, step in enumerate(fault.steps))}</ol>{left_out}
<div class="now" aria-live="polite"></div>
<div class="panes">{"".join(_pane(name) for name in PANES)}</div>
</section>"""


def _item(number: int, step: Step) -> str:
    kind = "step instruction" if step.kind == INSTRUCTION else "step"
    return (
        f'<li class="{kind} lane{step.lane}" data-step="{number}"><span class=cycles>{step.cycles:,}</span>'
        f"<span class=text>{escape(step.text)}</span></li>"
    )


def _pane(name: str) -> str:
    return f'<details class="pane" data-pane="{name}" open><summary>{_TITLES[name]}</summary><pre></pre></details>'


def _bar(number: int, fault: SteppedFault, longest: int) -> str:
    """A bar to scale: the faulting thread's time filled, the kernel's and the handler thread's lighter."""
    times = list(accumulate((step.cycles for step in fault.steps), max))
    pieces: list[tuple[int, int, int]] = []  # lane, begin, end
    for (before, after), step in zip(pairwise(times), fault.steps[1:], strict=True):
        if after > before and before < fault.cycles:
            joins = pieces and pieces[-1][0] == step.lane and pieces[-1][2] == before
            pieces[-1:] = [(step.lane, pieces[-1][1], after)] if joins else [*pieces[-1:], (step.lane, before, after)]
    parts = [
        f'<i class="lane{lane}" style="left:{_share(begin, longest)};width:{_share(end - begin, longest)}"></i>'
        for lane, begin, end in pieces
    ]
    return (
        f'<div class="bar" data-mechanism="{number}" style="--mechanism:{colour_of(fault.mode)}">'
        f"<b>{escape(fault.mode)}</b>"
        f'<div class="track">{"".join(parts)}<u></u></div><span>{fault.cycles:,}</span></div>'
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3f}%"


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
