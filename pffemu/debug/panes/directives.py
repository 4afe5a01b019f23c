"""Pane: directed resolution: the directives of an address space, its cores' rings, and the fills under way."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from pffemu.arch import directed as arch
from pffemu.arch.directed import Kind
from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.hw import directive, frame_rings
from pffemu.hw.cpu import Cpu
from pffemu.hw.directive import Directive
from pffemu.hw.frame_rings import Context


def directives(cpu: Cpu, cpus: Iterable[Cpu]) -> Text:
    """Those of the address space that `cpu` has loaded; the fill of a core is highlighted."""
    context = cpu.directed.context
    if context is None:
        return Text("no directives in this address space\n", QUIET)
    words = cpu.mmu.ram.words
    text = Text().append("directives\n", NAME)
    for index in range(1, context.limit + 1):
        found = directive.load(words, context.table, index)
        if found is not None:
            text.append(f"{index:3}  {_described(found)}\n", "" if found.valid else QUIET)
    text.append("rings\n", NAME)
    for core in cpus:
        if core.directed.context is not None and core.directed.context.table == context.table:
            text.append(f"core {core.index}", NAME).append(f"  {_rings(core, core.directed.context)}\n")
            fill = core.directed.fill
            if fill is not None:
                text.append(f"        fills page {fill.page:#x}, next step: {fill.step or 'replay'}\n", HERE)
    closed = ", gate closed" if frame_rings.is_closed(words, context.epochs) else ""
    return text.append(f"epoch {words[(context.epochs >> 3) + arch.EPOCH]}{closed}\n")


def _described(found: Directive) -> str:
    rights = ("r" if found.read else "-") + ("w" if found.write else "-")
    source = f" from {found.source:#x} +{found.stride:#x} a page" if found.kind is Kind.COPY else ""
    around = f", around {1 << found.around} pages" if found.around else ""
    left = f", {found.left} pages left" if found.counted else ""
    return (
        f"{found.start:#x}-{found.end:#x}  {found.kind.name}{source}  {rights}, generation {found.generation}"
        f"{around}{left}{'' if found.valid else ', not valid'}"
    )


def _rings(core: Cpu, context: Context) -> str:
    words = core.mmu.ram.words
    frames = frame_rings.frame_ring(words, context.frames)
    returns, records = frame_rings.return_ring(words, context.returns), frame_rings.record_ring(words, context.records)
    acknowledged = words[frame_rings.line_of(context.epochs, core.index) + arch.ACKNOWLEDGED]
    epoch = "" if acknowledged == arch.INACTIVE else f", acknowledged {acknowledged}"
    many = "" if records.count == 1 else "s"
    return f"{frames.count} of {frames.capacity} frames, {returns.count} returned, {records.count} record{many}{epoch}"
