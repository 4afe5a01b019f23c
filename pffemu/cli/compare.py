"""pffemu compare: one workload under every mechanism, with less and less memory, and more and more threads."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import typer

import pffemu
from guest.caching.mechanisms import ALL, chosen_mechanisms
from guest.caching.workload import CachedWorkload, CacheSetting, Policy
from guest.caching.workloads import WORKLOADS, named_workload
from pffemu.cli import compare_options, compare_run, foreground, options
from pffemu.cli.bench import WRONG_ANSWER
from pffemu.cli.compare_cluster import Cluster
from pffemu.cli.compare_points import ComparePoint, Comparison, run_points
from pffemu.cli.compare_program import compare_program, program_modes
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.point_processes import Point, PointFailed, PointRefused, Runner, make_folder
from pffemu.cli.terminal import check_writable, err_console, out_console, say, write_text
from pffemu.cli.uncertain import Draws
from pffemu.errors import UsageError
from pffemu.report import compare_figure, plot
from pffemu.report.cache_draws import assess_runs, conclusions
from pffemu.report.compare_table import compare_tables
from pffemu.report.csv_rows import rows, to_csv
from pffemu.report.progress import ProgressLine

_WIDE: Final = 180  # columns, where the output is no terminal
_INTERVALS: Final = 30  # more of them with --uncertainty
_HERE: Final = "a program runs here, once a mode"
_OF_WORKLOADS: Final = {  # options that a program of the user's own does not have, and why
    "quota": "", "threads": "", "scale": "", "policy": "", "batch": "", "handlers": "", "spare": "", "frames": "",
    "store": "", "folder": _HERE, "jobs": _HERE, "scheduler": _HERE, "only": _HERE,
    "plot_to": "a program has one quota, so there is nothing to draw",
}  # fmt: skip


@chooses_machine
def compare(
    context: typer.Context,
    workload: compare_options.Subject,
    arguments: compare_options.Arguments = None,
    *,
    machine: MachineChoice,
    mechanism: compare_options.Mechanism = ALL,
    quota: compare_options.Quota = "0.25,1",
    threads: compare_options.Threads = "1,4",
    scale: compare_options.Scale = 12,
    policy: compare_options.PolicyOption = Policy.FIFO,
    batch: compare_options.Batch = 1,
    handlers: compare_options.Handlers = 1,
    spare: compare_options.Spare = 0,
    frames: compare_options.Frames = 64,
    store: compare_options.Store = compare_options.StoreChoice.MEMORY,
    folder: compare_options.Folder = Path("compare"),
    jobs: compare_options.Jobs = 2,
    scheduler: compare_options.Scheduler = None,
    only: compare_options.Only = None,
    uncertainty: options.Uncertainty = None,
    draw_seed: options.DrawSeed = 0,
    json: options.Json = None,
    csv: options.Csv = None,
    plot_to: compare_options.Plot = None,
) -> None:
    """Run one workload, or your program, under many mechanisms, with less memory and more threads.

    The same command goes on after a kill.

    Example: pffemu compare kv --mechanism uffd,pff,swizzle --quota 0.1,0.5,1 --threads 1,4
    """
    _check(machine, json, csv, plot_to)
    draws = Draws(uncertainty, draw_seed)
    if workload not in WORKLOADS and (Path(workload).exists() or Path(workload).name != workload):
        _refuse_with_program(context)
        compare_program(workload, arguments or [], program_modes(mechanism), machine, json, csv, draws)
        return
    if arguments:
        raise UsageError(f"workload {workload} takes no arguments", where="compare", remedy="options go before it")
    setting = replace(_setting(policy, batch, handlers, spare, store), frames=frames)
    mechanisms = chosen_mechanisms(mechanism, on_disk=setting.on_disk)
    which = workload, scale, mechanisms, compare_options.quotas(quota), compare_options.threads(threads)
    comparison = Comparison(*which, setting, machine.options, machine.words, folder, draws)
    make_folder(folder)
    cluster = None if scheduler is None else Cluster(scheduler)
    points = compare_options.only(only, comparison.points())
    progress = ProgressLine(err_console, f"compare {workload}", len(points))
    built = foreground.prepare(lambda: named_workload(workload, scale), progress, "building the input")
    comparison.check(points, built)
    missing = [point for point in points if point.report() is None]
    there = len(points) - len(missing)
    failure = _run(comparison, built, missing, jobs, progress, cluster)
    if only is None:
        found = [(point, result) for point in points if (result := point.report()) is not None]
        told = _report(comparison, found, machine)
        _show(told, json, csv, plot_to, f"{len(found)} results, {there} of them from before, in {folder}")
    if failure is not None:
        raise failure


def _check(machine: MachineChoice, json: str | None, csv: str | None, plot_to: Path | None) -> None:
    """Raises UsageError for what no comparison can have."""
    if machine.options.mode is not options.DEFAULTS.mode:
        raise UsageError("a mechanism has its mode", where="--mode", remedy="choose with --mechanism")
    for output in (json, csv, plot_to):
        check_writable(output)
    if plot_to is not None:
        plot.check(plot_to)


def _setting(policy: Policy, batch: int, handlers: int, spare: int, store: compare_options.StoreChoice) -> CacheSetting:
    """What all runs have in common."""
    on_disk = store is compare_options.StoreChoice.DISK
    kernel = chosen_mechanisms("kernel")[0]
    return CacheSetting(kernel, policy=policy, batch=batch, handlers=handlers, spare=spare, on_disk=on_disk)


def _refuse_with_program(context: typer.Context) -> None:
    """Raises UsageError when an option was given that only a workload has."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in _OF_WORKLOADS and source is not None and source.name == "COMMANDLINE":
            why = _OF_WORKLOADS[parameter.name] or "a program of your own decides that itself"
            raise UsageError(why, where=parameter.opts[0], remedy="give a workload, or leave it out")


