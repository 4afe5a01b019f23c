"""docs/reading-uintr.md against the sources: the place of each `# SDM name.number`. Run it to correct the links."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reading-uintr.md"
_SOURCES = ("pffemu/hw", "pffemu/machine")
_ANCHOR = re.compile(r"# .*")
_NAME = re.compile(r"SDM ([a-z]+\.\d+)")
_ROW = re.compile(r"^\| (?P<step>[a-z]+\.\d+) \| (?P<what>.*) \| (?P<where>.*?) ?\|$", re.MULTILINE)


def anchors() -> dict[str, list[str]]:
    """Step -> every `file:line` whose comment names it."""
    found: dict[str, list[str]] = {}
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                comment = _ANCHOR.search(line)
                for step in _NAME.findall(comment[0]) if comment else []:
                    found.setdefault(step, []).append(f"{path.relative_to(ROOT)}:{number}")
    return found


def rows(text: str) -> dict[str, str]:
    """Step -> the page's text about its place."""
    return {match["step"]: match["where"] for match in _ROW.finditer(text)}


def link(place: str) -> str:
    file, _, line = place.rpartition(":")
    return f"[{place.removeprefix('pffemu/')}](../{file}#L{line})"


def updated(text: str, places: dict[str, list[str]]) -> str:
    """The page with every row's link corrected from the sources."""

    def row(match: re.Match[str]) -> str:
        where = ", ".join(link(place) for place in places.get(match["step"], []))
        return f"| {match['step']} | {match['what']} | {where} |"

    return _ROW.sub(row, text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(), anchors()))
