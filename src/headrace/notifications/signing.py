"""The headers of a webhook by Standard Webhooks, and its signature: the only file that knows the library.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
A message has one id through all its tries; the timestamp is that of the try.
"""

from __future__ import annotations

import binascii
import hashlib
from datetime import UTC, datetime

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from headrace import __version__
from headrace.errors import HeadraceError
from headrace.store.rows import Delivery

USER_AGENT = f"Headrace/{__version__}"


class UnusableSecret(HeadraceError):
    """A signing secret is 'whsec_' and a key in base64; this one cannot be read as such."""

    code = "unusable_secret"


class Signer:
    """Signs with one secret."""

    def __init__(self, secret: str) -> None:
        """Take a secret in the form `whsec_` and base64, or base64 alone; raises UnusableSecret."""
        try:
            self._webhook = Webhook(secret)
        except (binascii.Error, ValueError, EmptyWebhookSecretError) as error:
            raise UnusableSecret from error

    def sign(self, id: str, at: int, body: bytes) -> str:
        """Return the value of `webhook-signature`; `at` in Unix seconds, the body in UTF-8."""
        return self._webhook.sign(id, datetime.fromtimestamp(at, UTC), body.decode())


def message_id(delivery: Delivery) -> str:
    """Return the id that tells repetitions of this delivery from other messages, also of other servers."""
    what = f"{delivery.number} {delivery.execution} {delivery.created_at} {delivery.url} ".encode()
    return f"msg_{hashlib.sha256(what + delivery.body).hexdigest()[:32]}"


def headers(delivery: Delivery, at: float, signer: Signer | None) -> dict[str, str]:
    """Return the headers of a try at `at` (Unix seconds); without a signer there is no signature."""
    id, moment = message_id(delivery), int(at)
    common = {
        "Content-Type": delivery.content_type,
        "User-Agent": USER_AGENT,
        # What is packed could unpack to any size; the little that is read should be readable.
        "Accept-Encoding": "identity",
        "webhook-id": id,
        "webhook-timestamp": str(moment),
    }
    if signer is None:
        return common
    return common | {"webhook-signature": signer.sign(id, moment, delivery.body)}
