"""The MMU's region table against a model: a set of pages for each address space and mode."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch.pagefault import RSVD, I, P, U, W
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.arch.uffd_mmio import MODE_MISSING, MODE_WRITE_PROTECT
from pffemu.hw.uffd_regions import BadRangeError, Region, RegionTable, TableFullError, covers

BOTH = MODE_MISSING | MODE_WRITE_PROTECT
PAGES = 24
TAGS = (0, 0x1000, 0x2000)
Model = dict[tuple[int, int], set[int]]  # (tag, mode) -> page numbers

spans = st.tuples(st.integers(0, PAGES - 1), st.integers(1, PAGES)).map(lambda p: (p[0], min(PAGES, p[0] + p[1])))
modes = st.sampled_from((MODE_MISSING, MODE_WRITE_PROTECT, BOTH))
operations = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(TAGS), spans, modes),
    st.tuples(st.just("remove"), st.sampled_from(TAGS), spans, st.just(0)),
    st.tuples(st.just("remove_tag"), st.sampled_from(TAGS), st.just((0, 1)), st.just(0)),
)


def runs(pages: set[int]) -> int:
    """Maximal runs of neighbours: the regions these pages need."""
    return sum(1 for page in pages if page - 1 not in pages)


def changed(model: Model, kind: str, tag: int, span: tuple[int, int], mode: int) -> Model:
    new = {key: set(pages) for key, pages in model.items()}
    touched = set(range(*span))
    if kind == "add":
        new.setdefault((tag, mode), set()).update(touched)
    for key in new:
        if key[0] == tag and kind != "add":
            new[key] = new[key] - touched if kind == "remove" else set()
    return new


def apply(table: RegionTable, kind: str, tag: int, span: tuple[int, int], mode: int) -> bool:
    """False: the table was full."""
    start, end = (page * PAGE_SIZE for page in span)
    try:
        if kind == "add":
            table.add(Region(tag, start, end, mode))
        elif kind == "remove":
            table.remove(tag, start, end)
        else:
            table.remove_tag(tag)
    except TableFullError:
        return False
    return True


@given(capacity=st.integers(1, 12), steps=st.lists(operations, max_size=30))
def test_the_table_holds_exactly_the_pages_of_the_model_in_as_few_regions_as_possible(
    capacity: int, steps: list[tuple[str, int, tuple[int, int], int]]
) -> None:
    table, model = RegionTable(capacity), Model()
    for step in steps:
        wanted = changed(model, *step)
        fits = sum(map(runs, wanted.values())) <= capacity
        before = list(table.regions)
        assert apply(table, *step) == fits
        if fits:
            model = wanted
        else:
            assert table.regions == before
        assert len(table.regions) == sum(map(runs, model.values()))
        for tag in TAGS:
            for page in range(PAGES):
                found = Counter(region.mode for region in table.find(tag, page * PAGE_SIZE + 0xFFF))
                inside = Counter(m for (t, m), pages in model.items() if t in (tag, 0) and page in pages)
                assert found == inside


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0x1000, 0x1000), (0x2000, 0x1000), (0x1001, 0x2000), (0x1000, 0x2FFF), (USER_END, USER_END + PAGE_SIZE),
        (-PAGE_SIZE, PAGE_SIZE), (0, 1 << 63), (1 << 63, (1 << 63) + PAGE_SIZE),
    ],
)  # fmt: skip
def test_a_bad_range_is_refused_and_changes_nothing(start: int, end: int) -> None:
    table = RegionTable()
    table.add(Region(0, 0, 4 * PAGE_SIZE, MODE_MISSING))
    with pytest.raises(BadRangeError):
        table.add(Region(0, start, end, MODE_MISSING))
    with pytest.raises(BadRangeError):
        table.remove(0, start, end)
    assert table.regions == [Region(0, 0, 4 * PAGE_SIZE, MODE_MISSING)]


@pytest.mark.parametrize("mode", [0, 4, 5, 1 << 40])
def test_a_region_without_a_known_mode_is_refused(mode: int) -> None:
    with pytest.raises(BadRangeError):
        RegionTable().add(Region(0, 0, PAGE_SIZE, mode))


def test_all_of_user_space_is_one_region() -> None:
    table = RegionTable(1)
    table.add(Region(0, 0, USER_END, MODE_MISSING))
    assert table.find(0x5000, USER_END - 1)
    assert not table.find(0x5000, USER_END)


@pytest.mark.parametrize(
    ("mode", "code", "covered"),
    [
        (MODE_MISSING, U, True),
        (MODE_MISSING, U | W, True),
        (MODE_MISSING, U | I, True),
        (MODE_MISSING, U | P, False),
        (MODE_MISSING, U | P | W, False),
        (MODE_WRITE_PROTECT, U, False),
        (MODE_WRITE_PROTECT, U | W, False),
        (MODE_WRITE_PROTECT, U | P | W, True),
        (MODE_WRITE_PROTECT, U | P, False),
        (MODE_WRITE_PROTECT, U | P | I, False),
        (BOTH, U, True),
        (BOTH, U | P | W, True),
        (BOTH, U | P, False),
        (BOTH, U | P | RSVD, False),
        (BOTH, U | P | W | RSVD, False),
    ],
)
def test_missing_mode_covers_p_0_and_write_protect_mode_p_1_with_w_1(mode: int, code: int, covered: bool) -> None:
    assert covers(mode, code) is covered
