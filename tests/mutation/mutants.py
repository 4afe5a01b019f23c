"""Mutants of the hardware and of the kernel model: each drops or bends one step, and an assembly test must notice.

A row is (file, text as it stands there exactly once, text in its place).
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
REGIONS: Final = "pffemu/hw/uffd_regions.py"
MMU: Final = "pffemu/hw/mmu.py"
WALK: Final = "pffemu/hw/page_walk.py"
UFFD: Final = "kernel_model/userfaultfd.py"
FAULT: Final = "kernel_model/page_fault.py"
MM: Final = "kernel_model/mm.py"
CALLS: Final = "kernel_model/uintr_calls.py"
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
        "return cpu.cr4_uintr and cpu.uintr.uif and bool(rflags >> 9 & 1)",
        "return cpu.cr4_uintr and cpu.uintr.uif",
    ),
    Mutant(UINTR, "cpu.uintr.uirr &= ~(1 << vector)  # step 5", "pass"),
    Mutant(UINTR, "fault.address & PAGE_MASK if cpu.options.mask_fault_address else fault.address", "fault.address"),
    Mutant(UINTR, "vector = cpu.apic.user_vector[PF]", "vector = PF"),
    Mutant(UINTR, "below, (address, fault.error_code))", "below, (fault.error_code, address))"),
    Mutant(UINTR, "if not is_canonical(state.handler):", "if False:"),
    Mutant(UINTR, "state.stackadjust if state.stackadjust & 1 else rsp - state.stackadjust", "rsp - state.stackadjust"),
    Mutant(UINTR, "else rsp - state.stackadjust\n", "else rsp\n"),
    Mutant(UINTR, "top &= _MASK & -STACK_ALIGNMENT", "top &= _MASK & -8"),
    Mutant(UINTR, "words = (*below, rip, rflags, rsp, *above)", "words = (*below, rip, rsp, rflags, *above)"),
    Mutant(UINTR, "words = (*below, rip, rflags, rsp, *above)", "words = (*below, rip, rflags, top, *above)"),
    Mutant(UINTR, "    state.uif = False\n", ""),
    Mutant(UINTR, "rflags & ~(TF | RF))", "rflags & ~RF)"),
    Mutant(UINTR, "rflags & ~(TF | RF))", "rflags & ~TF)"),
    Mutant(UINTR, "return Trap(SS)  # a non", "return Trap(GP)  # a non"),
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
    Mutant(f"{INSNS}/uiret.py", "return frame if frame.vector == PF else Trap(SS)", "return frame"),
    Mutant(f"{INSNS}/uiret.py", "    if not cpu.cr4_uintr:\n        return Trap(UD)\n", ""),
    Mutant(f"{INSNS}/stui.py", "    if not cpu.cr4_uintr:\n        return Trap(UD)\n", ""),
    Mutant(f"{INSNS}/stui.py", "cpu.uintr.uif = True", "pass"),
    Mutant(f"{INSNS}/clui.py", "cpu.uintr.uif = False", "pass"),
    Mutant(f"{INSNS}/testui.py", "~(TESTUI_CLEARED | CF)", "~CF"),
    Mutant(f"{INSNS}/testui.py", "(CF if cpu.uintr.uif else 0)", "0"),
    Mutant(f"{INSNS}/__init__.py", "at = 2 if len(code) > 1 and code[1] & 0xF0 == 0x40 else 1", "at = 1"),
    Mutant(REGIONS, "r.start <= address < r.end and r.tag in (tag, 0)", "r.start <= address < r.end"),
    Mutant(REGIONS, "r.start <= address < r.end and", "r.start <= address <= r.end and"),
    Mutant(REGIONS, "r.start <= address < r.end and", "r.start < address < r.end and"),
    Mutant(REGIONS, "r.tag in (tag, 0)", "r.tag == tag"),
    Mutant(REGIONS, "return mode & MODE_WRITE_PROTECT != 0 and error_code & W != 0", "return error_code & W != 0"),
    Mutant(REGIONS, "return mode & MODE_MISSING != 0", "return True"),
    Mutant(REGIONS, "old.start <= new.end and new.start <= old.end:", "old.start < new.end and new.start < old.end:"),
    Mutant(REGIONS, "            if end < old.end:\n                kept.append(old._replace(start=end))\n", ""),
    Mutant(REGIONS, "            if old.start < start:\n                kept.append(old._replace(end=start))\n", ""),
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
        "[MODE_MISSING] if entry & PTE_UFFD and not entry & P else []",
        "[MODE_MISSING] if entry & PTE_UFFD else [MODE_MISSING]",
    ),
    Mutant(WALK, "(access & USER and user & PTE_U == 0)", "False"),
    Mutant(WALK, "(access & FETCH and no_execute)", "False"),
    Mutant(WALK, "(access & WRITE and writable & PTE_W == 0)", "False"),
    Mutant("pffemu/hw/fault_address.py", "        error_code |= W\n", "        pass\n"),
    Mutant("pffemu/hw/fault_address.py", "return max(start, page), error_code", "return page, error_code"),
    Mutant("pffemu/hw/fault_address.py", "return max(start, page), error_code", "return start, error_code"),
)

KERNEL: Final = (
    Mutant(UFFD, "            self._wake_range(call.cpu, start, start + done)\n", "            pass\n"),
    Mutant(UFFD, "if not mode & uapi.UFFDIO_COPY_MODE_DONTWAKE:", "if True:"),
    Mutant(UFFD, "return page - start, Errno.EEXIST", "return page - start, None"),
    Mutant(UFFD, "return 0, Errno.ENOENT", "return 0, Errno.EINVAL"),
    Mutant(UFFD, "        if done != length:\n            raise LinuxError(Errno.EAGAIN)\n", ""),
    Mutant(UFFD, "report(done if done or error is None else -error)", "report(done)"),
    Mutant(UFFD, "            copy.copy = done\n", "            copy.copy = 0\n"),
    Mutant(UFFD, "            zero.zeropage = done\n", "            zero.zeropage = 0\n"),
    Mutant(UFFD, "flags = uapi.UFFD_PAGEFAULT_FLAG_WRITE if error_code & pagefault.W else 0", "flags = 0"),
    Mutant(UFFD, "address if self._features & uapi.UFFD_FEATURE_EXACT_ADDRESS else page_of(address)", "page_of(address)"),
    Mutant(UFFD, "ptid = fault.task.tid if self._features & uapi.UFFD_FEATURE_THREAD_ID else 0", "ptid = fault.task.tid"),
    Mutant(UFFD, "        self._scheduler.wake_all(cpu, self._readers)\n", ""),
    Mutant(UFFD, "            fault.read = True\n", "            pass\n"),
    Mutant(UFFD, "            if vma.uffd not in (None, self):\n                raise LinuxError(Errno.EBUSY)\n", ""),
    Mutant(UFFD, "            self._driver.add(call.cpu, self._mm, vma.start, vma.end)\n", "            pass\n"),
    Mutant(UFFD, "        self._driver.remove(cpu, self._mm, vma.start, vma.end)\n", ""),
    Mutant(UFFD, "register.ioctls = _RANGE_IOCTLS", "register.ioctls = 0"),
    Mutant(UFFD, "        self._ready, self._features = True, wanted\n", "        self._ready, self._features = True, 0\n"),
    Mutant(UFFD, "api.features & ~FEATURES or self._ready:", "api.features & ~FEATURES:"),
    Mutant(UFFD, "handler is None or (not self._ready and request != uapi.UFFDIO_API)", "handler is None"),
    Mutant(UFFD, "if not is_user_range(start, length):", "if False:"),
    Mutant(FAULT, "        return vma.prot & PROT_EXEC != 0\n", "        return True\n"),
    Mutant(FAULT, "        return vma.prot & PROT_WRITE != 0\n", "        return True\n"),
    Mutant(FAULT, "    if vma.uffd is not None:\n        return vma.uffd.handle_fault(cpu, task, address, error_code)\n", ""),
    Mutant(FAULT, "    mm.stale = True  # read-only", "    # read-only"),
    Mutant(MM, "return PTE_UFFD if self.mark_uffd_ptes and vma.uffd is not None else 0", "return PTE_UFFD if vma.uffd is not None else 0"),
    Mutant(MM, "                self.pages.set(address, empty)\n", "                self.pages.set(address, 0)\n"),
    Mutant(MM, "(PTE_W if prot & PROT_WRITE and owned else 0)", "(PTE_W if prot & PROT_WRITE else 0)"),
    Mutant(MM, "(0 if prot & PROT_EXEC else PTE_NX)", "0"),
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
    Mutant(UINTR_KERNEL, "        task.uintr = UintrState(uittaddr", "        UintrState(uittaddr"),
    Mutant(UINTR_SWITCH, "        cpu.uintr = task.uintr\n", ""),
    Mutant("kernel_model/pff_driver.py", "(reg.TAG, mm.pages.root & PTE_ADDRESS)", "(reg.TAG, 4096)"),
    Mutant("kernel_model/pff_driver.py", "        if self._command(cpu, mm, reg.COMMAND_REMOVE, start, end) == reg.STATUS_FULL:\n", "        if self._command(cpu, mm, reg.COMMAND_REMOVE, start, end) == 99:\n"),
    Mutant("kernel_model/memory_calls.py", "        call.kernel.pff_driver.remove(call.cpu, call.mm, vma.start, vma.end)\n", "        pass\n"),
    Mutant("kernel_model/user_memory.py", "start = self._cpu.mmu.translate(address, access)", "start = self._cpu.mmu.translate(address, 0)"),
    Mutant("kernel_model/scheduler.py", "        queue.waiting.append(queue.current)\n            self._uintr.out(cpu, queue.current)\n            queue.current = None\n", "        pass\n"),
)  # fmt: skip

MUTANTS: Final = (*HARDWARE, *KERNEL)
