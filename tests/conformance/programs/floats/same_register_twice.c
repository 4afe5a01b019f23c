/* Horizontal additions of a register with itself; REX before MMX registers, where it means nothing.
 * flags: -msse4 */
#include <stdio.h>
#include <stdint.h>
#include <string.h>
typedef long long v2 __attribute__((vector_size(16)));
#define P(i) do{ v2 a={0x7fff800112345678ll,0x8000ffff00010002ll}; asm(i " %0,%0":"+x"(a)); printf(i " %016llx %016llx\n",(long long)a[0],(long long)a[1]); uint64_t m; asm("movq %1,%%mm3\n\t" i " %%mm3,%%mm3\n\tmovq %%mm3,%0\n\temms":"=m"(m):"m"(a)); printf(" %016lx\n",m);}while(0)
#define Q(i) do{ v2 a={0x3f80000040000000ll,0x4040000040800000ll}; asm(i " %0,%0":"+x"(a)); printf(i " %016llx %016llx\n",(long long)a[0],(long long)a[1]);}while(0)
int main(){P("phaddw");P("phaddd");P("phaddsw");P("phsubw");P("phsubd");P("phsubsw");Q("haddps");Q("hsubps");Q("haddpd");Q("hsubpd");
 uint64_t r=0; asm volatile("movq %1,%%mm0\n\t.byte 0x49,0x0f,0x7e,0xc3\n\tmov %%r11,%0\n\temms":"=r"(r):"m"(*(uint64_t*)"abcdefgh"):"r11"); printf("%lx\n",r);
 asm volatile("movq %1,%%mm4\n\t.byte 0x47,0x0f,0x38,0x1d,0xd4\n\tmovq %%mm2,%0\n\temms":"=m"(r):"m"(*(uint64_t*)"\x81\x81\xff\xffmnop")); printf("%lx\n",r); unsigned char f[512] __attribute__((aligned(16)));
 asm volatile("fninit\n\tfld1\n\t.byte 0x43,0x0f,0x38,0x01,0xfb\n\tfxsave %0":"=m"(f)); printf("rex phaddw: fsw %04x tags %02x exponent %04x\n",*(uint16_t*)(f+2),f[4],*(uint16_t*)(f+32+7*16+8));
 asm volatile("fninit\n\tfld1\n\t.byte 0x26,0x4e,0x0f,0xf1,0xce\n\tfxsave %0":"=m"(f)); printf("es rex psllw: fsw %04x tags %02x exponent %04x\n",*(uint16_t*)(f+2),f[4],*(uint16_t*)(f+32+1*16+8));
}
