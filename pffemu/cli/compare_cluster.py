"""pffemu compare --scheduler: the runs as tasks of a dask.distributed cluster, one task a run.

Workers need pffemu in the same version. A result is written here as soon as it arrives, so the same command goes on
after a kill; tasks whose client has gone are dropped by the scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from guest.caching.workload import CachedWorkload
from guest.caching.workloads import named_workload
from pffemu.cli.compare_points import ComparePoint, Comparison, result_of
from pffemu.cli.point_processes import PointFailed, code_hash, raise_first
from pffemu.errors import MissingExtraError, PffemuError, UsageError

EXTRA: Final = "cluster"
WHERE: Final = "--scheduler"
_PATIENCE: Final = 10  # seconds until a scheduler must have answered
_RETRIES: Final = 2  # of a run whose worker has died


class Answer(NamedTuple):
    """What a worker tells of a run: its result, or why there is none."""

    told: dict[str, Any] | None
    failure: str = ""


class Cluster:
    """A connection to a scheduler. `done`: how many runs are, so far."""

    def __init__(self, address: str) -> None:
        """Raises MissingExtraError, UsageError."""
        try:
            import distributed
        except ImportError as error:
            raise MissingExtraError("distributed", EXTRA, where=WHERE) from error
        self.address, self.done = address, 0
        self._distributed = distributed
        self._stopped = False
        try:
            distributed.comm.resolve_address(address)  # a client without one leaves tracebacks
            self._client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(
                f"no scheduler answers at {address!r}",
                where=WHERE,
                remedy="the address that `dask scheduler` prints, as in tcp://HOST:8786",
            ) from error

    def run(self, comparison: Comparison, missing: Sequence[ComparePoint]) -> None:
        """Run the points on the cluster's workers. Raises PointFailed when some have failed, after all others."""
        failed: list[PointFailed] = []
        try:
            tasks = {
                self._client.submit(run_here, comparison, point, code_hash(), pure=False, retries=_RETRIES): point
                for point in missing
            }
            for task in self._distributed.as_completed(tasks, loop=self._client.loop):
                if self._stopped:
                    return
                answer, point = self._answer(task), tasks[task]
                if answer.told is None:
                    failed.append(PointFailed(answer.failure, where=point.described))
                    continue
                point.keep(answer.told)
                self.done += 1
        finally:
            self._client.close()
        raise_first(failed)

    @staticmethod
    def _answer(task: Any) -> Answer:
        try:
            answer: Answer = task.result()
        except Exception as error:  # whatever a worker without pffemu, or one that died, raised
            return Answer(None, f"its worker failed: {type(error).__name__}: {error}")
        return answer

    def stop(self) -> None:
        """End the run: what workers have begun is not waited for."""
        self._stopped = True
        self._client.close(timeout=1)


def run_here(comparison: Comparison, point: ComparePoint, code: str) -> Answer:
    """A worker's part. `code`: of the pffemu that asks."""
    if code != code_hash():
        return Answer(None, "its worker has another version of pffemu: install the same one everywhere")
    try:
        return Answer(result_of(comparison, _built(comparison.name, comparison.scale), point))
    except PffemuError as error:
        return Answer(None, str(error))


@lru_cache(maxsize=1)
def _built(name: str, scale: int) -> CachedWorkload:
    return named_workload(name, scale)
