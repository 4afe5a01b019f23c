"""C variables in claims: values by their DWARF types, and what is said when there is none."""

from __future__ import annotations

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler

pytest_plugins = "pytester"
pytestmark = pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)

SOURCE = """
struct point { int x; short y; struct { unsigned char a, b; } inner; };
enum colour { RED = -1, GREEN = 7 };
unsigned long seen;
int negative = -5;
static volatile short small[4] = {1, -2, 3, 4};
int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
struct point where = {3, -4, {5, 6}};
struct point many[2] = {{1, 2, {3, 4}}, {5, 6, {7, 8}}};
char name[16] = "hello";
enum colour colour = RED;
double real = 2.5;
unsigned long *pointer = &seen;
static int dropped = 3;
typedef const volatile unsigned char flag_t;
flag_t flag = 200;

// test: values are as their types say
// expect: seen == 7 and negative == -5 and negative < 0 and small[1] == -2 and small[3] == 4
// expect: grid[1][2] == 6 and where.x == 3 and where.y == -4 and where.inner.b == 6 and many[1].inner.a == 7
// expect: name == "hello" and colour == -1 and real > 2 and real < 3 and flag == 200
// expect: where == (3, -4, (5, 6)) and many == ((1, 2, (3, 4)), (5, 6, (7, 8))) and grid == ((1, 2, 3), (4, 5, 6))
// expect: mem64[seen] == 7 and mem32[negative] == 0xfffffffb and pointer == 0 and small == (1, -2, 3, 4)
int test_values(void) { seen = 7; pointer = 0; return small[0]; }

// test: wrong value
// expect: negative == -6
int test_wrong(void) { return small[0]; }

// test: no such element
// expect: small[4] == 0
int test_element(void) { return small[0]; }

// test: no such field
// expect: where.z == 0
int test_field(void) { return small[0]; }

// test: dropped by the compiler
// expect: dropped == 3
int test_dropped(void) { return dropped; }
"""


def test_values_of_c_variables(pytester: pytest.Pytester) -> None:
    pytester.makefile(".c", test_values=SOURCE)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=4)
    result.stdout.fnmatch_lines([
        "*wrong value: expect: negative == -6*", "*negative*-5*", "*element 4 of 4*", "*it has no part 'z'*",
        "*the compiler has dropped 'dropped'*",
    ])  # fmt: skip
