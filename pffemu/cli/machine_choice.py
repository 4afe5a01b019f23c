"""The options of a machine, once, for every command that runs a guest: `@chooses_machine`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import wraps
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.models import OptionInfo

from kernel_model.mechanisms import Mode
from pffemu.arch.frames import FrameLayout
from pffemu.cli import options
from pffemu.cli.terminal import say
from pffemu.hw.cpu_options import CpuOptions, Delivery, Memory
from pffemu.hw.mmu import UffdLookup
from pffemu.machine.options import Compat, MachineOptions
from pffemu.machine.roots import parse_root
from pffemu.timing import DEFAULT_PROFILE, load_profile
from pffemu.timing.locking import Locking

_CPU: Final = CpuOptions()


class MachineChoice(NamedTuple):
    """What was chosen: the machine, the guest's environment, and the words of a command line that choose the same.

    `changed`: of each option that is not as it would be by itself, its words.
    """

    options: MachineOptions
    environment: list[str]
    words: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def told(self, *told_elsewhere: str) -> dict[str, list[str]]:
        """For a report's options: `machine`, the words that are not told elsewhere in them, if any."""
        words = [word for name, words in self.changed.items() if name not in told_elsewhere for word in words]
        return {"machine": words} if words else {}


def _choice(
    mode: options.RunMode = Mode.PFF,
    cpus: options.Cpus = options.DEFAULTS.cpus,
    ram: options.Ram = None,
    quota: options.Quota = None,
    fault_around: options.FaultAround = options.DEFAULTS.fault_around,
    root: options.Root = None,
    libs: options.Libs = options.DEFAULTS.libs,
    env: options.Env = None,
    seed: options.Seed = options.DEFAULTS.seed,
    strict: options.Strict = options.DEFAULTS.strict,
    exact_float: options.ExactFloat = _CPU.exact_float,
    check_alignment: options.CheckAlignment = _CPU.check_alignment,
    profile: options.MachineProfile = DEFAULT_PROFILE,
    memory: Annotated[
        Memory,
        typer.Option(help="What loads and stores cost: a constant, or by caches and TLBs (and two bounds of overlap)."),
    ] = _CPU.memory,
    delivery: Annotated[
        Delivery, typer.Option(help="Treatment of instructions in flight when a core takes a user interrupt.")
    ] = _CPU.delivery,
    lookup: Annotated[
        UffdLookup, typer.Option(help="How the MMU finds userfaultfd memory: by a table of ranges, or by a PTE bit.")
    ] = _CPU.uffd_lookup,
    frame_layout: Annotated[
        FrameLayout, typer.Option("--frame-layout", help="Layout of the extended frame that a forwarded fault pushes.")
    ] = _CPU.frame_layout,
    regions: Annotated[
        int, typer.Option(min=1, help="Entries of the MMU's table of userfaultfd ranges.")
    ] = options.DEFAULTS.uffd_regions,
    compat: Annotated[
        Compat, typer.Option(help="Whose programs run unchanged: pffemu's, or those of the prototype PFF-UINTR.")
    ] = options.DEFAULTS.compat,
    writable_zero: Annotated[
        bool,
        typer.Option("--writable-zero", help="Offer a mode of UFFDIO_ZEROPAGE that gives a page of its own at once."),
    ] = options.DEFAULTS.writable_zero,
    wakeup_preemption: Annotated[
        bool,
        typer.Option("--wakeup-preemption", help="Let a woken thread take its core from the one that runs there."),
    ] = options.DEFAULTS.wakeup_preemption,
    locking: Annotated[
        Locking | None,
        typer.Option(help="Version of Linux whose locks an address space has: mmap_lock alone, or one for each area."),
    ] = options.DEFAULTS.locking,
) -> MachineChoice:
    cpu = CpuOptions(
        profile=load_profile(profile), exact_float=exact_float, check_alignment=check_alignment, delivery=delivery,
        memory=memory, uffd_lookup=lookup, frame_layout=frame_layout,
    )  # fmt: skip
    machine = MachineOptions(
        mode=mode, cpus=cpus, ram=ram if ram is not None else options.DEFAULTS.ram, seed=seed, strict=strict, cpu=cpu,
        roots=tuple(parse_root(text) for text in root or []), libs=libs, uffd_regions=regions,
        quota=quota if quota is not None else options.DEFAULTS.quota, fault_around=fault_around,
        compat=compat, writable_zero=writable_zero, wakeup_preemption=wakeup_preemption,
        locking=locking,
    )  # fmt: skip
    return MachineChoice(machine, options.environment(env))


def chooses_machine(command: Callable[..., None]) -> Callable[..., None]:
    """A decorator that puts all options of a machine in place of the parameter `machine`, a MachineChoice.

    An option that the command defines itself (as `mode`, where it may be repeated) stays as it is.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "machine"]
    names = {parameter.name for parameter in own}
    shared = [p for p in inspect.signature(_choice, eval_str=True).parameters.values() if p.name not in names]

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *shared)]

    @wraps(command)
    def with_machine(**given: Any) -> None:
        if command.__name__ != "run":  # whose guests may well have options of these names
            _warn_of_options_behind(given.get("arguments") or (), parameters)
        chosen = {parameter.name: given.pop(parameter.name) for parameter in shared}
        usual = {parameter.name: parameter.default for parameter in shared}
        changed = {name: _words({name: value}) for name, value in chosen.items() if value != usual[name]}
        command(**given, machine=_choice(**chosen)._replace(words=_words(chosen), changed=changed))

    with_machine.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_machine.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del with_machine.__wrapped__  # typer would read the signature of the wrapped command
    return with_machine


def _warn_of_options_behind(arguments: Sequence[str], parameters: Sequence[inspect.Parameter]) -> None:
    """Warn of the first argument of the guest that is spelled like an option of the command."""
    own = {name for parameter in parameters for name in _option_names(parameter)}
    late = next((text for text in arguments if text.partition("=")[0] in own), None)
    if late is not None:
        say(f"warning: {late} behind the program's name is the guest's; options of pffemu go in front of it")


def _option_names(parameter: inspect.Parameter) -> list[str]:
    """As typer makes them: those that are declared, or else the parameter's name."""
    declared = [each for each in getattr(parameter.annotation, "__metadata__", ()) if isinstance(each, OptionInfo)]
    spelled = [name for each in declared for name in each.param_decls or () if name.startswith("--")]
    return spelled or [f"--{parameter.name.replace('_', '-')}" for _ in declared]


def _words(chosen: Mapping[str, Any]) -> tuple[str, ...]:
    words: list[str] = []
    for name, value in chosen.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [option] if value else []
        elif value is not None:
            for one in value if isinstance(value, list) else [value]:
                words += [option, str(one.value if isinstance(one, Enum) else one)]
    return tuple(words)
