"""The compiled part of the tree: what may be in it, and when it counts."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).parents[2]
COMPILE = run_path(str(ROOT / ".ci" / "compile.py"), run_name="compile")


def test_every_entry_of_the_lists_is_there() -> None:
    for name in (*COMPILE["COMPILED"], *COMPILE["INTERPRETED"]):
        assert (ROOT / name).exists(), name


def test_numba_finds_every_module_that_its_hooks_are_made_from_as_python() -> None:
    compiled = {str(path) for path in map(Path, COMPILE["COMPILED"])}
    for hooks in sorted(ROOT.glob("pffemu/**/*_compiled.py")):
        assert str(hooks.relative_to(ROOT)) in COMPILE["INTERPRETED"]
        for line in ast.walk(ast.parse(hooks.read_text())):
            for alias in line.names if isinstance(line, ast.ImportFrom) and line.module else ():
                module = f"{line.module}.{alias.name}".replace(".", "/") + ".py"
                if (ROOT / module).is_file() and any(Path(module).is_relative_to(folder) for folder in compiled):
                    assert module in COMPILE["INTERPRETED"], f"{hooks.name} is made from it"


def test_no_field_of_a_compiled_dataclass_has_a_type_imported_for_type_checkers_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """mypyc loads the types of such fields when the module is imported: the process would die of it."""
    monkeypatch.chdir(ROOT)
    found = [name for path in COMPILE["_sources"]() for name in fields_of_unloaded_types(path)]
    assert not found, "write these classes without @dataclass, or import the type"


def fields_of_unloaded_types(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    unloaded = {
        alias.asname or alias.name
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    } | {"object"}
    return [
        f"{path}: {kind.name}.{ast.unparse(field.target)}"
        for kind in tree.body
        if isinstance(kind, ast.ClassDef) and generated(kind)
        for field in kind.body
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.annotation).split("[")[0] in unloaded
    ]


def generated(kind: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(each) for each in kind.decorator_list) or "NamedTuple" in [
        ast.unparse(base) for base in kind.bases
    ]


@pytest.mark.parametrize(
    ("change", "used"),
    [(lambda tree: None, "True"), (lambda tree: (tree / "kernel_model" / "entry.py").write_text(""), "False")],
    ids=["as compiled", "a source changed"],
)
def test_a_changed_source_ends_the_use_of_all_compiled_modules(tmp_path: Path, change, used: str) -> None:
    (tmp_path / "kernel_model").mkdir()
    (tmp_path / "pffemu").mkdir()
    shutil.copy(ROOT / "pffemu" / "compiled.py", tmp_path / "pffemu")
    (tmp_path / "pffemu" / "__init__.py").touch()
    source = tmp_path / "kernel_model" / "entry.py"
    source.write_text("a = 1\n")
    library = tmp_path / ".compiled" / "lib"
    library.mkdir(parents=True)
    status = source.stat()
    (library / "sources").write_text(f"{status.st_size} {status.st_mtime_ns} kernel_model/entry.py\n")
    (library / f"pffemu__mypyc{EXTENSION_SUFFIXES[0]}").touch()
    change(tmp_path)
    for jit, expected in (("1", used), ("0", "False")):
        done = subprocess.run(
            [sys.executable, "-c", "import pffemu.compiled; print(pffemu.compiled.IN_USE)"],
            capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PFFEMU_JIT": jit, "PYTHONPATH": ""},
        )  # fmt: skip
        assert (done.stdout.strip(), done.stderr) == (expected, "")
