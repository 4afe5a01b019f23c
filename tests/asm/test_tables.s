.include "pff.inc"

# test: a page that was read is mapped without the right to write, and one that was written is dirty
# map: buf 12K rw
# mode: kernel
# expect: pte[buf].P == 1 and pte[buf].W == 0 and pte[buf].U == 1 and pte[buf].A == 1 and pte[buf].NX == 1
# expect: pte[buf + 4096].W == 1 and pte[buf + 4096].D == 1 and pte[buf + 4096].frame != pte[buf].frame
# expect: pte[buf + 8192].P == 0 and pte[buf + 8192] == 0
    mov al, [buf]
    mov byte ptr [buf + 4096], 1

# test: a thread that may send to itself has a UPID with nothing posted and a valid UITT entry
# mode: pff
# expect: upid.pir == 0 and upid.on == 0 and uitt[0].valid == 1 and uitt[0].vector == 5 and uitt[0].upid != 0
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    xor esi, esi
    syscall
    mov eax, SYS_uintr_vector_fd
    mov edi, 5
    xor esi, esi
    syscall
    mov edi, eax
    mov eax, SYS_uintr_register_sender
    xor esi, esi
    syscall
    jmp done
handler: uiret
done: nop
