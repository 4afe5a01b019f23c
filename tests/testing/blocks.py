"""Blocks that pass and blocks that fail, for every directive: (directive, passing, failing, what the failure says)."""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    directive: str
    passing: str
    failing: str
    message: str


REGION: Final = """
# map: buf 16K rw
# uffd: buf missing
"""
ZEROPAGE: Final = """
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rax, [rsp + 48 + 32]
    and rax, -4096
    mov [rip + zeropage], rax
    mov rdi, [rip + uffd]
    mov esi, 0xc020aa04
    lea rdx, [rip + zeropage]
    mov eax, 16
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
.data
zeropage: .quad 0, 4096, 0, 0
"""
FORWARDING: Final = REGION + "# forward: on\n" + ZEROPAGE
TOUCH: Final = "    mov rbx, buf\ntouch: mov rax, [rbx + 8]\n"
SIGNAL: Final = (
    "# signal: SIGSEGV on\n# test: x\n# expect: rbx == 11\nmov al, [0]\njmp test.end\n"
    "on: mov ebx, edi\nmov rax, [rdx + 168]\nadd rax, 7\nmov [rdx + 168], rax\nmov [rdx + 128], rbx\nret\n"
)

ROWS: Final = (
    Row("expect", "# expect: rax == 7\nmov eax, 7\n", "# expect: rax == 0x70\nmov eax, 7\n",
        "expect: rax == 0x70: does not hold*expected 0x70*rax is 7"),
    Row("expect flags", "# expect: flags has CF and flags not has ZF\nstc\n", "# expect: flags has CF\nclc\n",
        "failed: flags.CF == 1*flags.CF is 0"),
    Row("expect memory", "# expect: mem64[word + 8] == -2 and mem8[word] == 1 and mem32[word] == 1\nnop\n.data\n"
        "word: .quad 1, -2\n", "# expect: mem64[word + 8] == 3\nnop\n.data\nword: .quad 1, word\n",
        "mem64?word + 8? is 0x401000 (word)"),
    Row("expect xmm", "# regs: xmm1=(3 << 64) + 5\n# expect: xmm0 == xmm1 and xmm0 == mem128[word] and xmm0.q1 == 3\n"
        "# expect: xmm0.d2 == 3 and xmm0.w0 == 5 and xmm0.b15 == 0 and xmm0 ^ xmm1 == 0 and xmm2 != xmm0\n"
        "movaps xmm0, xmm1\nmovaps [rip + word], xmm0\n.bss\n.balign 16\nword: .zero 16\n",
        "# regs: xmm1=(3 << 64) + 5\n# expect: xmm0 == 5\nmovaps xmm0, xmm1\n",
        "expected 5*xmm0 is 0x30000000000000005*xmm0    0 -> 0x30000000000000005"),
    Row("expect a part of xmm", "# expect: xmm1.q0 == -1\npcmpeqd xmm1, xmm1\n",
        "# expect: xmm1.q2 == 0\nnop\n", "it has no part 'q2'*did you mean 'q0'"),
    Row("expect stdout",
        '# expect: stdout == "hi"\nmov eax, 1\nmov edi, 1\nlea rsi, [rip + text]\nmov edx, 2\nsyscall\n'
        '.data\ntext: .ascii "hi"\n', '# expect: "ho" in stdout\nnop\n', "stdout is b''"),
    Row("expect exit", "# expect: exit == 3\nmov eax, 60\nmov edi, 3\nsyscall\n", "# expect: exit == 3\nnop\n",
        "it exits: the block ran to its end"),
    Row("expect frame", FORWARDING + "# test: x\n# expect: frame.address == buf + 8 and frame.rip == touch\n"
        "# expect: frame.vector == 14 and frame.error == U and frame.size == 48\n" + TOUCH,
        FORWARDING + "# test: x\n# expect: frame.error == U|W\n" + TOUCH, "frame.error is 4 ?U?"),
    Row("at", "# at here: rcx % 2 == 0\nmov ecx, 4\nhere: sub ecx, 2\njnz here\n",
        "# at here: rcx != 2\nmov ecx, 4\nhere: sub ecx, 2\njnz here\n", "does not hold at arrival 2"),
    Row("at an arrival", "# at here#2: rcx == 2\nmov ecx, 4\nhere: sub ecx, 2\njnz here\n",
        "# at here#3: rcx == 2\nmov ecx, 4\nhere: sub ecx, 2\njnz here\n", "here was only 2 times reached"),
    Row("fault", "# fault: #GP(0) at here\nhere: hlt\n", "# fault: #UD at here\nhere: hlt\n", "it was #GP at here"),
    Row("fault with address", "# fault: #PF(W|U) address=0x1238 at here\nhere: mov [0x1238], al\n",
        "# fault: #PF(U) address=0x1238 at here\nhere: mov [0x1238], al\n", "the error code is W|U"),
    Row("raises", "# raises: SIGSEGV addr=0x1238 at here\nhere: mov [0x1238], al\n",
        "# raises: SIGSEGV addr=0x1239\nhere: mov [0x1238], al\n", "the address is 0x1238 (0x1238), not 0x1239"),
    Row("raises another", "# raises: SIGFPE\nxor ecx, ecx\ndiv ecx\n", "# raises: SIGFPE\nnop\n",
        "no signal ended the block: it ran to its end"),
    Row("raises with a code", "# raises: SIGSEGV code=SEGV_MAPERR addr=0x1238\nmov [0x1238], al\n",
        "# raises: SIGSEGV code=SEGV_ACCERR\nmov [0x1238], al\n", "si_code is SEGV_MAPERR"),
    Row("signal", SIGNAL, SIGNAL.replace("11", "12"), "rbx is 0xb"),
    Row("deadlock", REGION + "# test: x\n# deadlock: userfaultfd 3 to bring in 0x10000008\n" + TOUCH,
        REGION + "# test: x\n# deadlock: futex\n" + TOUCH, "the deadlock says: all threads are blocked"),
    Row("budget-used-up", "# budget: 100\n# budget-used-up\nloop: jmp loop\n", "# budget-used-up\nnop\n",
        "budget-used-up: the block ran to its end"),
    Row("budget",
        "# budget: 3\n# expect: rax == 0\nnop\nnop\nnop\n", "# budget: 2\n# expect: rax == 0\nnop\nnop\nnop\n",
        "the block used up its budget of 2 instructions"),
    Row("warns", "# warns: system call 999\nmov eax, 999\nsyscall\n", "# warns: system call 999\nnop\n",
        "warns: system call 999: the warnings were []"),
    Row("count", "# count: syscall == 1 and faults == 0\nmov eax, 186\nsyscall\n",
        "# count: syscall == 2\nmov eax, 186\nsyscall\n", "syscall is 1"),
    Row("cycles", FORWARDING + "# test: x\n# cycles: 300 < delivery < fault < 5000 and handling < fault @ gem5-o3\n"
        "# cycles: fault < block < 20000 @ gem5-o3\n# expect: rax == 0\n" + TOUCH,
        FORWARDING + "# test: x\n# cycles: fault < 10 @ sapphire-rapids\n" + TOUCH,
        "cycles: fault < 10 @ sapphire-rapids: does not hold for fault 1 of 1, at buf+0x8*fault is 0x*> refused"),
    Row("cycles of what was not forwarded", "# map: buf 4K rw\n# cycles: fault < 50000\nmov al, [buf]\n",
        "# map: buf 4K rw\n# cycles: delivery < 50000\nmov al, [buf]\n",
        "there is no delivery: the fault was not forwarded"),
    Row("cycles without a fault", "# cycles: block < 100\nnop\n", "# cycles: fault < 100\nnop\n",
        "no page fault of the block was resolved"),
    Row("cycles of another machine", "# cycles: block < 100 @ amd-rome\nnop\n",
        "# cycles: block < 100 @ amd-rom\nnop\n", "amd-rome"),
    Row("CHECK", FORWARDING + "# test: x\n# CHECK: forward address=buf+0x8\n# CHECK-NEXT: frame\n# CHECK-NOT: message\n"
        "# CHECK: installed address=buf\n# CHECK: uiret\n# CHECK-NEXT: resumed rip=touch\n" + TOUCH,
        FORWARDING + "# test: x\n# CHECK: forward\n# CHECK-NEXT: message\n" + TOUCH,
        'CHECK-NEXT: message: Couldn\'t match "message".*> frame size=48'),
    Row("CHECK-NOT", "# CHECK-NOT: clui\nstui\n", "# CHECK-NOT: clui\nstui\nclui\n",
        "excluded string found*> clui uif=0"),
    Row("mode", "# mode: kernel\n# expect: rax == -ENOSYS\nmov eax, 323\nsyscall\n",
        "# mode: uffd\n# expect: rax == -ENOSYS\nmov eax, 323\nsyscall\n", "rax is 3"),
    Row("cpu", "# cpu: flexible-uiret\n# expect: edx == 1 << 17\nmov eax, 7\nmov ecx, 1\ncpuid\n",
        "# expect: edx == 1 << 17\nmov eax, 7\nmov ecx, 1\ncpuid\n", "edx is 0"),
    Row("map", "# map: buf 8K rw\n# expect: mem64[buf + 4096] == 5\nmov ecx, 5\nmov rbx, buf\nmov [rbx + 4096], rcx\n",
        "# map: buf 4K rw at 0x20000000\n# fault: #PF\n# at here: buf == 0x20000001\nhere: mov [0x20000fff], cx\n",
        "buf is 0x20000000 (buf)"),
    Row("uffd", REGION + "# test: x\n# CHECK: message address=buf flags=0x0\n# deadlock: userfaultfd\n" + TOUCH,
        "# map: buf 16K rw\n# deadlock: userfaultfd\n" + TOUCH, "no deadlock: the block ran to its end"),
    Row("uffd wp and minor", "# map: a 4K rw\n# map: b 4K rw shared\n# uffd: a missing wp\n# uffd: b minor\n"
        "# expect: uffd_regions == 2 and rax == 0\nmov rdi, [rip + uffd]\nmov esi, 0xc018aa06\n"
        "lea rdx, [rip + protection]\nmov eax, 16\nsyscall\n.data\nprotection: .quad a, 4096, 1\n",
        "# map: b 4K rw\n# uffd: b minor\n# expect: rax == 0\nnop\n",
        "the set-up failed: a system call returned EINVAL"),
    Row("forward", FORWARDING + "# test: x\n# count: forwarded == 1\n# expect: rax == 0 and uif == 1\n" + TOUCH,
        REGION + ZEROPAGE + "# test: x\n# count: forwarded == 1\n" + TOUCH,
        "the block cannot go on: all threads are blocked"),
    Row("thread", REGION + "# thread: reader\n.text\nreader:\nsub rsp, 32\nagain: mov rdi, [rip + uffd]\nmov rsi, rsp\n"
        "mov edx, 32\nmov eax, 0\nsyscall\nmov rcx, [rsp + 16]\nmov [rip + zp], rcx\nmov esi, 0xc020aa04\n"
        "lea rdx, [rip + zp]\nmov eax, 16\nsyscall\njmp again\n.data\nzp: .quad 0, 4096, 0, 0\n"
        "# test: x\n# count: wakes >= 1\n" + TOUCH,
        "# thread: reader\n# expect: rax == 0\nnop\n", "# thread: reader: unknown name 'reader'"),
    Row("regs", "# regs: rax=5 rbx=there + 8, rcx=-1\n# expect: rax == 6 and rbx == there + 8 and rcx == -1\ninc rax\n"
        "there: nop\n", "# regs: rax=5\n# expect: rbx == 5\nnop\n", "rbx is 0"),
    Row("state", "# state: uif=1 uirr=1<<5 uihandler=got\n# expect: frame.vector == 5 and uirr == 0 and uif == 0\nud2\n"
        "got: nop\n", "# state: cr4_uintr=0\n# expect: uif == 1\nstui\n", "was killed by SIGILL: #UD: `stui`"),
    Row("cpus", "# cpus: 2\n# thread: other\n# expect: mem64[core] == 1\nwait: pause\ncmp dword ptr [rip + core], 1\n"
        "jne wait\njmp out\nother: mov eax, 1\ncpuid\nshr ebx, 24\nmov [rip + core], rbx\nself: jmp self\nout: nop\n"
        ".data\ncore: .quad 0\n", "# cpus: 65\n# expect: rax == 0\nnop\n", "# cpus: 65 cores are not possible"),
    Row("ram", "# ram: 4M\n# map: buf 1M rw\n# expect: rax == 0\nnop\n",
        "# ram: 4K\n# expect: rax == 0\nnop\n", "4096 bytes of RAM are not possible"),
    Row("regions", "# regions: 1\n# map: a 4K rw\n# map: b 4K rw\n# uffd: a missing\n# uffd: b missing\n"
        "# expect: uffd_regions == 1\nnop\n", "# map: a 4K rw\n# uffd: a missing\n# expect: uffd_regions == 2\nnop\n",
        "uffd_regions is 1"),
    Row("stdin", '# stdin: "ab\\n"\n# expect: rax == 3 and mem8[there + 1] == 0x62\nxor eax, eax\nxor edi, edi\n'
        "lea rsi, [rip + there]\nmov edx, 9\nsyscall\n.data\nthere: .quad 0, 0\n",
        "# stdin: ab\n# expect: rax == 3\nnop\n", "# stdin: nothing is called 'ab'"),
    Row("arguments", "# arguments: one two\n# expect: mem64[rsp] == 3\nnop\n", "# expect: mem64[rsp] == 3\nnop\n",
        "mem64?rsp? is 1"),
    Row("native", "# native: no\n# expect: rax == 0\nnop\n", "# native: maybe\n# expect: rax == 0\nnop\n",
        "# native: 'maybe'?"),
    Row("param", "# param: n = 0..3\n# expect: rax == 2 * n\nmov eax, n\nadd eax, eax\n",
        "# param: n = 1, 4\n# expect: rax == 1\nmov eax, n\n", "x [[]n=4[]]: expect: rax == 1"),
    Row("param text", '# param: insn, flag = ("stc", 1), ("clc", 0)\n# expect: flags.CF == flag\n{insn}\n',
        '# param: insn = "stc", "clc"\n# expect: flags has CF\n{insn}\n', "x [[]insn=clc[]]: expect"),
    Row("xfail", "# expect: rax == 0\nnop\n", "# xfail: known\n# expect: rax == 1\nnop\n", "1 xfailed"),
    Row("skip", "# expect: rax == 0\nnop\n", "# skip: later\n# expect: rax == 1\nnop\n", "1 skipped"),
    Row("slow", "# slow\n# expect: rax == 0\nnop\n", "# slow\n# expect: rax == 1\nnop\n", "rax is 0"),
)  # fmt: skip


def file_of(text: str) -> str:
    """A row's text as a test file: rows without shared part are one block."""
    return text if "# test: x" in text else f"# test: x\n{text}"
