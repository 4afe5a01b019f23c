"""Events as one line of text each, for CHECK lines and failures. Only the guest's labels can repeat a first word.

    refused address=buf+0x8 error=W|U rip=touch      forward address=buf+0x8 (all conditions hold)
    kernel address=buf+0x8 (UIF=0)                   frame size=48 vector=14 rip=touch rsp=0x7fffffffdf00 at=0x...
    push-failed address=0x... error=W|U              handler rip=handler
    stui uif=1    clui uif=0    testui uif=1         uiret rip=touch uif=1        resumed rip=touch
    page-fault address=buf user=1                    minor zero address=buf
    abandoned interrupted                            abandoned exited
    message address=buf flags=0x1                    msg-read address=buf
    syscall ioctl                                    returned ioctl result=-22 (EINVAL)
    step UFFDIO_COPY validate                        installed address=buf
    created tid=2   blocked page   woken tid=1   switched from=1   exited status=0   ended status=0   killed signal=11
    senduipi entry=0 vector=5 notify=1               ipi core=1 vector=0xec
    disk read file=7 offset=0x0 pages=4      disk-done request=1
    read-ahead sync file=7 offset=0x0 pages=4    reclaimed file=7 offset=0x0 entries=1    dirtied file=7 offset=0x0
    timer kb armed 500                               timer kb expired 7
    interrupt vector=0xec (notify)                   notified pir=0x20
    active vector=14 on                              mmio uffd_mmio write offset=0x10 size=8 value=0x1
    directed claim page=buf directive=1              declined address=buf directive=1 (frame ring empty)
    page-returned page=buf directive=1 epoch=2       donated ring=0 frames=4
    warned TEXT

Each ends with its thread (`thread=1`); times are left out, because costs may change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kernel_model.abi.uapi import Errno, Signal
from pffemu.arch import pagefault
from pffemu.events import directed, hw, kernel, page_cache, signals, userfaultfd

Describe = Callable[[int], str]  # an address as symbol+offset


def event_text(event: Any, describe: Describe) -> str:
    """The event's line."""
    return f"{_TEXTS[type(event)](event, describe)} thread={event.tid}"


def _result(result: int) -> str:
    known = -result in Errno.__members__.values()
    return f"{result} ({Errno(-result).name})" if result < 0 and known else f"{result:#x}"


def _reason(reason: str) -> str:
    return reason.replace("forwarding_", "")  # else `CHECK-NOT: forward` would match it


def _decision(event: hw.MmuDecision, d: Describe) -> str:
    return f"{event.decision} address={d(event.address)} ({_reason(event.reason)})"


def _mmio(event: hw.Mmio, _: Describe) -> str:
    way = "write" if event.write else "read"
    return f"mmio {event.device} {way} offset={event.offset:#x} size={event.size} value={event.value:#x}"


def _frame(event: hw.FramePushed, d: Describe) -> str:
    where = f"rip={d(event.interrupted_rip)} rsp={d(event.interrupted_rsp)} at={d(event.rsp)}"
    return f"frame size={event.size} vector={event.vector} {where}"


