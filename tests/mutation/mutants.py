"""Mutants of the hardware and of the kernel model: each drops or bends one step, and an assembly test must notice.

A row is (file, text that occurs there exactly once, its replacement).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    file: str
    old: str
    new: str


UINTR: Final = "pffemu/hw/uintr.py"
FORWARDING: Final = "pffemu/hw/forwarding.py"
INSNS: Final = "pffemu/hw/insns"
OWN_ENCODINGS: Final = "pffemu/arch/own_encodings.py"
REGIONS: Final = "pffemu/hw/uffd_regions.py"
MMU: Final = "pffemu/hw/mmu.py"
SENDUIPI: Final = "pffemu/hw/insns/senduipi.py"
INTERRUPTS: Final = "pffemu/hw/interrupts.py"
APIC: Final = "pffemu/hw/local_apic.py"
SIGNALS: Final = "kernel_model/process/signal_delivery.py"
FRAME: Final = "kernel_model/signal/frame.py"
WALK: Final = "pffemu/hw/page_walk.py"
UFFD: Final = "kernel_model/uffd/context.py"
FILL: Final = "kernel_model/uffd/fill.py"
REGISTER: Final = "kernel_model/uffd/register.py"
FAULT: Final = "kernel_model/mm/page_fault.py"
MM: Final = "kernel_model/mm/mm.py"
FORK: Final = "kernel_model/mm/fork.py"
CALLS: Final = "kernel_model/calls/uintr.py"
UINTR_KERNEL: Final = "kernel_model/uintr/user_interrupts.py"
UINTR_SWITCH: Final = "kernel_model/uintr/switch.py"

HARDWARE: Final = (
    Mutant(
        UINTR,
        "return cpu.uintr.uirr.bit_length() - 1 if",
        "return (cpu.uintr.uirr & -cpu.uintr.uirr).bit_length() - 1 if",
    ),
    Mutant(UINTR, "return cpu.cr4_uintr and cpu.uintr.uif", "return cpu.uintr.uif"),
    Mutant(
        UINTR,
        "return cpu.cr4_uintr and cpu.uintr.uif",
        "return cpu.cr4_uintr and cpu.uintr.uif and bool(cpu.rflags & 0x200)",
    ),
    Mutant(UINTR, "cpu.uintr.uirr &= ~(1 << vector)", "pass"),
    Mutant(UINTR, "fault.address & PAGE_MASK if cpu.options.mask_fault_address else fault.address", "fault.address"),
    Mutant(UINTR, "vector = cpu.apic.user_vector[PF]", "vector = PF"),
    Mutant(UINTR, "below, (address, fault.error_code))", "below, (fault.error_code, address))"),
    Mutant(UINTR, "if not is_canonical(state.handler):", "if False:"),
    Mutant(UINTR, "state.stackadjust if state.stackadjust & 1 else rsp - state.stackadjust", "rsp - state.stackadjust"),
    Mutant(UINTR, "else rsp - state.stackadjust\n", "else rsp\n"),
    Mutant(UINTR, "top &= MASK64 & -STACK_ALIGNMENT", "top &= MASK64 & -8"),
    Mutant(UINTR, "words = (*below, rip, rflags, rsp, *above)", "words = (*below, rip, rsp, rflags, *above)"),
    Mutant(UINTR, "words = (*below, rip, rflags, rsp, *above)", "words = (*below, rip, rflags, top, *above)"),
    Mutant(UINTR, "    state.uif = False\n", ""),
    Mutant(UINTR, "rflags & ~(TF | RF))", "rflags & ~RF)"),
    Mutant(UINTR, "rflags & ~(TF | RF))", "rflags & ~TF)"),
    Mutant(UINTR, "return Trap(SS)", "return Trap(GP)"),
    Mutant(UINTR, "for address, _ in pushes:", "for address, _ in reversed(pushes):"),
    Mutant(UINTR, "            cpu.emit(FramePushRefused, trap.address, trap.error_code, fault)\n", ""),
    Mutant(FORWARDING, "    if not cpu.cr4_uintr:\n        return NO_CR4\n", ""),
    Mutant(FORWARDING, "    if not cpu.uintr.uif:\n        return NO_UIF\n", ""),
    Mutant(FORWARDING, "    if not rflags & IF:\n        return NO_IF\n", ""),
    Mutant(FORWARDING, "    if not cpu.apic.is_enabled(PF):\n        return NOT_ENABLED\n", ""),
    Mutant(FORWARDING, "    if not cpu.apic.is_active(PF):\n        return NOT_ACTIVE\n", ""),
    Mutant(FORWARDING, "    if not region.inside:\n        return NO_REGION\n", ""),
    Mutant(FORWARDING, "return FORWARD if region.covered else NOT_COVERED", "return FORWARD"),
    Mutant(f"{INSNS}/uiret.py", "cpu.uintr.uif = not cpu.options.flexible_uiret or", "cpu.uintr.uif = True or"),
    Mutant(f"{INSNS}/uiret.py", "cpu.uintr.uif = not cpu.options.flexible_uiret or", "cpu.uintr.uif ="),
    Mutant(f"{INSNS}/uiret.py", "rflags & ~UIRET_MASK | new_rflags & UIRET_MASK", "new_rflags"),
    Mutant(f"{INSNS}/uiret.py", "    if not is_canonical(new_rip):\n        return Trap(GP)\n", ""),
    Mutant(f"{INSNS}/uiret.py", "return Trap(SS)", "return Trap(GP)"),
    Mutant(f"{INSNS}/uiret.py", " or not is_canonical(last)", ""),
    Mutant(f"{INSNS}/uiret.py", " or (rsp % _WORD and rflags & AC_FLAG)", ""),
    Mutant(f"{INSNS}/uiret.py", "_pop(cpu, rsp, bool(rflags & AC_FLAG))", "_pop(cpu, rsp, True)"),
    Mutant("pffemu/engine/registers.py", '            self["rflags"] &= ~RF\n', "            pass\n"),
    Mutant("pffemu/hw/cpu.py", '        registers["rflags"] &= ~RF\n', ""),
    Mutant("pffemu/hw/cpu.py", '            registers["rflags"] |= RF\n', "            pass\n"),
    Mutant("pffemu/machine/loop.py", "_raise_of_upid(kernel, cpu, found)", "kernel.entry.page_fault(cpu, found)"),
    Mutant(f"{INSNS}/uiret.py", "    if not cpu.cr4_uintr:\n        return Trap(UD)\n", ""),
    Mutant(f"{INSNS}/stui.py", "    if not cpu.cr4_uintr:\n        return Trap(UD)\n", ""),
    Mutant(f"{INSNS}/stui.py", "cpu.uintr.uif = True", "pass"),
    Mutant(f"{INSNS}/clui.py", "cpu.uintr.uif = False", "pass"),
    Mutant(f"{INSNS}/testui.py", "~(TESTUI_CLEARED | CF)", "~CF"),
    Mutant(f"{INSNS}/testui.py", "(CF if cpu.uintr.uif else 0)", "0"),
    Mutant(OWN_ENCODINGS, "            mandatory, rex = octet, 0\n", "            mandatory = octet\n"),
    Mutant(OWN_ENCODINGS, "mandatory == _MANDATORY else", "mandatory else"),
    Mutant(OWN_ENCODINGS, "            rex = 0\n", "            pass\n"),
    Mutant(REGIONS, "for each in (0, tag) if tag else (0,):", "for each in self._tags:"),
    Mutant(REGIONS, "if i >= 0 and address < ends[i]:", "if i >= 0 and address <= ends[i]:"),
    Mutant(REGIONS, "bisect_right(starts, address) - 1", "bisect_left(starts, address) - 1"),
    Mutant(REGIONS, "for each in (0, tag) if tag else (0,):", "for each in (tag,):"),
    Mutant(REGIONS, "return mode & MODE_WRITE_PROTECT != 0 and error_code & W != 0", "return error_code & W != 0"),
    Mutant(REGIONS, "return mode & MODE_MISSING != 0", "return True"),
    Mutant(
        REGIONS,
        "bisect_left(ends, new.start), bisect_right(starts, new.end)",
        "bisect_right(ends, new.start), bisect_left(starts, new.end)",
    ),
    Mutant(REGIONS, "            left += [(end, high) for high in ends[first:behind][-1:] if high > end]\n", ""),
    Mutant(REGIONS, "[(low, start) for low in starts[first:behind][:1] if low < start]", "[]"),
    Mutant("pffemu/hw/uffd_mmio.py", "self.status = reg.STATUS_FULL", "self.status = reg.STATUS_OK"),
    Mutant(
        "pffemu/hw/local_apic.py",
        "return bool(self.forwarding_active >> vector & 1)",
        "return bool(self.forwarding_active)",
    ),
    Mutant(
        "pffemu/hw/local_apic.py",
        "return bool(self.forwarding_enabled >> vector & 1)",
        "return bool(self.forwarding_enabled)",
    ),
    Mutant(
        MMU,
        "covers(MODE_WRITE_PROTECT if entry & P else MODE_MISSING, code)",
        "covers(MODE_MISSING, code)",
    ),
    Mutant(WALK, "(access & USER and user & PTE_U == 0)", "False"),
    Mutant(WALK, "(access & FETCH and no_execute)", "False"),
    Mutant(WALK, "(access & WRITE and writable & PTE_W == 0)", "False"),
    Mutant("pffemu/hw/fault_address.py", "        error_code |= W\n", "        pass\n"),
    Mutant("pffemu/hw/fault_address.py", "return max(start, page), error_code", "return page, error_code"),
    Mutant("pffemu/hw/fault_address.py", "return max(start, page), error_code", "return start, error_code"),
    Mutant(SENDUIPI, "    if not cpu.cr4_uintr or not state.uitt_enabled:\n", "    if not cpu.cr4_uintr:\n"),
    Mutant(SENDUIPI, "    if index > state.uittsz:\n        return Trap(GP)\n", ""),
    Mutant(SENDUIPI, "    if entry is None:\n        return Trap(GP)\n", "    if entry is None:\n        return Trap(UD)\n"),
    Mutant(SENDUIPI, "    if control & upid.RESERVED & ~(upid.BLKD if cpu.options.upid_blkd else 0):\n        return Trap(GP)\n", ""),
    Mutant(SENDUIPI, "notify = not control & (upid.ON | upid.SN)", "notify = not control & upid.ON"),
    Mutant(SENDUIPI, "notify = not control & (upid.ON | upid.SN)", "notify = not control & upid.SN"),
    Mutant(SENDUIPI, "control | (upid.ON if notify else 0)", "control"),
    Mutant(SENDUIPI, "pir | 1 << entry.user_vector", "1 << entry.user_vector"),
    Mutant(SENDUIPI, "    if notify:\n        ndst", "    if False:\n        ndst"),
    Mutant(OWN_ENCODINGS, "(rex & 1) << 3 | modrm & 7", "modrm & 7"),
    Mutant(INTERRUPTS, "cpu.uintr.uirr |= pir", "cpu.uintr.uirr = pir"),
    Mutant(INTERRUPTS, "control & ~upid.ON, 0)", "control, 0)"),
    Mutant(INTERRUPTS, "control & ~upid.ON, 0)", "control & ~upid.ON, pir)"),
    Mutant(INTERRUPTS, "cpu.apic.eoi()  # SDM", "pass  # SDM"),
    Mutant(INTERRUPTS, "if cpu.cr4_uintr and vector == cpu.uintr.uinv:", "if False:"),
    Mutant(INTERRUPTS, "    cpu.uintr.uirr |= 1 << timer.user_vector\n", ""),
    Mutant(INTERRUPTS, " * timer.period if timer.period else -timer.deadline", " * timer.period"),
    Mutant(APIC, "        self.irr &= ~(1 << vector)\n", ""),
    Mutant(APIC, "return vector if vector >> 4 > self.ppr >> 4 else None", "return None"),
    Mutant(APIC, "            self.isr &= ~(1 << self.isr.bit_length() - 1)\n", "            pass\n"),
    Mutant(f"{INSNS}/settimer.py", "if not cpu.cr4_uintr or not timer.enabled:", "if not cpu.cr4_uintr:"),
    Mutant(f"{INSNS}/settimer.py", "cpu.clock + cycles if cycles else 0", "cpu.clock + cycles"),
    Mutant(f"{INSNS}/settimer.py", "cycles if periodic else 0", "0"),
)  # fmt: skip

KERNEL: Final = (
    Mutant(FILL, "        fill.uffd.wake_range(cpu, fill.start, fill.start + done)\n", "        pass\n"),
    Mutant(FILL, "    if not fill.given.mode & uffd_abi.DONTWAKE:\n", "    if True:\n"),
    Mutant(FILL, "return page - fill.start, error.errno", "return page - fill.start, None"),
    Mutant(FILL, "return 0, Errno.ENOENT", "return 0, Errno.EINVAL"),
    Mutant(FILL, "    if done != fill.length:\n        raise LinuxError(Errno.EAGAIN)\n", ""),
    Mutant(FILL, "fill.report(done if done or error is None else -error)", "fill.report(done)"),
    Mutant(FILL, "        setattr(self.given, self.kind.result, value)\n", ""),
    Mutant(FILL, "    if entry & HELD:\n        raise LinuxError(Errno.EEXIST)\n", ""),
    Mutant(FILL, "    if unmarked(entry):\n        raise LinuxError(Errno.EEXIST)\n", ""),
    Mutant(FILL, "    if given.mode & ~(kind.modes | writable):\n        raise LinuxError(Errno.EINVAL)\n", ""),
    Mutant(FILL, "    check_unaligned(given.src, given.len)\n", ""),
    Mutant(FILL, "    if fill.protect and not vma.uffd_mode & uffd_abi.MODE_WP:\n        return 0, Errno.EINVAL\n", ""),
    Mutant(FILL, "mm.install(vma, page, mm.zero_frame, owned=False)", "mm.install(vma, page, mm.frames.take(), owned=True)"),
    Mutant(UFFD, "(uffd_abi.PAGEFAULT_FLAG_WRITE if fault.is_write else 0)", "0"),
    Mutant(UFFD, "fault.address if self.features & uffd_abi.FEATURE_EXACT_ADDRESS else fault.page", "fault.page"),
    Mutant("kernel_model/uffd/messages.py", "self.task.tid if with_thread_id else 0", "self.task.tid"),
    Mutant(UFFD, "        self._wake_readers(cpu)\n        raise Blocked(", "        raise Blocked("),
    Mutant(UFFD, "            message.read = True\n", "            pass\n"),
    Mutant(UFFD, "if start <= fault.address & PAGE_MASK < end]", "]"),
    Mutant(UFFD, "        if self.features & uffd_abi.FEATURE_SIGBUS:\n", "        if False:\n"),
    Mutant(UFFD, "        if self.user_mode_only and not user:\n", "        if False:\n"),
    Mutant(UFFD, "buffer.size < MESSAGE_SIZE:", "False:"),
    Mutant(UFFD, "handler is None or (not self.ready and request != uffd_abi.API)", "handler is None"),
    Mutant(UFFD, "        self.mm.set_uffd(cpu, vma, None, 0)\n", "        self.mm._put(vma, None, 0)\n"),
    Mutant(UFFD, "        self.wake_range(cpu, 0, 1 << 47)\n", ""),
    Mutant(REGISTER, "        if vma.uffd not in (None, uffd):\n            raise LinuxError(Errno.EBUSY)\n", ""),
    Mutant(REGISTER, "            mm.set_uffd(call.cpu, part, uffd, mode)\n", "            mm._put(part, uffd, mode)\n"),
    Mutant(REGISTER, "given.ioctls = range_ioctls(mode)", "given.ioctls = 0"),
    Mutant(REGISTER, "uffd.ready, uffd.features = True, wanted", "uffd.ready, uffd.features = True, 0"),
    Mutant(REGISTER, "wanted & ~offered or uffd.ready:", "wanted & ~offered:"),
    Mutant(REGISTER, "    if not mode or mode & ~uffd_abi.MODES:\n        raise LinuxError(Errno.EINVAL)\n", ""),
    Mutant("kernel_model/uffd/ranges.py", "if not is_user_range(start, length):", "if False:"),
    Mutant("kernel_model/uffd/protect.py", "        uffd.wake_range(call.cpu, start, end)\n", "        pass\n"),
    Mutant("kernel_model/uffd/protect.py", "or (protect and dont_wake):", "or False:"),
    Mutant("kernel_model/uffd/protect.py", "            mm.protect_from_stores(vma, low, high, markers=markers)\n", "            pass\n"),
    Mutant(FAULT, "        return vma.prot & PROT_EXEC != 0\n", "        return True\n"),
    Mutant(FAULT, "        return vma.prot & PROT_WRITE != 0\n", "        return True\n"),
    Mutant(FAULT, "    if vma.uffd is not None and vma.uffd_mode & UFFDIO_REGISTER_MODE_MISSING:\n", "    if False:\n"),
    Mutant(FAULT, "        return uffd.handle_fault(fault, UFFDIO_REGISTER_MODE_WP)\n", "        pass\n"),
    Mutant(MM, "        self.stale = True  # read-only translations", "        # read-only translations"),
    Mutant(MM, "return (self.mark_uffd_ptes or vma.marks_entries) and vma.uffd is not None", "return vma.uffd is not None"),
    Mutant(MM, "else empty | entry & lasting", "else entry & lasting"),
    Mutant(MM, "                or (entry & OWNED and not self.frames.is_shared(entry & PTE_ADDRESS))\n", "                or True\n"),
    Mutant(MM, "            entry |= PTE_NX\n", "            pass\n"),
    Mutant(CALLS, "        raise LinuxError(Errno.EBUSY)\n", "        pass\n"),
    Mutant(UINTR_KERNEL, "state.handler, state.stackadjust = handler, UINTR_REDZONE", "state.handler = handler"),
    Mutant(CALLS, "handler, waiting, bool(forward))", "handler, waiting, True)"),
    Mutant(UINTR_SWITCH, "        forwarding.activate(cpu, task)\n", "        forwarding.activate(cpu, task) if not cpu.apic.forwarding_active else None\n"),
    Mutant(UINTR_SWITCH, "            self._upids.change(task.receiver, 0, upid.SN)\n", "            pass\n"),
    Mutant(UINTR_SWITCH, "        if self._upids.posted(task.receiver):\n", "        if False:\n"),
    Mutant(UINTR_SWITCH, "KERNEL_VECTOR << upid.NV_SHIFT | blocked", "NOTIFICATION_VECTOR << upid.NV_SHIFT | blocked"),
    Mutant(UINTR_SWITCH, "upid.BLKD if receiver.waiting is Waiting.SENDER else 0", "0"),
    Mutant(UINTR_SWITCH, " and control >> upid.NDST_SHIFT == cpu.apic.ndst", ""),
    Mutant(UINTR_SWITCH, "NOTIFICATION_VECTOR << upid.NV_SHIFT | ndst", "NOTIFICATION_VECTOR << upid.NV_SHIFT"),
    Mutant(CALLS, "        raise LinuxError(Errno.EISCONN)\n", "        pass\n"),
    Mutant(CALLS, "        raise LinuxError(Errno.ECONNRESET)\n", "        pass\n"),
    Mutant(CALLS, "        raise LinuxError(Errno.ESHUTDOWN)\n", "        pass\n"),
    Mutant(CALLS, "sp | 1 if sp", "sp if sp"),
    Mutant(UINTR_KERNEL, "        state.uif, state.handler, state.stackadjust, state.uirr = False, 0, 0, 0\n", ""),
    Mutant(UINTR_SWITCH, "cpu.uintr, cpu.user_faults = task.uintr, task.user_faults", "cpu.user_faults = task.user_faults"),
    Mutant("kernel_model/drivers/pff.py", "        if self._command(cpu, mm, reg.COMMAND_REMOVE, start, end) == reg.STATUS_FULL:\n", "        if self._command(cpu, mm, reg.COMMAND_REMOVE, start, end) == 99:\n"),
    Mutant(MM, "        for vma in registered:\n            self.notifier.removed(cpu, self, vma.start, vma.end)\n", ""),
    Mutant("kernel_model/uintr/sleep.py", "return receiver.waiting is not Waiting.NONE and task.uintr.uif", "return receiver.waiting is not Waiting.NONE"),
    Mutant("kernel_model/task/sleep.py", "self.call.result = self.call.progress or -Errno.EINTR", "self.call.result = -Errno.EINVAL"),
    Mutant("kernel_model/entry.py", 'Label("page"), user_interrupt)', 'Label("page"), False)'),
    Mutant("kernel_model/uintr/faults.py", "    kernel.uintr.upids.post(target.receiver, target.user_vector)\n", ""),
    Mutant("kernel_model/calls/fork.py", "        call.kernel.uintr.fork_mm(parent.mm, mm)\n", "        pass\n"),
    Mutant("kernel_model/uintr/user_interrupts.py", "            mm.target_table.references += 1\n", ""),
    Mutant("kernel_model/calls/uintr.py", " if target.made_from is file} if table", " if False} if table"),
    Mutant("kernel_model/calls/uintr.py", "call.process.pid in connected", "connected"),
    Mutant("kernel_model/uintr/faults.py", '    cpu.registers["rip"] = rip + found.length\n', ""),
    Mutant("kernel_model/uintr/target_table.py", "        self._write(table, index, bytes(uitt.ENTRY_SIZE))\n", ""),
    Mutant("kernel_model/uintr/user_interrupts.py", "table.linear, True, ENTRIES - 1", "table.linear, True, 0"),
    Mutant(SIGNALS, "        if action.handler == SIG_IGN or bit(info.signo) & IGNORED_BY_DEFAULT:\n            continue\n", ""),
    Mutant(SIGNALS, "        if bit(info.signo) & STOPS:\n", "        if False:\n"),
    Mutant(SIGNALS, "(0 if action.flags & SA_NODEFER else bit(info.signo))", "0"),
    Mutant(SIGNALS, "mask = signals.blocked | action.mask |", "mask = signals.blocked |"),
    Mutant(SIGNALS, "    if action.flags & SA_RESETHAND:\n", "    if False:\n"),
    Mutant("kernel_model/signal/send.py", "(info := pending.first(wanted))", "(info := pending.first(-1))"),
    Mutant(SIGNALS, "sleep.interruptible is Interruptible.ERESTARTSYS and action.flags & SA_RESTART", "sleep.interruptible is Interruptible.ERESTARTSYS"),
    Mutant("kernel_model/signal/send.py", "    if signals.blocked & bit(info.signo) or action.handler == SIG_IGN:\n", "    if False:\n"),
    Mutant("kernel_model/signal/send.py", "task.signals.blocked = mask & ~UNBLOCKABLE", "task.signals.blocked = mask"),
    Mutant(FRAME, "top = rsp - RED_ZONE", "top = rsp"),
    Mutant(FRAME, "top = stack.start + stack.size", "pass"),
    Mutant(FRAME, "rdi=info.signo, rsi=frame + 8 + UCONTEXT_SIZE", "rdi=0, rsi=frame + 8 + UCONTEXT_SIZE"),
    Mutant(FRAME, "& ~(DF | RF | TF)", ""),
    Mutant(FRAME, "trap.error_code, trap.vector, mask, trap.address", "trap.error_code, trap.vector, mask, 0"),
    Mutant(FRAME, "    if not action.flags & SA_RESTORER:\n", "    if False:\n"),
    Mutant(FRAME, "& ~_RESTORED_FLAGS |", "&"),
    Mutant("kernel_model/drivers/pff.py", "(reg.TAG, mm.pages.root & PTE_ADDRESS if", "(reg.TAG, 4096 if"),
    Mutant("kernel_model/mm/user_memory.py", "start = self._cpu.mmu.translate(address, access)", "start = self._cpu.mmu.translate(address, 0)"),
    Mutant("kernel_model/sched/run_queue.py", "            self.put(self.current)\n", "            pass\n"),
)  # fmt: skip

# directed resolution: each check of the eight steps, and what the kernel must do around them
DIRECTED: Final = "pffemu/hw/directed_resolution.py"
RINGS: Final = "pffemu/hw/frame_rings.py"
PAGEOUT: Final = f"{INSNS}/pageout.py"
DIRECTED_MEMORY: Final = "kernel_model/uffd/directed_memory.py"
DIRECTIONS: Final = "kernel_model/uffd/directions.py"

DIRECTED_RESOLUTION: Final = (
    Mutant(DIRECTED, "if fault.error_code & P or not", "if not"),
    Mutant(DIRECTED, " or not fault.error_code & U:", ":"),
    Mutant(DIRECTED, "leaf is None or not arch.is_directed(words[leaf])", "leaf is None"),
    Mutant(DIRECTED, "    if not arch.is_directed(entry):\n        return Outcome(Result.REPLAY)\n", ""),
    Mutant(DIRECTED, "    if entry & arch.BUSY:\n", "    if False:\n"),
    Mutant(DIRECTED, "    if entry & ~arch.DIRECTED:\n        return _declined(Reason.MARKED)\n", ""),
    Mutant(DIRECTED, "    if index > context.limit:\n        return _declined(Reason.INDEX)\n", ""),
    Mutant(DIRECTED, "found is None or not found.valid", "found is None"),
    Mutant(DIRECTED, "    if found.tag != cpu.mmu.fill.root & PTE_ADDRESS:\n        return Reason.TAG, None\n", ""),
    Mutant(DIRECTED, "if not found.start <= fill.address < found.end:", "if not fill.address < found.end:"),
    Mutant(DIRECTED, "if not found.start <= fill.address < found.end:", "if not found.start <= fill.address:"),
    Mutant(
        DIRECTED, "    if found.generation != arch.generation_of(fill.entry):\n        return Reason.STALE, None\n", ""
    ),
    Mutant(DIRECTED, "if fill.access & I or not", "if not"),
    Mutant(DIRECTED, "(found.write if fill.access & W else found.read)", "found.read"),
    Mutant(DIRECTED, "(found.write if fill.access & W else found.read)", "True"),
    Mutant(DIRECTED, "    if frame_rings.is_closed(words, context.epochs):\n", "    if False:\n"),
    Mutant(DIRECTED, "    frame_rings.set_in_flight(words, context.epochs, cpu.index, 1)\n", ""),
    Mutant(DIRECTED, "frame_rings.set_in_flight(cpu.mmu.ram.words, context.epochs, cpu.index, 0)", "pass"),
    Mutant(DIRECTED, "    if not _take_quota(cpu, context, fill):\n", "    if False:\n"),
    Mutant(DIRECTED, "context.table, index, -1) >= 0:", "context.table, index, -1) >= -1:"),
    Mutant(
        DIRECTED,
        "    if directive.add_left(cpu.mmu.ram.words, context.table, index, -1) >= 0:\n        return True\n",
        "    if directive.load(cpu.mmu.ram.words, context.table, index).left > 0:\n"
        "        directive.add_left(cpu.mmu.ram.words, context.table, index, -1)\n        return True\n",
    ),
    Mutant(
        DIRECTED,
        "    directive.add_left(cpu.mmu.ram.words, context.table, index, 1)\n    return False",
        "    return False",
    ),
    Mutant(DIRECTED, '    while unit.fill is not None and unit.fill.step != "check":\n        step(cpu)\n', ""),
    Mutant(DIRECTED, "if words[fill.leaf] != fill.entry:  # another", "if False:  # another"),
    Mutant(
        DIRECTED,
        "        _give_quota_back(cpu, context, fill)\n        frame_rings.set_in_flight(words",
        "        frame_rings.set_in_flight(words",
    ),
    Mutant(DIRECTED, "    words[fill.leaf] = fill.entry | arch.BUSY | cpu.index << arch.CORE_SHIFT\n", ""),
    Mutant(DIRECTED, "fill.entry | arch.BUSY | cpu.index << arch.CORE_SHIFT", "fill.entry | arch.BUSY"),
    Mutant(DIRECTED, "    if not frame_rings.record_ring(words, context.records).room:\n", "    if False:\n"),
    Mutant(
        DIRECTED, "        if not fill.frame:\n            return _give_up(cpu, context, fill, Reason.NOT_LISTED)\n", ""
    ),
    Mutant(
        DIRECTED, "if epoch > frame_rings.acknowledged(words, context.epochs, len(cpu.interconnect.cpus)):", "if False:"
    ),
    Mutant(
        DIRECTED,
        "fill.frame & ~PTE_ADDRESS or not 0 < fill.frame < cpu.mmu.ram.size",
        "not 0 < fill.frame < cpu.mmu.ram.size",
    ),
    Mutant(DIRECTED, "fill.frame & ~PTE_ADDRESS or not 0 < fill.frame < cpu.mmu.ram.size", "fill.frame & ~PTE_ADDRESS"),
    Mutant(DIRECTED, "if source % PAGE_SIZE or source >= USER_END:", "if source >= USER_END:"),
    Mutant(DIRECTED, "if source % PAGE_SIZE or source >= USER_END:", "if source % PAGE_SIZE:"),
    Mutant(DIRECTED, "source, page_walk.USER, True)", "source, 0, True)"),
    Mutant(DIRECTED, "source, page_walk.USER, True)", "source, page_walk.USER, False)"),
    Mutant(
        DIRECTED,
        "    if code != page_walk.OK:\n        return _give_up(cpu, context, fill, Reason.SOURCE_MISSING)\n",
        "",
    ),
    Mutant(DIRECTED, "elif found.kind is Kind.ZERO and not fill.zeroed:", "elif False:"),
    Mutant(
        DIRECTED, "    records.produce(fill.page | arch.FILLED | stored, fill.frame | arch.index_of(fill.entry))\n", ""
    ),
    Mutant(DIRECTED, "        ring.consume()\n", ""),
    Mutant(DIRECTED, "context.returns).consume()", "context.returns).count"),
    Mutant(DIRECTED, "words[header + arch.ARMED] and ring.count < words[header + arch.LOW]", "False"),
    Mutant(DIRECTED, " | (PTE_D if fill.access & W else 0)", ""),
    Mutant(DIRECTED, "    cpu.mmu.ram.words[fill.leaf] = fill.entry\n", ""),
    Mutant(
        DIRECTED,
        "    _give_quota_back(cpu, context, fill)\n    return _declined(reason)",
        "    return _declined(reason)",
    ),
    Mutant("pffemu/hw/cpu.py", "                directed_resolution.interrupt(self)\n", "                pass\n"),
    Mutant(
        "pffemu/hw/cpu.py",
        "            acknowledge(self.mmu.ram.words, self.directed.context.epochs, self.index)\n",
        "            pass\n",
    ),
    Mutant(PAGEOUT, "if not cpu.cr4_uintr or context is None:", "if context is None:"),
    Mutant(PAGEOUT, "page >= USER_END or not 0 < index <= context.limit", "not 0 < index <= context.limit"),
    Mutant(PAGEOUT, "page >= USER_END or not 0 < index <= context.limit", "page >= USER_END or index > context.limit"),
    Mutant(PAGEOUT, "page >= USER_END or not 0 < index <= context.limit", "page >= USER_END or not index"),
    Mutant(PAGEOUT, "found is None or not found.valid or", "found is None or"),
    Mutant(PAGEOUT, " or found.tag != cpu.mmu.fill.root & PTE_ADDRESS", ""),
    Mutant(PAGEOUT, "not found.start <= page < found.end or leaf", "leaf"),
    Mutant(PAGEOUT, "entry & (PTE_P | arch.RETURNABLE) != PTE_P | arch.RETURNABLE", "not entry & PTE_P"),
    Mutant(PAGEOUT, "    if entry & PTE_D and not drop:\n        return CF | ZF\n", ""),
    Mutant(PAGEOUT, "if not records.room or not returns.room:", "if not returns.room:"),
    Mutant(PAGEOUT, "if not records.room or not returns.room:", "if not records.room:"),
    Mutant(PAGEOUT, "    cpu.flush_tlb()\n", ""),
    Mutant(PAGEOUT, "    records.produce(page | arch.RETURNED, frame | index)\n", ""),
    Mutant(PAGEOUT, "        directive.add_left(words, context.table, index, 1)\n", "        pass\n"),
    Mutant(PAGEOUT, " or frame_rings.is_closed(words, context.epochs)", ""),
    Mutant(PAGEOUT, "    if words[leaf] != entry:  # with", "    if False:  # with"),
    Mutant(PAGEOUT, "epoch = frame_rings.next_epoch(words, context.epochs)", "epoch = 0"),
    Mutant(DIRECTED_MEMORY, "        directed_resolution.finish(self._cpus, self._epochs[0])\n", ""),
    Mutant(DIRECTED_MEMORY, "        frame_rings.move_gate(self._words, self._epochs[0], 1)\n", ""),
    Mutant(DIRECTED_MEMORY, "                self.frame_ring(core).arm()  #", "                pass  #"),
    Mutant("kernel_model/mm/page_fault.py", "        mm.directed.settle()\n", "        pass\n"),
    Mutant("kernel_model/uffd/fill.py", "        fill.uffd.mm.directed.settle()\n", "        pass\n"),
    Mutant("kernel_model/uffd/move.py", "    mm.settle()\n", ""),
    Mutant("kernel_model/mm/reclaim/lazy_free.py", "        mm.settle()\n", ""),
    Mutant("kernel_model/files/proc/smaps.py", "    mm.settle()\n", ""),
    Mutant("kernel_model/calls/process_vm.py", "    mm.settle()\n", ""),
    Mutant(
        MM,
        "        self.settle()\n        vmas = self.vmas.isolate(start, end)\n",
        "        vmas = self.vmas.isolate(start, end)\n",
    ),
    Mutant(MM, "        self.settle()\n        empty, kept", "        empty, kept"),
    Mutant(
        FORK,
        "    parent.settle()\n    if not any(vma.prot & PROT_EXEC and",
        "    if not any(vma.prot & PROT_EXEC and",
    ),
    Mutant(MM, "        if vma.directed:\n            self.settle()\n", "        if vma.directed:\n"),
    Mutant(DIRECTED_MEMORY, "        self.settle()\n        ring, mm = ", "        ring, mm = "),
    Mutant(DIRECTED_MEMORY, "        self.settle()  # the unit takes", "        pass  # the unit takes"),
    Mutant(MM, "                self.count_directed(vma.directed, 1)\n", "                pass\n"),
    Mutant(MM, "            self.count_directed(directed, -pages)\n", ""),
    Mutant(DIRECTIONS, "given.quota - mm.returnable(given.start, given.start + given.len)", "given.quota"),
    Mutant("kernel_model/kernel.py", "                self.open_gates()\n", "                pass\n"),
    Mutant(DIRECTED_MEMORY, "        self._words[at + arch.CONTROL] = 0\n", ""),
    Mutant(DIRECTED_MEMORY, "        self._generations[index] = self._generations.get(index, 0) + 1\n", ""),
    Mutant(DIRECTED_MEMORY, "        self._acknowledge(cpu, newest)\n", ""),
    Mutant(DIRECTED_MEMORY, "        ring.consume(len(records))\n", ""),
    Mutant(DIRECTED_MEMORY, "        self.mm.frames.give_back_all(owned.listed)\n", ""),
    Mutant(DIRECTED_MEMORY, "            self.mm.frames.give_back_all(self._take_frames(core))\n", ""),
    Mutant(DIRECTED_MEMORY, "and not mm.frames.is_shared(entry & PTE_ADDRESS)", ""),
    Mutant(DIRECTIONS, "wanted & ~vma.prot", "False"),
    Mutant(DIRECTIONS, "            memory.give_way(start, end)\n", ""),
    Mutant(DIRECTIONS, "vma.prot & PROT_EXEC or", "False or"),
    Mutant(DIRECTIONS, " or vma.locked:", ":"),
    Mutant(DIRECTED_MEMORY, "                raise LinuxError(Errno.EBUSY)\n", "                pass\n"),
    Mutant(DIRECTIONS, "min(source, last) >= 0 and max", "max"),
    Mutant(DIRECTIONS, " and max(source, last) < USER_END", ""),
    Mutant(DIRECTIONS, "if owned is None or owned.owner is not uffd:", "if owned is None:"),
    Mutant(FORK, "~_NOT_COPIED if", "~(_NOT_COPIED & ~RETURNABLE) if"),
    Mutant(
        FORK,
        "copy_private(address, place, used, _NOT_COPIED & some)",
        "copy_private(address, place, used, _NOT_COPIED & some & ~RETURNABLE)",
    ),
    Mutant(FORK, "clear_bits(place, used, (PTE_W | RETURNABLE) & some)", "clear_bits(place, used, PTE_W & some)"),
    Mutant(
        FORK,
        "-returnable_pages(entries))\n            parent.pages.clear_bits(",
        "0)\n            parent.pages.clear_bits(",
    ),
    Mutant(
        FORK, "-returnable_pages(entries))\n            parent.pages.narrow(", "0)\n            parent.pages.narrow("
    ),
    Mutant(MM, "self.count_directed(vma.directed, -returnable_pages(gone))", "pass"),
    Mutant(FORK, "entry & ~(PTE_W | RETURNABLE) if entry & OWNED", "entry & ~PTE_W if entry & OWNED"),
    Mutant(MM, "            self.undirect(vma)\n            vma.prot = prot\n", "            vma.prot = prot\n"),
    Mutant(MM, "                    self.pages.set(address, entry & ~RETURNABLE)\n", "                    pass\n"),
    Mutant(DIRECTED, "        if cpu.event_at <= cpu.clock:\n            return\n", ""),
    Mutant(DIRECTED, "words[leaf] != fill.entry or not begin", "not begin"),
    Mutant(DIRECTED, "first = cpu.mmu.ram.words, fill.page & -block", "first = cpu.mmu.ram.words, fill.page"),
    Mutant("kernel_model/mm/reclaim/rmap.py", "        mm.settle()  # a fill under way may copy from this page\n", ""),
    Mutant(
        "kernel_model/mm/page_cache.py",
        "                            mm.directed.unlist(vma, low, high)\n",
        "                            pass\n",
    ),
)

SCAN: Final = "kernel_model/mm/reclaim/scan.py"
RMAP: Final = "kernel_model/mm/reclaim/rmap.py"
LISTS: Final = "kernel_model/mm/reclaim/lists.py"
WRITEBACK: Final = "kernel_model/mm/reclaim/writeback.py"
FILE_MEMORY: Final = "kernel_model/mm/reclaim/file_memory.py"
READAHEAD: Final = "kernel_model/mm/readahead.py"
DISK: Final = "kernel_model/mm/disk.py"

PAGE_CACHE: Final = tuple(
    Mutant(file, old, new)
    for file, old, new in (
        (SCAN, "        if page.dirty:\n            page.reclaim = True\n", "        if False:\n            page.reclaim = True\n"),
        (SCAN, "if page.is_busy or self._is_pinned(page, mappings):", "if self._is_pinned(page, mappings):"),
        (SCAN, "        if use.locked:\n            self._lists.put(page, Where.UNEVICTABLE)\n            return _Fate.KEPT\n", ""),
        (SCAN, "            if before or use.accessed > 1 or use.executable:\n", "            if False:\n"),
        (SCAN, "        if use.accessed:\n", "        if False:\n"),
        (SCAN, "entries = rmap.unmap(page, mappings)", "entries = 0"),
        (SCAN, "            if lists.inactive_is_low:\n", "            if False:\n"),
        (SCAN, "                if freed == wanted:\n                    break\n", ""),
        (SCAN, "Where.UNEVICTABLE if locked else Where.INACTIVE", "Where.UNEVICTABLE"),
        (RMAP, "            mm.pages.set(address, entry & ~(PTE_W | PTE_D))\n            mm.stale = True\n", "            mm.pages.set(address, entry & ~(PTE_W | PTE_D))\n"),
        (RMAP, "            mm.pages.set(address, entry & ~PTE_A)\n", ""),
        (RMAP, "            accessed += not vma.advice\n", "            accessed += 1\n"),
        (LISTS, "        near = self.age - age <= len(self.active)\n", "        near = True\n"),
        (LISTS, "        return len(self.inactive) * ratio < len(self.active)\n", "        return False\n"),
        (WRITEBACK, "entries = rmap.write_protect(page, mappings)", "entries = 0"),
        (WRITEBACK, "            page.file.store_page(page)\n", "            pass\n"),
        ("kernel_model/mm/reclaim/kernel_thread.py", "        self._tlbs.flush_stale(cpu, ends=False)\n", ""),
        (WRITEBACK, "        self.note(page)\n", "        pass\n"),
        (FILE_MEMORY, "                    self.lists.put_first(page)\n", ""),
        (FILE_MEMORY, "        return min(most, self.quota // PAGE_SIZE) if self.quota else most\n", "        return most\n"),
        (READAHEAD, "            page.marker = index == marker\n", ""),
        (READAHEAD, "        window.start += window.size\n", ""),
        (READAHEAD, "    if advice == RANDOM or window.misses > _LOTS_OF_MISSES:\n", "    if False:\n"),
        (READAHEAD, "max(0, index - most // 2), most, most // 4", "index, most, most // 4"),
        (DISK, "max(cpu.clock + latency, self._free_at)", "cpu.clock"),
        (FAULT, "page.reading is None and not page.marker", "not page.marker"),
        (FAULT, "    if page.reading is not None:\n        if fault.may_wait:\n", "    if False:\n        if fault.may_wait:\n"),
        (FAULT, "        if fault.is_write:\n            file.dirtied(cpu, offset)\n", ""),
        (FAULT, "        vma.file.dirtied(fault.cpu, vma.offset + fault.page - vma.start)\n", ""),
        (MM, "vma.shared and (entry & PTE_D or not isinstance(vma.file, DiskPages))", "vma.shared"),
    )
)  # fmt: skip

MUTANTS: Final = (*HARDWARE, *KERNEL, *DIRECTED_RESOLUTION, *PAGE_CACHE)
