"""What the door says when it stays shut."""

from __future__ import annotations


class LtiRejected(Exception):
    """A login or launch that is not accepted.

    :ivar code: a short word for the log. :ivar sentence: for the person at the screen. :ivar status: HTTP status.
    """

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.sentence, self.status = code, sentence, status
