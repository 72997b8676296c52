"""Secrets at rest: sealed with the first key, opened with any, so that keys can be rotated."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from plugin.core.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class SecretBox:
    """Seals text. Keys are derived from ``MUSTER_SECRET_KEYS``; the first one seals and signs."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    @cached_property
    def _fernet(self) -> MultiFernet:
        """Derived, and its library imported, when something is first sealed or opened."""
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(_derive(key, b"seal")) for key in self._keys])

    @cached_property
    def _signing(self) -> list[bytes]:
        return [_derive(key, b"sign") for key in self._keys]

    def seal(self, text: str) -> str:
        """Encrypt and authenticate."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The reverse of :meth:`seal`.

        :raises Unavailable: when no key opens it (a key was dropped too early).
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unavailable("A stored secret cannot be opened: its key is missing from MUSTER_SECRET_KEYS.") from None

    def sign(self, text: str) -> str:
        """A hex signature by the first key."""
        return hmac.new(self._signing[0], text.encode(), hashlib.sha256).hexdigest()

    def verify(self, text: str, signature: str) -> bool:
        """Whether any key made this signature; in constant time for each."""
        return any(
            hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature)
            for key in self._signing
        )


def _derive(key: str, purpose: bytes) -> bytes:
    digest = hashlib.scrypt(key.encode(), salt=b"muster:" + purpose, n=2**12, r=8, p=1, dklen=32)
    return base64.urlsafe_b64encode(digest)


_box: SecretBox | None = None


def bind_secrets(keys: Sequence[str]) -> None:
    """Give the sealed columns of this process their keys. Called once by the composition root."""
    global _box
    _box = SecretBox(keys)


class Sealed(TypeDecorator[str]):
    """A text column that is encrypted in the database and plain in memory."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seal on the way in."""
        return None if value is None else _bound().seal(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Open on the way out."""
        return None if value is None else _bound().open(str(value))


def _bound() -> SecretBox:
    if _box is None:
        raise Unavailable("No secret keys are set for this process.")
    return _box
