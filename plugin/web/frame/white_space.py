"""Templates are written to be read and sent without their indentation: a run of white space becomes one blank."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_RUN = re.compile(r"\s+")
_KEPT = re.compile(r"(<(?:pre|textarea)\b|</(?:pre|textarea)>)")


class OneBlank(Extension):
    """Shortens the text between expressions when a template is compiled; values that expressions print stay as they are.

    HTML reads both alike, but for the text inside ``pre`` and ``textarea``, which stays as it is written.
    """

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """The tokens of a template, its text shortened."""
        kept = False
        for token in stream:
            if token.type != "data":
                yield token
                continue
            parts = []
            for part in _KEPT.split(token.value):
                if _KEPT.fullmatch(part):
                    kept = not part.startswith("</")
                parts.append(part if kept else _RUN.sub(" ", part))
            yield Token(token.lineno, token.type, "".join(parts))
