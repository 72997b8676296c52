"""Standard Webhooks signatures, both ways, with rotation; hostile headers become a refusal, never an error."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from typing import IO

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from plugin.core.text.translate import gettext as _

_SIGNATURES = 20
"""Signatures of a message that are looked at: each costs a look at the whole body."""


class BadSignature(Exception):
    """The message is not from who it says, is stale, or its headers are malformed."""


def _keys(secrets: str) -> list[Webhook]:
    """One verifier for each secret; several stand comma separated while one is being rotated."""
    return [Webhook(secret.strip()) for secret in secrets.split(",") if secret.strip()]


def check_secret(secrets: str) -> None:
    """Refuse what is no secret (``whsec_`` and base64).

    :raises ValueError: with a sentence.
    """
    try:
        keys = _keys(secrets)
    except Exception as error:
        raise ValueError(_("A webhook secret is 'whsec_' followed by base64.")) from error
    if not keys:
        raise ValueError(_("A webhook secret is 'whsec_' followed by base64."))


def signed_headers(secrets: str, message_id: str, body: str, *, at: int) -> dict[str, str]:
    """Headers for a message; signed with every secret, so that the receiver may switch at leisure.

    :param at: the true time of this attempt, epoch seconds.
    """
    moment = datetime.fromtimestamp(at, UTC)
    signatures = " ".join(key.sign(message_id, moment, body) for key in _keys(secrets))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signatures,
        "Content-Type": "application/json",
    }


def signed_file_headers(secrets: str, message_id: str, file: IO[bytes], *, at: int) -> dict[str, str]:
    """The same for a file of any size and kind, read a piece at a time from where it stands."""
    begun = f"{message_id}.{at}.".encode()
    keys = [
        hmac.new(base64.b64decode(one.strip().removeprefix("whsec_")), begun, hashlib.sha256)
        for one in secrets.split(",")
        if one.strip()
    ]
    while block := file.read(1 << 20):
        for key in keys:
            key.update(block)
    signatures = " ".join(f"v1,{base64.b64encode(key.digest()).decode()}" for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signatures}


def verify(secrets: str, headers: Mapping[str, str], body: bytes) -> str:
    """Verify a message over its raw bytes and return its id.

    :raises BadSignature: whatever is wrong with it.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    keys: list[Webhook] = []
    for secret in secrets.split(","):
        with suppress(ValueError):  # a secret of another kind than Standard Webhooks signs nothing
            keys += _keys(secret)
    given = lowered.get("webhook-signature", "").split()[:_SIGNATURES]
    for key, one in product(keys, given):  # one by one: what is malformed in one spoils no other
        try:
            key.verify(body, {**lowered, "webhook-signature": one}, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue  # binascii.Error and UnicodeDecodeError are ValueErrors
        message_id = lowered["webhook-id"]
        if len(message_id) > 255:
            break
        return message_id
    raise BadSignature("The signature does not fit.")
