/* Loops that vectorize. */
#include "start.h"
int m[8][8];
float v[64];
short w[32];
unsigned char by[100];
int run(void) {
    for (int i = 0; i < 8; i++) for (int j = 0; j < 8; j++) m[i][j] = i * j + 3;
    for (int i = 0; i < 64; i++) v[i] = i * 0.5f;
    for (int i = 0; i < 32; i++) w[i] = i * i - 99;
    for (int i = 0; i < 100; i++) by[i] = i * 3;
    int s = 0;
    float t = 0;
    for (int i = 0; i < 64; i++) {
        s += m[i / 8][i % 8];
        t += v[i] * v[i];
    }
    for (int i = 0; i < 32; i++) s += w[i] > 0 ? w[i] : -w[i];
    for (int i = 0; i < 100; i++) s ^= by[i];
    return (s + (int)t) & 127;
}
