"""Policies: the kernel answers the faults of a range by itself, in one of a fixed set of ways (bpf_fault without code).

Zero, copy and map do what UFFDIO_ZEROPAGE, COPY and CONTINUE would; the kernel keeps the range within a quota of pages.
A fault that a policy cannot answer (its source is out of reach, or the fault is of another kind) is a message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioPolicy
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm import page_fault
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_fault import Fault
from kernel_model.mm.page_tables import HELD
from kernel_model.uffd.answers import Ioctl, NoAnswers, Resolved
from kernel_model.uffd.ranges import checked_range
from kernel_model.wait.queue import Blocked
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_D, PTE_P, PTE_W, USER_END
from pffemu.events.fields import Hex, Label
from pffemu.events.kernel import MinorFault
from pffemu.events.userfaultfd import PageEvicted, PageSynced

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.uffd.context import Userfaultfd

PATH: Final = Label("policy")
MOST: Final = 4096  # ranges of a userfaultfd that have a policy
_ANSWERS: Final = {
    uffd_abi.POLICY_ZERO: uffd_abi.MODE_MISSING,
    uffd_abi.POLICY_COPY: uffd_abi.MODE_MISSING,
    uffd_abi.POLICY_MAP: uffd_abi.MODE_MINOR,
}


@dataclass(slots=True)
class Policy:
    """A range's policy (POLICY_*). `source`: where POLICY_COPY finds the page of `start`.

    `quota`: pages that may stay (0: all). `pages`: those that the policy brought in, oldest first.
    """

    start: int
    end: int
    kind: int
    clock: bool
    source: int
    quota: int
    pages: dict[int, None] = field(default_factory=dict)


class Policies(NoAnswers):
    """The policy mechanism. A userfaultfd's policies are its `added`, a list; no two of them overlap."""

    features: ClassVar[int] = uffd_abi.FEATURE_POLICY

    def ioctl(self, request: int) -> Ioctl | None:
        return _set if request == uffd_abi.POLICY else None

    def answer(self, uffd: Userfaultfd, fault: Fault, reason: int) -> Resolved | None:
        """Resolve `fault` if its page has a policy for faults of this kind."""
        policy = next((one for one in uffd.added or () if one.start <= fault.page < one.end), None)
        if policy is None or _ANSWERS[policy.kind] != reason:
            return None
        fault.cpu.charge("kernel.uffd.validate")
        kind = _bring_in(policy, fault)
        if kind is None:
            return None
        fault.cpu.charge("kernel.fault.install")
        number = fault.cpu.bus.faults.take(fault.task.tid, PATH) if fault.number else 0
        fault.cpu.emit(MinorFault, Hex(fault.page), kind, number)
        if policy.quota:
            _keep_quota(policy, fault, number)
        return Resolved()


