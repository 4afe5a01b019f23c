# uffd-sigbus: the faulting thread gets SIGBUS instead of a message, and answers in the signal's handler.
.text
uffd_sigbus_open:
    mov edi, FEATURE_SIGBUS
    call uffd_pages_open
    test eax, eax
    jnz 1f
    mov edi, SIGBUS
    call handle_signal
1:  ret

.data
uffd_sigbus_mechanism:
    .ascii "uffd-sigbus\0\0\0\0\0"
    .quad DIRECT, uffd_sigbus_open, 0, uffd_install, uffd_protect, uffd_allow, 0, uffd_drop, 0, 0, 0, 0, 0, 0
