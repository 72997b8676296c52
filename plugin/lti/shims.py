"""What PyLTI1p3 asks its framework for, where the answer is ours: a form's fields, no session of its own, no cookies."""

from __future__ import annotations

from pylti1p3.cookie import CookieService
from pylti1p3.request import Request
from pylti1p3.session import SessionService


class Form(Request):
    """The two fields of a launch, as the library asks for them."""

    def __init__(self, id_token: str, state: str) -> None:
        self._fields = {"id_token": id_token, "state": state}

    def is_secure(self) -> bool:
        return True

    def get_param(self, key: str) -> str:
        return self._fields.get(key, "")


class Bound(SessionService):
    """State and browser are bound by us, before and after (see ``find_login`` and ``use_up``)."""

    def __init__(self) -> None:
        pass


class NoCookies(CookieService):
    """The library sets and reads no cookies of its own."""

    def get_cookie(self, name: str) -> None:
        return None

    def set_cookie(self, name: str, value: str, exp: int = 3600) -> None:
        return None
