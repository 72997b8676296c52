"""What one program may ask of us at a time: bodies are judged before they are parsed, and work is done in turn."""

from __future__ import annotations

import threading
from collections import Counter

from flask import Flask, Response, g, request

from plugin.core.errors import Invalid
from plugin.core.text.texts import nested
from plugin.core.text.translate import gettext as _

AT_ONCE = 3
"""Requests with a body that one token may have under way in one process: the others have threads too."""
DEEPEST = 40
MOST_VALUES = 250_000
_lock = threading.Lock()
_under_way: Counter[tuple[int, str]] = Counter()


class TooMuch(Invalid):
    """A program asks for more at a time than its share."""

    status = 429


def install(app: Flask, prefix: str) -> None:
    """Judge requests below ``prefix``; who asks is known by then (``g.launch``)."""

    @app.before_request
    def _take() -> None:
        g.burden = None
        if (
            not request.path.startswith(f"{prefix}/")
            or request.method in ("GET", "HEAD", "OPTIONS")
            or g.launch is None
        ):
            return
        key = (int(g.launch.host_id), str(g.launch.subject))
        with _lock:
            if _under_way[key] >= AT_ONCE:
                raise TooMuch(_("This token has %(most)s requests under way; wait for one of them.", most=AT_ONCE))
            _under_way[key] += 1
        g.burden = key
        _judge()

    @app.teardown_request
    def _give_back(_error: BaseException | None) -> None:
        key = g.pop("burden", None)
        if key is not None:
            with _lock:
                _under_way[key] -= 1
                if _under_way[key] <= 0:
                    del _under_way[key]

    @app.after_request
    def _say_when(answer: Response) -> Response:
        if answer.status_code == 429 and request.path.startswith(f"{prefix}/"):
            answer.headers.setdefault("Retry-After", "1")
        return answer


def _judge() -> None:
    """Refuse a JSON body that is nested too deeply or holds too much; a file is judged where it is read.

    :raises Invalid: with a sentence.
    """
    if not request.is_json:
        return
    text = request.get_data(cache=True).decode("utf-8", "replace")
    if nested(text, DEEPEST) > DEEPEST:
        raise Invalid(_("The body is nested too deeply."))
    if text.count(",") + text.count(":") > 2 * MOST_VALUES:
        raise Invalid(_("The body holds too many values."))
