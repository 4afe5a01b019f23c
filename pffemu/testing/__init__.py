"""Tests written in assembly or C: a pytest plugin, for pffemu itself and for the projects of its users.

Reading order: directives.py (comments with a meaning), blocks.py (a file's tests), setup.py and claims.py (the
directives' meaning), inspect/expressions.py and inspect/view.py (claims), harness_code.py (the guest code around a
block), c_program.py (blocks in C), runner.py (a test from start to verdict), failure.py (messages), plugin.py (pytest).
docs/writing-tests.md teaches how to use it.
"""
