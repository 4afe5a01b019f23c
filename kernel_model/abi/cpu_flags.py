"""Names of CPU features in /proc/cpuinfo, by CPUID bit (arch/x86/include/asm/cpufeatures.h), in Linux's order."""

from __future__ import annotations

from typing import Final

EAX, EBX, ECX, EDX = range(4)
# (leaf, subleaf, register, names by bit; "" where Linux shows none)
FLAGS: Final[tuple[tuple[int, int, int, str], ...]] = (
    (1, 0, EDX,
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse "
     "sse2 ss ht tm ia64 pbe"),
    (0x8000_0001, 0, EDX,
     "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"),
    (1, 0, ECX,
     "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 "
     "x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor"),
    (0x8000_0001, 0, ECX,
     "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 "
     "tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -"),
    (7, 0, EBX,
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx "
     "smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"),
    (7, 0, ECX,
     "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme "
     "avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri movdir64b enqcmd - -"),
    (7, 0, EDX,
     "- - avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect - md_clear - - - serialize - tsxldtrk - "
     "pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 - - flush_l1d arch_capabilities - -"),
)  # fmt: skip
SYNTHETIC: Final = ("constant_tsc", "rep_good", "nopl", "nonstop_tsc", "cpuid", "tsc_known_freq")


def flags(cpuid: dict[tuple[int, int], tuple[int, int, int, int]]) -> list[str]:
    """The names of the features in CPUID's answers, by (leaf, subleaf), and those that Linux adds by itself."""
    found: list[str] = []
    for leaf, subleaf, register, names in FLAGS:
        word = cpuid[leaf, subleaf][register]
        found += [name for i, name in enumerate(names.split()) if word >> i & 1 and name != "-"]
        if (leaf, register) == (0x8000_0001, EDX):
            found += SYNTHETIC
    return found
