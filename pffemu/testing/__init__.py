"""Tests written in assembly or C: a pytest plugin, for pffemu itself and for the projects of its users.

Reading order: directives.py (what a comment may say), blocks.py (a file into tests), setup.py and claims.py (what the
directives mean), expressions.py and view.py (what claims are about), harness_code.py (the guest code around a block),
c_program.py (blocks in C), runner.py (one test from start to verdict), failure.py (what is shown), plugin.py (pytest).
docs/writing-tests.md teaches how to use it.
"""