_TEXTS: Final[dict[type[Any], Callable[[Any, Describe], str]]] = {
    hw.WalkRefused: lambda v, d: (
        f"refused address={d(v.address)} error={pagefault.describe(v.error_code)} rip={d(v.rip)}"
    ),
    hw.MmuDecision: _decision,
    hw.FramePushed: _frame,
    hw.FramePushRefused: lambda v, d: f"push-failed address={d(v.address)} error={pagefault.describe(v.error_code)}",
    hw.HandlerEntered: lambda v, d: f"handler rip={d(v.rip)}",
    hw.Uiret: lambda v, d: f"uiret rip={d(v.rip)} uif={v.uif}",
    hw.UserInterruptFlag: lambda v, d: f"{v.instruction} {'uff' if v.instruction.endswith('uf') else 'uif'}={v.uif}",
    hw.Resumed: lambda v, d: f"resumed rip={d(v.rip)}",
    hw.Mmio: _mmio,
    kernel.KernelPageFault: lambda v, d: f"page-fault address={d(v.address)} user={v.user}",
    kernel.MinorFault: lambda v, d: f"minor {v.page} address={d(v.address)}",
    kernel.FaultAbandoned: lambda v, d: f"abandoned {v.why}",
    kernel.Syscall: lambda v, d: f"syscall {v.name} rip={d(v.rip)}",
    kernel.SyscallReturned: lambda v, d: f"returned {v.name} result={_result(v.result)}",
    userfaultfd.IoctlStep: lambda v, d: f"step {v.ioctl} {v.step}",
    userfaultfd.PageInstalled: lambda v, d: f"installed address={d(v.address)}",
    userfaultfd.MessageQueued: lambda v, d: f"message address={d(v.address)} flags={v.flags:#x} fd={v.fd}",
    userfaultfd.MessageRead: lambda v, d: f"msg-read address={d(v.address)} fd={v.fd}",
    userfaultfd.PageEvicted: lambda v, d: f"evicted address={d(v.address)} dirty={v.dirty}",
    userfaultfd.PageSynced: lambda v, d: f"written-back address={d(v.address)}",
    kernel.ThreadCreated: lambda v, d: f"created tid={v.child} core={v.child_cpu}",
    kernel.ThreadBlocked: lambda v, d: f"blocked {v.waits_for}",
    kernel.ThreadWoken: lambda v, d: f"woken tid={v.woken} core={v.woken_cpu}",
    kernel.ContextSwitch: lambda v, d: f"switched from={v.previous}",
    kernel.ForwardingSwitched: lambda v, d: f"active vector={v.vector} {'on' if v.active else 'off'}",
    hw.SendUipi: lambda v, d: f"senduipi entry={v.entry} vector={v.vector} notify={v.notify}",
    hw.IpiSent: lambda v, d: f"ipi core={v.target} vector={v.vector:#x}",
    hw.InterruptAccepted: lambda v, d: f"interrupt vector={v.vector:#x} ({v.goes_to})",
    hw.NotificationProcessed: lambda v, d: f"notified pir={v.pir:#x}",
    hw.Timer: lambda v, d: f"timer {v.timer} {v.what} {v.value}",
    kernel.ThreadExited: lambda v, d: f"exited status={v.status}",
    kernel.ProcessExited: lambda v, d: f"ended status={v.status}",
    kernel.ProcessKilled: lambda v, d: f"killed signal={Signal(v.signal).name}: {v.why}",
    signals.SignalSent: lambda v, d: f"sent {Signal(v.signal).name} code={v.code} to={v.target}",
    signals.SignalDelivered: lambda v, d: f"delivered {Signal(v.signal).name} code={v.code} rip={d(v.handler)}",
    signals.SignalReturned: lambda v, d: f"sigreturn rip={d(v.rip)}",
    page_cache.DiskRequested: lambda v, d: f"disk {v.what} file={v.file} offset={v.offset:#x} pages={v.pages}",
    page_cache.DiskCompleted: lambda v, d: f"disk-done request={v.request}",
    page_cache.ReadAhead: lambda v, d: f"read-ahead {v.why} file={v.file} offset={v.offset:#x} pages={v.pages}",
    page_cache.PageReclaimed: lambda v, d: f"reclaimed file={v.file} offset={v.offset:#x} entries={v.entries}",
    page_cache.PageDirtied: lambda v, d: f"dirtied file={v.file} offset={v.offset:#x}",
    kernel.Warned: lambda v, d: f"warned {v.what}",
    directed.DirectedStep: lambda v, d: f"directed {v.step} page={d(v.page)} directive={v.directive}",
    directed.DirectedWait: lambda v, d: f"directed wait page={d(v.page)} owner={v.owner}",
    directed.DirectedDecline: lambda v, d: f"declined address={d(v.address)} directive={v.directive} ({v.reason})",
    directed.PageReturned: lambda v, d: f"page-returned page={d(v.page)} directive={v.directive} epoch={v.epoch}",
    directed.RecordsTaken: lambda v, d: f"records-taken records={v.records}",
    directed.FramesDonated: lambda v, d: f"donated ring={v.ring} frames={v.frames}",
}
