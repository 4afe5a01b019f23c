"""What each kind of step of a fault is, in one or two sentences for a reader who sees it for the first time."""

from __future__ import annotations

from typing import Final

from pffemu.report.fault_steps import ACCESS, DONE, INSTRUCTION, RETRY

WORDS: Final = {
    ACCESS: "The thread is about to execute this instruction. The page that it touches is not there, or does not "
    "allow it.",
    "walk refused": "The MMU walks the page tables from CR3 down and finds an entry that refuses the access: #PF. "
    "CR2 takes the address, and the error code says what kind of access it was.",
    "directed step": "The core's own unit makes one step of filling the page as the program's directive says: check, "
    "claim, frame, source, fill, record, publish. No instruction runs meanwhile, neither the kernel's nor a handler's.",
    "directed wait": "Another core fills this page, or the kernel is changing the mappings: the unit looks again.",
    "declined": "The unit cannot fill the page, puts the entry back as it was, and says why. The fault goes on as it "
    "would without a directive.",
    "records taken": "The kernel takes over what units have written into their completion rings: which pages came and "
    "went since it looked last.",
    "frames donated": "The kernel puts frames into a core's frame ring, for later faults.",
    "page returned": "PAGEOUT has made the page absent again. Its frame serves once every core has flushed its TLB.",
    "condition": "The hardware checks, one by one, whether ring 3 may take this fault. "
    "The first condition that fails sends it to the kernel.",
    "decision": "The MMU decides: the fault is forwarded to the thread's own handler, or it is an ordinary #PF.",
    "push": "Delivery writes one word of the frame on the thread's own stack, below the red zone. "
    "Registers change only when all words are there.",
    "frame": "The frame is complete: the words of a user interrupt's frame, then the fault address and the error code.",
    "push refused": "A word of the frame cannot be written: delivery changes nothing and raises an ordinary #PF.",
    "UIF cleared": "The user-interrupt flag is cleared: until UIRET or STUI nothing else is forwarded to this thread.",
    "handler": "The handler runs in the thread that faulted. It finds the frame at RSP.",
    INSTRUCTION: "The handler's next instruction.",
    "uiret": "UIRET takes the frame from the stack: RIP, RFLAGS and RSP are those of the access, and UIF is 1 again.",
    "resume": "The thread is back at the instruction that faulted.",
    RETRY: "The access is about to run again; now the walk ends at a page.",
    DONE: "The access is over, and the thread goes on as if the page had always been there.",
    "exception entry": "The core enters the kernel through the IDT: it saves the thread's registers and calls the "
    "#PF handler.",
    "area": "The kernel looks up the mapping (VMA) that holds the address, and whether a userfaultfd watches it.",
    "signal": "The thread is about to run its signal handler, or to die of the signal.",
    "signal delivered": "The kernel has pushed a signal frame; the thread runs its signal handler next.",
    "signal returned": "The handler has returned through rt_sigreturn: the kernel restores the registers of the "
    "access.",
    "page mapped": "The kernel has resolved the fault itself and set the page-table entry.",
    "abandoned": "The thread will not come back to this access.",
    "message": "The kernel queues a uffd_msg with the address; the thread that reads the userfaultfd is to bring in "
    "the page.",
    "block": "The thread sleeps: its core may run another one.",
    "wake": "A sleeping thread becomes runnable again. A core that idles needs an interrupt to notice it.",
    "switch": "The core loads another thread's registers and address space.",
    "message read": "The handler thread has the message, and with it the address.",
    "system call": "The thread enters the kernel by SYSCALL.",
    "ioctl stage": "One stage of the ioctl that resolves the fault.",
    "page installed": "The page-table entry is set: from here on the access can succeed.",
    "return": "The system call returns to ring 3.",
}
