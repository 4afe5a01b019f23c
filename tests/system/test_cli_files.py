"""pffemu run with --root, --strict, --env and --seed, on programs of a C compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from tests.system.cli_runs import pffemu

CAT = """
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char data[100];
    for (int i = 1; i < argc; i++) {
        int write_it = argv[i][0] == '+';
        int fd = open(argv[i] + write_it, write_it ? O_WRONLY | O_CREAT : O_RDONLY, 0644);
        long n = fd < 0 ? -1 : write_it ? write(fd, "written", 7) : read(fd, data, sizeof data);
        printf("%s: %s %.*s\\n", argv[i], n < 0 ? strerror(errno) : "ok", n < 0 || write_it ? 0 : (int)n, data);
    }
    return 0;
}
"""
ENVIRONMENT = """
#include <stdio.h>
#include <sys/random.h>
extern char **environ;
int main(void)
{
    unsigned char bytes[4];
    getrandom(bytes, 4, 0);
    printf("%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    for (char **variable = environ; *variable; variable++)
        printf(" %s", *variable);
    return 0;
}
"""
UNKNOWN = """
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) { printf("%ld", syscall(SYS_kexec_load, 0, 0, 0, 0)); printf(" %d\\n", errno == ENOSYS); }
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    directory = tmp_path_factory.mktemp("programs")

    def built(name: str, source: str) -> str:
        program = directory / name
        if not program.exists():
            (directory / f"{name}.c").write_text(source)
            subprocess.run([*compiler, "-static", "-w", "-o", program, directory / f"{name}.c"], check=True)
        return str(program)

    return built


SET_ID = """
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
int main(void)
{
    struct stat s, d;
    struct utimbuf t = {4, 5};
    chown("f", 7, 8), chmod("f", 06711), utime("f", &t), mkdir("d", 0755), chmod("d", 02755);
    stat("f", &s), stat("d", &d);
    printf("%o %u:%u %ld\\n", s.st_mode, s.st_uid, s.st_gid, (long)s.st_mtime);
    printf("%o %u:%u\\n", d.st_mode, d.st_uid, d.st_gid);
}
"""


def test_files_only_under_the_roots(build, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("content")
    (tmp_path / "data" / "out").symlink_to("/etc/passwd")
    cat = build("cat", CAT)
    none = pffemu("run", cat, str(tmp_path / "data" / "a"), "/etc/passwd", "+new")
    assert none.out.count("No such file or directory") == 2
    assert "+new: ok" in none.out  # in RAM
    assert not Path("new").exists()
    mapped = pffemu(
        "run", "--root", f"{tmp_path / 'data'}:/d", cat, "/d/a", "/d/out", "/a", "+/d/b", "/d/../etc/passwd"
    )
    assert mapped.out.splitlines() == [
        "/d/a: ok content", "/d/out: No such file or directory ", "/a: No such file or directory ", "+/d/b: ok ",
        "/d/../etc/passwd: No such file or directory ",
    ]  # fmt: skip
    assert (tmp_path / "data" / "b").read_text() == "written"
    read_only = pffemu("run", "--root", f"{tmp_path / 'data'}:ro", cat, "a", "+b", "+c")
    assert read_only.out.splitlines() == [
        "a: ok content", "+b: Read-only file system ", "+c: Read-only file system ",
    ]  # fmt: skip
    assert not (tmp_path / "data" / "c").exists()


@pytest.mark.parametrize(
    "root", ["/none/such", "", ":/x", "/tmp:relative", "/tmp:/a/../b", "/tmp:/a:/b:ro", "/tmp:/a:times"]
)
def test_a_root_that_makes_no_sense_is_refused(root: str) -> None:
    ran = pffemu("run", "--root", root, "guest.s")
    assert ran.code == 2
    assert "--root HOST[:GUEST][:ro[:times]]" in ran.err


def test_two_roots_at_one_place_are_refused(tmp_path: Path) -> None:
    ran = pffemu("run", "--root", str(tmp_path), "--root", f"{tmp_path}:/", "guest.s")
    assert (ran.code, "two roots at /" in ran.err) == (2, True)


def test_environment_and_random_numbers_are_what_the_user_says(build, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("FROM_HOST", "h")
    program = build("environment", ENVIRONMENT)
    first, second = (pffemu("run", "--env", "A=1", "--env", "FROM_HOST", program).out for _ in range(2))
    assert first == second
    assert first.endswith(" A=1 FROM_HOST=h")
    assert len(pffemu("run", program).out) == 8
    assert pffemu("run", "--seed", "1", program).out != pffemu("run", program).out


def test_strict_stops_at_what_is_not_modelled(build) -> None:  # type: ignore[no-untyped-def]
    program = build("unknown", UNKNOWN)
    lenient = pffemu("run", program)
    assert (lenient.code, lenient.out) == (0, "-1 1\n")
    assert lenient.err.count("system call 246 (kexec_load)") == 1
    strict = pffemu("run", "--strict", program)
    assert strict.code == 125
    assert "system call 246 (kexec_load) is not modelled" in strict.err
    assert "without --strict: ENOSYS" in strict.err


def test_owner_and_set_id_bits_stay_in_the_machine(build, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    program = build("set_id", SET_ID)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "f").write_text("content")
    before = (tmp_path / "data" / "f").stat()
    assert pffemu("run", "--root", str(tmp_path / "data"), program).out == "106711 7:8 5\n42755 0:0\n"
    after = (tmp_path / "data" / "f").stat()
    assert (after.st_mode & 0o7777, after.st_uid, after.st_mtime_ns) == (0o711, before.st_uid, before.st_mtime_ns)
    assert (tmp_path / "data" / "d").stat().st_mode & 0o7777 == 0o755
