"""What always holds of sleeping threads, wherever they sleep: of all queues of a kernel at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kernel_model.files import File
from kernel_model.files.epoll import Epoll
from kernel_model.files.pipe import Pipe, PipeReader
from kernel_model.kernel import Kernel
from kernel_model.sched.run_queue import QUANTUM
from kernel_model.task.sleep import Sleep
from kernel_model.task.task import Task, TaskState
from kernel_model.uffd.context import Userfaultfd
from kernel_model.uffd.messages import Event
from kernel_model.wait.queue import Interruptible, WaitQueue
from pffemu.arch.paging import PTE_P, page_of

_SLACK = 10 * QUANTUM  # cycles that a core's last call, or the end of a turn, may be late


def files_of(kernel: Kernel) -> list[File]:
    """Every open file once."""
    return list(dict.fromkeys(file for process in kernel.processes.values() for file in process.files.files()))


def uffds_of(kernel: Kernel) -> list[Userfaultfd]:
    """Open ones, those that only an area has, and those on their way in a message."""
    found = [file for file in files_of(kernel) if isinstance(file, Userfaultfd)]
    found += [area.uffd for process in kernel.processes.values() for area in process.mm.vmas if area.uffd is not None]
    found += [event.child for uffd in found for event in uffd._events if event.child is not None]
    return list(dict.fromkeys(found))


def queues_of(kernel: Kernel) -> list[WaitQueue]:
    """Every wait queue, and each once."""
    found: list[WaitQueue] = list(kernel.futexes._queues.values())
    for process in kernel.processes.values():
        found += [process.child_changes, process.vfork_done, process.signals.arrivals, process.signals.stopped]
        found += [queue for task in process.tasks for queue in task.queues]
    for file in [*files_of(kernel), *uffds_of(kernel)]:
        for part in vars(file).values():
            if isinstance(part, WaitQueue):
                found.append(part)
            elif isinstance(part, Pipe):
                found += [part.data, part.space]
    return list(dict.fromkeys(found))


def check(kernel: Kernel, quiet_pages: set[int]) -> None:
    """Raises AssertionError. `quiet_pages`: brought in without waking the threads that wait for them."""
    tasks = [task for process in kernel.processes.values() for task in process.tasks]
    _check_queues(kernel, tasks)
    _check_sleepers(kernel, tasks)
    _check_uffds(kernel, tasks)
    for task in tasks:
        if task.state is TaskState.BLOCKED:
            assert task.sleep is not None
            _check_not_forgotten(kernel, task, task.sleep, quiet_pages)
    for process in kernel.processes.values():
        stopped = [task for task in process.tasks if process.signals.stopped in task.queues]
        assert not stopped or process.signals.stopped_by, f"{stopped[0].tid} is stopped by nothing"


def _check_queues(kernel: Kernel, tasks: list[Task]) -> None:
    alive = {id(task) for task in tasks}
    stands: Counter[tuple[int, int]] = Counter()
    names = {}
    for queue in queues_of(kernel):
        names[id(queue)] = queue.name
        for task in queue.tasks:
            assert id(task) in alive, f"dead thread {task.tid} on {queue.name}"
            stands[id(task), id(queue)] += 1
    for task in tasks:
        assert task.state is not TaskState.DEAD, f"dead thread {task.tid} of a process"
        expected = Counter((id(task), id(queue)) for queue in task.queues)
        found = Counter({key: count for key, count in stands.items() if key[0] == id(task)})
        assert found == expected, (task.tid, [names[key[1]] for key in found], [queue.name for queue in task.queues])
        assert task.sleep is None or task.sleep.behind is None or not task.sleep.behind.queues
        if task.state is TaskState.RUNNABLE:
            assert not task.queues, f"runnable thread {task.tid} on {task.queues[0].name}"


def _check_sleepers(kernel: Kernel, tasks: list[Task]) -> None:
    scheduler = kernel.scheduler
    expected = [
        task.tid for task in tasks
        if task.state is TaskState.BLOCKED and task.sleep is not None and task.sleep.deadline is not None
    ]  # fmt: skip
    assert sorted(task.tid for task in scheduler.sleepers) == sorted(expected)
    ready = Counter(task.tid for queue in scheduler._queues for task in queue.waiting)
    ready.update(queue.current.tid for queue in scheduler._queues if queue.current is not None)
    assert ready == Counter(task.tid for task in tasks if task.state is TaskState.RUNNABLE)
    now = min((cpu.clock for cpu in kernel.cpus if not scheduler.idles(cpu)), default=0)
    late = [task.tid for task in scheduler.sleepers if task.sleep and (task.sleep.deadline or 0) + _SLACK < now]
    assert not late, f"threads {late} have slept too long at {now}"
    assert all(receiver.sleeping and receiver.task in tasks for receiver in kernel.uintr.switch.sleepers)


def _events_of(uffds: list[Userfaultfd]) -> Iterator[Event]:
    for uffd in uffds:
        for event in uffd._events:
            assert event.uffd is uffd
            yield event
            yield from event.then


def _check_uffds(kernel: Kernel, tasks: list[Task]) -> None:
    uffds = uffds_of(kernel)
    unread = Counter(id(event.uffd) for event in _events_of(uffds))
    for uffd in uffds:
        assert uffd.changing == unread[id(uffd)], f"userfaultfd {uffd.fd}: {uffd.changing}, {unread[id(uffd)]} unread"
        assert all(fault.task in tasks for fault in uffd._faults), "a dead thread's fault"
        for event in uffd._events:
            assert event.task is None or (event.task in tasks and uffd.event_waiters is not None)
        waiting = [event.task for event in _events_of(uffds)]
        assert all(task in waiting for task in uffd.event_waiters.tasks), "an event's thread was forgotten"


def _check_not_forgotten(kernel: Kernel, task: Task, sleep: Sleep, quiet_pages: set[int]) -> None:
    """What a thread waits for has not happened yet."""
    where = f"thread {task.tid} sleeps on ({sleep.why})"
    signals, shared = task.signals, task.process.signals
    if sleep.interruptible is not Interruptible.NO:
        assert not signals.due, f"{where} with a signal due"
        assert not shared.stopped_by, f"{where}, and its process is stopped"
        wanted = ~signals.blocked | (signals.waiting_for if "sigtimedwait" in sleep.why else 0)
        assert not signals.pending.mask & wanted, f"{where} with a signal pending"
        if shared.pending.mask & wanted:
            assert any(other.signals.due for other in task.process.tasks), f"{where}: no thread takes the signal"
    for process in kernel.processes.values():
        if process.vfork_done in sleep.queues:
            assert process.tasks, f"{where}, which is over"
            assert process.mm is task.process.mm, f"{where}, which is over"
    if task.process.child_changes in sleep.queues:
        assert not any(child.end for child in task.process.children), f"{where}, and there is a zombie"
    for file in files_of(kernel):
        if isinstance(file, PipeReader):
            assert file.pipe.data not in sleep.queues or not file.poll(), f"{where}, and there is data"
            assert file.pipe.space not in sleep.queues or file.pipe.full, f"{where}, and there is room"
        elif isinstance(file, Epoll) and file.waiters in sleep.queues:
            assert not file.poll(), f"{where}, and it is ready"
    for uffd in uffds_of(kernel):
        if uffd._faulters in sleep.queues:
            fault = next((fault for fault in uffd._faults if fault.task is task), None)
            assert fault is not None, f"{where}, which does not know of it"
            page = page_of(fault.address)
            present = task.process.mm.pages.entry(page) & PTE_P
            assert page in quiet_pages or not present, f"{where}, and the page is there"
    if task.futex.lock is not None and task.futex.lock.queue in sleep.queues:
        assert task.futex.lock.owner.state is not TaskState.DEAD, f"{where}, whose owner is dead"
