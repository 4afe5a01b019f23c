/* MMX instructions turn x87 registers into theirs: TOP, tags, exponents; undocumented encodings of FXCH and FSTP. */
#include <stdio.h>
#include <stdint.h>
#include <string.h>
int main(){ unsigned char s[512] __attribute__((aligned(16)));
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\temms\n\tfxsave %0":"=m"(s)); printf("emms fsw %04x ftw %02x\n",*(uint16_t*)(s+2),s[4]);
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tmovq %%mm1,%%mm2\n\tfxsave %0":"=m"(s)); printf("movq fsw %04x ftw %02x st2 %04x\n",*(uint16_t*)(s+2),s[4],*(uint16_t*)(s+32+32+8));
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tmovd %%mm1,%%eax\n\tfxsave %0":"=m"(s)::"rax"); printf("movd r,mm fsw %04x ftw %02x st1 %04x\n",*(uint16_t*)(s+2),s[4],*(uint16_t*)(s+32+16+8));
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tcvtpi2pd %1,%%xmm0\n\tfxsave %0":"=m"(s):"m"(*(uint64_t*)s):"rax"); printf("cvtpi2pd m fsw %04x ftw %02x\n",*(uint16_t*)(s+2),s[4]);
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tcvtpi2pd %%mm0,%%xmm0\n\tfxsave %0":"=m"(s)::"rax"); printf("cvtpi2pd mm fsw %04x ftw %02x\n",*(uint16_t*)(s+2),s[4]);
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tcvtpi2ps %%mm0,%%xmm0\n\tfxsave %0":"=m"(s)::"rax"); printf("cvtpi2ps mm fsw %04x ftw %02x\n",*(uint16_t*)(s+2),s[4]);
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tcvtps2pi %%xmm0,%%mm3\n\tfxsave %0":"=m"(s)::"rax"); printf("cvtps2pi mm fsw %04x ftw %02x st3 %04x\n",*(uint16_t*)(s+2),s[4],*(uint16_t*)(s+32+48+8));
 asm volatile("fninit\n\tfld1\n\tfld1\n\tfldpi\n\tmovq2dq %%mm3,%%xmm0\n\tfxsave %0":"=m"(s)::"rax"); printf("movq2dq fsw %04x ftw %02x st3 %04x\n",*(uint16_t*)(s+2),s[4],*(uint16_t*)(s+32+48+8));
 // DC D0 fcom alias, DD C8 fxch
 asm volatile("fninit\n\tfld1\n\tfldz\n\t.byte 0xdd,0xc9\n\tfxsave %0":"=m"(s)); printf("dd c9 fsw %04x st0 %04x\n",*(uint16_t*)(s+2),*(uint16_t*)(s+32+8));
 asm volatile("fninit\n\tfld1\n\tfldz\n\t.byte 0xdf,0xd1\n\tfxsave %0":"=m"(s)); printf("df d1 fsw %04x st0 %04x ftw %x\n",*(uint16_t*)(s+2),*(uint16_t*)(s+32+8),s[4]);
 asm volatile("fninit\n\tfld1\n\tfldz\n\t.byte 0xd9,0xd9\n\tfxsave %0":"=m"(s)); printf("d9 d9 fsw %04x st0 %04x ftw %x\n",*(uint16_t*)(s+2),*(uint16_t*)(s+32+8),s[4]);
 asm volatile("fninit\n\tfld1\n\tfldz\n\t.byte 0xdf,0xc1\n\tfxsave %0":"=m"(s)); printf("df c1 freep fsw %04x st0 %04x ftw %x\n",*(uint16_t*)(s+2),*(uint16_t*)(s+32+8),s[4]);
}
