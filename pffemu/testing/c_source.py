"""The `//` comments of a C file, which may be directives."""

from __future__ import annotations

import re
from typing import Final

C_SUFFIX: Final = ".c"
C_LEXEME: Final = re.compile(
    r"""  "(?:\\.|[^"\\\n])*"          # a string
        | '(?:\\.|[^'\\\n])*'         # a character
        | /\*.*?(?:\*/|\Z)
        | (?P<line>//[^\n]*)""",
    re.VERBOSE | re.DOTALL,
)


def is_c(file: str) -> bool:
    """Whether it is a C file, by its name."""
    return file.endswith(C_SUFFIX)