def _run(
    comparison: Comparison,
    workload: CachedWorkload,
    missing: Sequence[ComparePoint],
    jobs: int,
    progress: ProgressLine,
    cluster: Cluster | None,
) -> PointFailed | None:
    """Run what is missing; what failed of it: the other mechanisms' results are there all the same."""
    try:
        if cluster is not None:
            _in_cluster(cluster, comparison, missing, progress)
        elif jobs:
            _in_processes(comparison, missing, jobs, progress)
        else:
            _here(comparison, workload, missing, progress)
    except PointRefused:
        raise
    except PointFailed as failure:
        return failure
    return None


def _here(
    comparison: Comparison, workload: CachedWorkload, missing: Sequence[ComparePoint], progress: ProgressLine
) -> None:
    started: list[str] = []

    def show() -> None:
        if started:
            progress.update(started[-1], len(started) - 1)

    try:
        foreground.call(
            lambda: started.extend(run_points(comparison, workload, missing)), show=show, stop=compare_run.interrupt
        )
    finally:
        progress.clear()


def _in_cluster(
    cluster: Cluster, comparison: Comparison, missing: Sequence[ComparePoint], progress: ProgressLine
) -> None:
    total = len(comparison.points())
    before = total - len(missing)

    def show() -> None:
        done = before + cluster.done
        progress.update(f"{done} of {total} runs", done)

    try:
        foreground.call(lambda: cluster.run(comparison, missing), show=show, stop=cluster.stop)
    finally:
        progress.clear()


def _in_processes(comparison: Comparison, missing: Sequence[ComparePoint], jobs: int, progress: ProgressLine) -> None:
    """As many processes as `jobs`. Each runs every so many of what is missing, so that their work is about equal."""
    shares = [share for start in range(jobs) if (share := missing[start::jobs])]
    processes = [_process(comparison, share) for share in shares]
    runner, total, waiting = Runner(), len(comparison.points()), list(missing)

    def show() -> None:
        waiting[:] = [point for point in waiting if point.report() is None]  # a result is read once
        done = total - len(waiting)
        progress.update(f"{done} of {total} runs", done)

    try:
        foreground.call(lambda: runner.run(processes, jobs), show=show, stop=runner.stop)
    finally:
        progress.clear()


def _process(comparison: Comparison, share: Sequence[ComparePoint]) -> Point:
    setting, points = comparison.setting, comparison.points()
    command = [
        "compare", "--mechanism", ",".join(one.name for one in comparison.mechanisms),
        "--quota", ",".join(map(str, comparison.quotas)),
        "--threads", ",".join(map(str, comparison.threads)), "--scale", str(comparison.scale),
        "--policy", setting.policy.value, "--batch", str(setting.batch), "--handlers", str(setting.handlers),
        "--spare", str(setting.spare), "--frames", str(setting.frames), "--store", _store(setting),
        "--folder", str(comparison.folder), "--jobs", "0", "--only", ",".join(str(points.index(one)) for one in share),
        *_drawn(comparison.draws), *comparison.words, comparison.name,
    ]  # fmt: skip
    return Point({}, command, None)


def _drawn(draws: Draws) -> list[str]:
    return [] if draws.count is None else ["--uncertainty", str(draws.count), "--draw-seed", str(draws.seed)]


def _store(setting: CacheSetting) -> str:
    return "disk" if setting.on_disk else "memory"


def _report(
    comparison: Comparison, found: Sequence[tuple[ComparePoint, dict[str, Any]]], machine: MachineChoice
) -> dict[str, Any]:
    """What --json writes, of the points and their results."""
    setting, profile = comparison.setting, comparison.machine.cpu.profile
    runs = [told for point, told in found if not point.is_steps]
    count, seed = comparison.draws.count, comparison.draws.seed
    uncertainty = {} if count is None else {"uncertainty": assess_runs(runs, profile, count, seed)}
    return {
        "version": pffemu.__version__,
        "command": "compare",
        "options": {
            "workload": comparison.name, "scale": comparison.scale,
            "mechanisms": [one.name for one in comparison.mechanisms], "quotas": list(comparison.quotas),
            "threads": list(comparison.threads), "policy": setting.policy.value, "batch": setting.batch,
            "handlers": setting.handlers, "spare": setting.spare, "frames": setting.frames,
            "store": _store(setting), "profile": profile.name,
            "profile_hash": profile.digest, **machine.told("profile"),
        },
        "runs": runs,
        "steps": {
            point.mechanism.name: {"lines": point.mechanism.lines, **told}
            for point, told in found if point.is_steps
        },
        **uncertainty,
    }  # fmt: skip


def _show(told: dict[str, Any], json: str | None, csv: str | None, plot_to: Path | None, note: str) -> None:
    out = out_console(to_stderr="-" in (json, csv))
    if not out.is_terminal:
        out.width = max(out.width, _WIDE + (_INTERVALS if "uncertainty" in told else 0))
    out.print(*compare_tables(told, out.width), *conclusions(told), note, sep="\n", markup=False)
    if json is not None:
        write_text(json_text.dumps(told, indent=2), json)
    if csv is not None:
        write_text(to_csv(rows(told)).rstrip("\n"), csv)
    if plot_to is not None:
        compare_figure.draw(told, plot_to)
    wrong = [
        f"{run['mechanism']} (quota {run['quota']:g}, {run['threads']} threads)"
        for run in told["runs"]
        if not run["correct"]
    ]
    if wrong:
        say(f"error: wrong answer under {', '.join(wrong)}\n  try: report this; it is an error of pffemu")
        raise typer.Exit(WRONG_ANSWER)
