"""What to tell the user when the guest ends badly: what happened, where, and what to try."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from kernel_model.abi.uapi import Signal
from kernel_model.kernel import Kernel
from kernel_model.mm.mm import Mm
from kernel_model.mm.vma import Vma
from kernel_model.task.process_end import ProcessEnd
from kernel_model.task.task import Process, TaskState
from pffemu.arch import exceptions, pagefault
from pffemu.arch.encodings import MAX_INSTRUCTION, SYSCALL_LENGTH
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS, Reason
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_NX, PTE_P, USER_END, is_canonical, page_of
from pffemu.asm import Instruction, decode
from pffemu.events.fault_repeats import Stuck
from pffemu.hw.ram import Ram
from pffemu.hw.trap import Trap
from pffemu.machine.symbols import SymbolTable

_PRIVILEGED: Final = frozenset(
    {
        *("hlt", "cli", "sti", "in", "out", "insb", "insd", "outsb", "outsd", "lgdt", "lidt", "lldt", "ltr", "lmsw"),
        *("clts", "invd", "wbinvd", "invlpg", "rdmsr", "wrmsr", "swapgs", "iretq", "sysexit", "sysret", "sysretq"),
        *("xsetbv", "monitor", "mwait", "sysenter"),
    }
)
_CONTROL_REGISTER: Final = re.compile(r"\b[cd]r\d")
_SEGMENT_LOAD: Final = re.compile(r"retf|iret|(mov|pop) [c-gs]s\b|l[defgs]s ")
_STACK_REACH: Final = 1 << 20  # a fault this close below a stack's guard is an overflow
_SHOWN_VMAS: Final = 12
_SHOWN_CODE: Final = 8  # bytes


class _Cause(NamedTuple):
    what: str
    remedy: str = ""
    details: tuple[str, ...] = ()  # whole lines between the place and the remedy


def killed(end: ProcessEnd, ram: Ram, process: Process, symbols: SymbolTable) -> str:
    """The message for a process that a signal ended: what, where, what to try."""
    rip = end.rip
    if end.trap is None:
        return f"{end.why}\n  at {symbols.describe(rip)} (RIP {rip:#x}, thread {end.tid})"
    code = _code_at(ram, process.mm, rip)
    instruction = decode(code, rip)
    if end.signal is Signal.SIGKILL:
        cause = _Cause(end.why)
    elif end.trap.vector == exceptions.PF:
        cause = _page_fault(end, end.trap, process)
    else:
        cause = _exception(end, end.trap, rip, code[:_SHOWN_CODE], instruction)
    text = f": {instruction.text}" if instruction is not None else ""
    lines = [cause.what, f"at {symbols.describe(rip)} (RIP {rip:#x}, thread {end.tid}){text}"]
    if instruction is None and (origin := _jump_origin(end, ram, process.mm)) is not None:
        lines.append(f"from {symbols.describe(origin)} ({origin:#x})")
    lines += [*cause.details, *([f"try: {cause.remedy}"] if cause.remedy else [])]
    return "\n  ".join(lines)


def _code_at(ram: Ram, mm: Mm, rip: int) -> bytes:
    """The bytes from `rip` on that ring 3 can fetch, as many as the longest instruction has."""
    code = b""
    while len(code) < MAX_INSTRUCTION:
        at = rip + len(code)
        entry = mm.pages.entry(page_of(at)) if at < USER_END else 0
        if not entry & PTE_P or entry & PTE_NX:
            break
        start = (entry & PTE_ADDRESS) + at % PAGE_SIZE
        code += bytes(ram.octets[start : start + min(PAGE_SIZE - at % PAGE_SIZE, MAX_INSTRUCTION - len(code))])
    return code


def _jump_origin(end: ProcessEnd, ram: Ram, mm: Mm) -> int | None:
    """The last instruction that ran, if it left its block; None when unknown."""
    start, behind = end.last_block
    last = None
    while start < behind:
        instruction = decode(_code_at(ram, mm, start), start)
        if instruction is None:
            return None
        last, start = start, start + instruction.size
    return last


def _exception(end: ProcessEnd, trap: Trap, rip: int, code: bytes, instruction: Instruction | None) -> _Cause:
    name = exceptions.name(trap.vector)
    if end.why:
        own = OWN_INSTRUCTIONS.get(instruction.mnemonic) if instruction is not None else None
        reason = own.reasons.get(trap.vector) if own is not None else None
        return _Cause(f"{name}: {end.why}", (reason or Reason(end.why)).remedy)
    if trap.vector == exceptions.UD:
        what, remedy = _unknown_opcode(code, instruction)
    elif trap.vector == exceptions.GP:
        what, remedy = _general_protection(trap, rip, instruction)
    else:
        what, remedy = {
            exceptions.DE: ("division by zero, or a quotient that does not fit", "check the divisor"),
            exceptions.BP: ("int3, a breakpoint without a debugger", "run without breakpoints"),
            exceptions.DB: ("single-step trap (RFLAGS.TF) without a debugger", "leave RFLAGS.TF clear"),
            exceptions.SS: ("the stack address is not canonical", "check RSP"),
        }.get(trap.vector, ("exception in ring 3", ""))
    return _Cause(f"{name}: {what}", remedy)


def _general_protection(trap: Trap, rip: int, instruction: Instruction | None) -> tuple[str, str]:
    mnemonic = instruction.mnemonic if instruction is not None else ""
    if mnemonic == "int" and trap.error_code:
        return f"`int {trap.error_code >> 3:#x}`: its gate is not for ring 3", "make 64-bit system calls with `syscall`"
    if mnemonic in _PRIVILEGED or (instruction is not None and _CONTROL_REGISTER.search(instruction.operands)):
        return f"privileged instruction `{mnemonic}` at CPL 3", "leave it to the kernel: guests run in ring 3"
    if not is_canonical(rip):
        return "a jump to an address that is not canonical", "check the pointer it was taken from"
    if instruction is not None and instruction.memory and not _SEGMENT_LOAD.match(instruction.text):
        return "the address is not canonical", "check the address before it is used"
    return "a bad selector, or an instruction ring 3 may not run", "see the instruction's page in the manual"


def _unknown_opcode(code: bytes, instruction: Instruction | None) -> tuple[str, str]:
    if instruction is None:
        return f"unknown opcode {code.hex(' ')}", "check that RIP is at an instruction's start"
    mnemonic = instruction.mnemonic
    if instruction.is_avx:
        return f"`{mnemonic}` is AVX, which is not emulated", "build the guest with -march=x86-64 (no -mavx)"
    if mnemonic == "ud2":
        return "`ud2`: the program stops itself", "look for a failed assertion or unreachable code there"
    return f"`{mnemonic}` is not emulated", "build the guest with -march=x86-64, and ask CPUID before using it"


def _page_fault(end: ProcessEnd, trap: Trap, process: Process) -> _Cause:
    what = f"{_access(trap.error_code)} {trap.address:#x}: {end.why} (#PF {pagefault.describe(trap.error_code)})"
    details = []
    overflown = _overflown_stack(trap.address, end.rsp, process)
    if overflown is not None:
        who = "the user-interrupt handler's stack" if end.in_handler else "the stack"
        details.append(f"{who} overflowed: RSP is {end.rsp:#x}, its mapping starts at {overflown.start:#x}")
    details += ["mappings:", *(f"  {vma}" for vma in _near(trap.address, process))]
    return _Cause(what, _remedy(trap, overflown), tuple(details))


def _access(error_code: int) -> str:
    if error_code & pagefault.I:
        return "jump to"
    return "write to" if error_code & pagefault.W else "read of"


def _remedy(trap: Trap, overflown: Vma | None) -> str:
    if overflown is not None:
        return "end the recursion, or map a larger stack"
    if trap.address < 0x10000:
        if trap.error_code & pagefault.I:
            return "look for a null function pointer, or for a ret of code that nothing has called"
        return "look for a null pointer"
    if trap.error_code & pagefault.P:
        return "change the mapping's protection (mprotect), or the access"
    return "map the address first (mmap), or check the pointer"


def _overflown_stack(address: int, rsp: int, process: Process) -> Vma | None:
    """The mapping a stack grew out of: the fault is close to RSP and just below a mapping."""
    if abs(address - rsp) > _STACK_REACH:
        return None
    below = [vma for vma in process.mm.vmas if 0 < vma.start - address <= _STACK_REACH]
    return below[0] if below else None


def _near(address: int, process: Process) -> list[Vma]:
    vmas = sorted(process.mm.vmas, key=lambda vma: min(abs(vma.start - address), abs(vma.end - address)))
    return sorted(vmas[:_SHOWN_VMAS], key=lambda vma: vma.start)


def deadlock(kernel: Kernel, process: Process, symbols_of: Callable[[Process], SymbolTable]) -> str:
    """The message when no thread can run: what each one waits for."""
    lines = ["all threads are blocked"]
    tasks = [task for other in kernel.processes.values() for task in other.tasks if task.state is TaskState.BLOCKED]
    several = any(task.process is not process for task in tasks)
    for task in tasks:
        rip = kernel.scheduler.registers_of(task).word("rip")
        rip -= SYSCALL_LENGTH if task.sleep is not None and task.sleep.call is not None else 0
        place = symbols_of(task.process).describe(rip)
        place = place if task.process.exe == process.exe else f"{task.process.name}: {place}"
        who = f"thread {task.tid}" + (f" of process {task.process.pid}" if several else "")
        lines.append(f"  {who} at {place} (RIP {rip:#x}) waits for {task.why}")
    if not kernel.uffd_readers and any("to bring in" in task.why for task in tasks):
        lines.append("  try: let a thread read the userfaultfd, or handle the fault where it is forwarded (mode pff)")
    else:
        lines.append("  try: check which thread should wake each, and in which order")
    return "\n".join(lines)


def stuck(kernel: Kernel, fault: Stuck, symbols_of: Callable[[Process], SymbolTable]) -> str:
    """The message when a thread's handlers return again and again without the page."""
    task = kernel.find_task(fault.tid)
    symbols = SymbolTable({}) if task is None else symbols_of(task.process)
    vma = None if task is None else task.process.mm.vmas.find(fault.address)
    return (
        f"fault {fault.number} never ends: its handler returns without the page\n"
        f"  thread {fault.tid} at {symbols.describe(fault.rip)} (RIP {fault.rip:#x}): {_access(fault.error_code)}"
        f" {symbols.describe(fault.address)} (#PF {pagefault.describe(fault.error_code)}),"
        f" {fault.times:,} times in a row\n"
        f"  {'no mapping is there' if vma is None else f'in {vma}'}, and no page-table entry has changed meanwhile\n"
        "  try: check what the handler's system calls return, and which address it passes them"
    )
