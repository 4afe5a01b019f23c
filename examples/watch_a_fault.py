"""Every step of one forwarded fault, as the events on the machine's bus.

python examples/watch_a_fault.py
"""

from pathlib import Path

from pffemu import Exited, Machine, Mode, WalkRefused, to_json

steps: list[str] = []


def keep_the_fault(event: object) -> None:
    """The events from the refused walk on."""
    if steps or isinstance(event, WalkRefused):
        steps.append(to_json(event))


machine = Machine(mode=Mode.PFF)
machine.events.sinks.append(keep_the_fault)
machine.load(Path(__file__).with_name("own_handler.s"))
stop = machine.run()
print("\n".join(steps))
assert stop == Exited(0x2A), stop
