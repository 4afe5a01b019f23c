"""A cached graph is the one that was built, or it is built again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from guest import graph_cache, workloads
from guest.graphs import rmat
from guest.workloads import BfsWorkload, bfs_workload
from pffemu import PffemuError

PARAMETERS = (8, 4, 1)


def content(workload: BfsWorkload) -> bytes:
    octets = bytearray(workload.data.nbytes)
    assert not isinstance(workload.data, memoryview), "the host keeps a copy"
    workload.data.copy_to(memoryview(octets))
    return bytes(octets)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PFFEMU_GRAPH_CACHE", str(tmp_path / "graphs"))
    monkeypatch.setattr(workloads, "CACHED_FROM", 8)
    return tmp_path / "graphs"


def test_the_second_time_it_comes_from_disk_and_is_the_same(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = bfs_workload(*PARAMETERS)
    (file,) = cache.iterdir()
    assert file.name == "rmat-s8-e4-1-v1.csr"
    monkeypatch.setattr(workloads, "rmat", None)  # must not be asked again
    loaded = bfs_workload(*PARAMETERS)
    assert (loaded.source, loaded.vertices) == (built.source, built.vertices)
    assert content(loaded) == content(built) == np.asarray(rmat(*PARAMETERS).data).tobytes()
    assert np.array_equal(loaded.levels, built.levels)


@pytest.mark.parametrize("damage", ["shorter", "longer", "changed", "empty"])
def test_a_damaged_file_is_built_again(cache: Path, damage: str) -> None:
    octets = content(bfs_workload(*PARAMETERS))
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    changed = whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]
    file.write_bytes({"shorter": whole[:-1], "longer": whole + b"x", "changed": changed, "empty": b""}[damage])
    assert content(bfs_workload(*PARAMETERS)) == octets
    assert file.read_bytes() == whole


@pytest.mark.parametrize("change", ["gone", "shorter", "changed"])
def test_a_file_that_changes_after_it_was_loaded_is_an_error(cache: Path, change: str) -> None:
    workload = bfs_workload(*PARAMETERS)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:50] if change == "shorter" else bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(PffemuError, match="changed"):
        content(workload)


def test_where_nothing_can_be_written_it_still_works(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert bfs_workload(*PARAMETERS).vertices == 256


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PFFEMU_GRAPH_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert graph_cache.folder() == Path("/somewhere/pffemu/graphs")
    monkeypatch.setenv("PFFEMU_GRAPH_CACHE", "")
    assert graph_cache.folder() is None
