"""What stands in the headers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from headrace import __version__
from headrace.notifications import signing
from headrace.notifications.signing import Signer, UnusableSecret
from headrace.testing.conformance.store_values import delivery


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks specification's own libraries."""
    signer = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_headers_name_the_try_and_the_message() -> None:
    told = signing.headers(delivery(7, 5, content_type="text/plain"), 1_800_000_000.9, None)

    assert told["Content-Type"] == "text/plain"
    assert told["User-Agent"] == f"Headrace/{__version__}"
    assert told["webhook-timestamp"] == "1800000000"
    assert told["webhook-id"].startswith("msg_")
    assert "webhook-signature" not in told


def test_an_id_belongs_to_one_delivery_and_stays_with_its_tries() -> None:
    one = delivery(7, 5)
    tried = replace(one, state="failed", next_try_at=None)
    others = [delivery(8, 5), replace(one, body=b"{ }"), replace(one, created_at=99.0)]

    assert signing.message_id(tried) == signing.message_id(one)
    assert signing.message_id(one) not in map(signing.message_id, others)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "", "é"])
def test_a_secret_that_is_no_key_is_unusable(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        Signer(secret)