def _set(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """UFFDIO_POLICY: the policy of a range, in place of the one it has; POLICY_NONE: messages again; POLICY_SYNC: the
    policy stays, and the range's dirty pages are written back to its source.

    Errors: EFAULT, EINVAL (range, policy, source, a quota that would lose data), ENOENT (not all of it is registered
    here), EEXIST (it overlaps another range with a policy), ENOSPC (too many).
    """
    given = call.memory.read_struct(UffdioPolicy, argument)
    start, end = checked_range(given.start, given.len)
    if given.policy == uffd_abi.POLICY_SYNC:
        return _sync(uffd, call, start, end)
    copies = given.policy == uffd_abi.POLICY_COPY
    known = given.policy == uffd_abi.POLICY_NONE or given.policy in _ANSWERS
    if not known or given.eviction > uffd_abi.POLICY_EVICT_CLOCK:
        raise LinuxError(Errno.EINVAL)
    if given.source % PAGE_SIZE or (given.source and not copies) or given.source > USER_END - given.len:
        raise LinuxError(Errno.EINVAL)
    if given.quota and given.policy == uffd_abi.POLICY_ZERO:
        raise LinuxError(Errno.EINVAL)
    call.cpu.charge("kernel.uffd.validate")
    if not _is_registered(uffd, start, end):
        raise LinuxError(Errno.ENOENT)
    policies: list[Policy] = uffd.added or []
    kept = [one for one in policies if (one.start, one.end) != (start, end)]
    if any(one.start < end and start < one.end for one in kept):
        raise LinuxError(Errno.EEXIST)
    if given.policy != uffd_abi.POLICY_NONE:
        if len(kept) >= MOST:
            raise LinuxError(Errno.ENOSPC)
        clock = given.eviction == uffd_abi.POLICY_EVICT_CLOCK
        kept.append(Policy(start, end, given.policy, clock, given.source, given.quota))
    uffd.added = kept
    return 0


def _sync(uffd: Userfaultfd, call: Call, start: int, end: int) -> int:
    """POLICY_SYNC of a range with POLICY_COPY. Errors: ENOENT (it is none), EFAULT (a source is out of reach)."""
    policy = next((one for one in uffd.added or () if (one.start, one.end) == (start, end)), None)
    if policy is None or policy.kind != uffd_abi.POLICY_COPY:
        raise LinuxError(Errno.ENOENT)
    mm = uffd.mm
    with mm.locks.mmap_lock.reading(call.cpu):
        for page, entry in list(mm.pages.used(start, end)):
            vma = mm.vmas.find(page)
            if not entry & PTE_D or not entry & PTE_P or vma is None or vma.uffd is not uffd:
                continue
            fault = Fault(call.cpu, call.task, mm, vma, page, pagefault.U)
            if not _write_back(policy, fault, page, entry):
                raise LinuxError(Errno.EFAULT)
            mm.pages.set(page, entry & ~PTE_D)
            mm.stale = True  # the next store sets D again
            call.cpu.emit(PageSynced, Hex(page))
    return 0


def _is_registered(uffd: Userfaultfd, start: int, end: int) -> bool:
    vmas = uffd.mm.vmas
    return vmas.contiguous_end(start, end) == end and all(vma.uffd is uffd for vma in vmas.overlapping(start, end))


def _bring_in(policy: Policy, fault: Fault) -> Label | None:
    """Map the page; what it is, or None when the policy cannot."""
    mm, vma = fault.mm, fault.vma
    if policy.kind == uffd_abi.POLICY_MAP:
        assert vma.file is not None  # registered for minor faults
        frame = vma.file.cached_frame(vma.offset + fault.page - vma.start)
        mm.install(vma, fault.page, frame, owned=False, dirty=fault.is_write and vma.shared)
        return Label("cache")
    if policy.kind == uffd_abi.POLICY_ZERO and not fault.is_write and not vma.shared:
        mm.install(vma, fault.page, mm.zero_frame, owned=False)
        return Label("zero")
    source = 0
    if policy.kind == uffd_abi.POLICY_COPY:
        source = _reach(fault, policy.source + fault.page - policy.start, write=False)
        if not source:
            return None
    frame = page_fault.new_frame(fault.cpu, mm, source)
    if vma.shared:
        assert isinstance(vma.file, PageCache)
        vma.file.add(vma.offset + fault.page - vma.start, frame)
    mm.install(vma, fault.page, frame, owned=not vma.shared)
    return Label("copy" if source else "zero")


def _reach(fault: Fault, page: int, *, write: bool) -> int:
    """The frame of `page`, brought in by the kernel if it is missing; 0: out of reach."""
    mm = fault.mm
    fault.cpu.charge("kernel.fault.walk")
    needed = PTE_P | PTE_W if write else PTE_P
    if mm.pages.entry(page) & needed != needed:
        code = pagefault.U | (pagefault.W if write else 0)
        try:
            if page_fault.handle(fault.cpu, fault.task, page, code, mm, may_wait=False) is not None:
                return 0
        except Blocked:
            return 0
    entry = mm.pages.entry(page)
    if write:
        mm.pages.set(page, entry | PTE_D)
    return entry & PTE_ADDRESS


def _keep_quota(policy: Policy, fault: Fault, number: int) -> None:
    """Note the page that came in, and throw out the oldest one if there are more than the quota.

    CLOCK gives a page that was accessed since it last came up a second chance.
    """
    mm, pages = fault.mm, policy.pages
    pages.pop(fault.page, None)
    pages[fault.page] = None
    for _ in range(2 * len(pages)):
        if len(pages) <= policy.quota:
            return
        oldest = next(iter(pages))
        del pages[oldest]
        entry = mm.pages.entry(oldest)
        if not entry & HELD:
            continue  # the program has discarded it
        fault.cpu.charge("kernel.fault.walk")
        if policy.clock and entry & PTE_A:
            mm.pages.set(oldest, entry & ~PTE_A)
            mm.stale = True
            pages[oldest] = None
        elif oldest == fault.page or not _evict(policy, fault, oldest, entry, number):
            pages[oldest] = None


def _evict(policy: Policy, fault: Fault, page: int, entry: int, number: int) -> bool:
    """Write a dirty page back to its source, and unmap it; False if that cannot be done."""
    mm, vma = fault.mm, fault.mm.vmas.find(page)
    dirty = bool(entry & PTE_D) and policy.kind == uffd_abi.POLICY_COPY
    if vma is None or vma.uffd is not fault.vma.uffd:
        return True  # it is not the policy's page any more
    if dirty and not _write_back(policy, fault, page, entry):
        return False
    if vma.shared and policy.kind == uffd_abi.POLICY_COPY:
        assert vma.file is not None
        offset = vma.offset + page - vma.start
        vma.file.punch(offset, offset + PAGE_SIZE)
    else:
        mm.zap(vma, page, page + PAGE_SIZE)
    fault.cpu.emit(PageEvicted, Hex(page), int(dirty), number)
    return True


def _write_back(policy: Policy, fault: Fault, page: int, entry: int) -> bool:
    """Copy the page to its source; False: that is out of reach."""
    octets, frame = fault.mm.ram.octets, entry & PTE_ADDRESS
    target = _reach(fault, policy.source + page - policy.start, write=True)
    if target:
        octets[target : target + PAGE_SIZE] = octets[frame : frame + PAGE_SIZE]
        fault.cpu.charge("kernel.page.copy", PAGE_SIZE)
    return target != 0
