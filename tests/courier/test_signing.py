from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.courier.signing import (
    InvalidSecret,
    decode_secret,
    generate_secret,
    signature,
    signed_headers,
)

KEYS = st.binary(min_size=24, max_size=64)

# Published examples, computed elsewhere. The first is in the test suites of the public Standard Webhooks
# libraries (secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw); the second is the worked example of Svix's
# documentation, where the scheme comes from (its key is shorter than the standard allows today).
PUBLISHED = [
    (
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
]


def now() -> int:
    """Asked anew each time: the public library takes no message that is older than five minutes, and this
    module is imported long before its tests run."""
    return int(datetime.now(UTC).timestamp())


@pytest.mark.parametrize(("key", "message_id", "timestamp", "body", "expected"), PUBLISHED)
def test_published_vectors(key: str, message_id: str, timestamp: int, body: bytes, expected: str) -> None:
    assert signature(base64.b64decode(key), message_id, timestamp, body) == expected


@given(key=KEYS, payload=st.dictionaries(st.text(), st.integers() | st.text()))
def test_the_public_library_verifies(key: bytes, payload: dict[str, object]) -> None:
    body = json.dumps(payload).encode()
    headers = signed_headers([key], "msg_01J9", now(), body)
    assert Webhook(key).verify(body, headers) == payload


@given(body=st.binary(max_size=200), flip=st.integers(min_value=0))
def test_a_changed_body_does_not_verify(body: bytes, flip: int) -> None:
    text = base64.b64encode(body) + b"!"
    headers = signed_headers([b"k" * 32], "msg_01J9", now(), text)
    at = flip % len(text)
    changed = text[:at] + (b"?" if text[at : at + 1] != b"?" else b"!") + text[at + 1 :]
    with pytest.raises(WebhookVerificationError):
        Webhook(b"k" * 32).verify(changed, headers, json_parse=False)


def test_before_during_and_after_a_rotation() -> None:
    old, new = generate_secret(), generate_secret()
    body = b'{"type":"liaison.match.suggested.v1"}'
    before = signed_headers([decode_secret(old)], "msg_1", now(), body)
    during = signed_headers([decode_secret(new), decode_secret(old)], "msg_1", now(), body)
    after = signed_headers([decode_secret(new)], "msg_1", now(), body)
    assert during["webhook-signature"].count(" ") == 1
    Webhook(old).verify(body, before)
    for secret in (old, new):
        Webhook(secret).verify(body, during)
    Webhook(new).verify(body, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, after)


@pytest.mark.parametrize("length", [24, 32, 64])
def test_secrets_within_the_bounds_pass(length: int) -> None:
    assert decode_secret("whsec_" + base64.b64encode(b"x" * length).decode()) == b"x" * length


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "secret",
        "whsec_not base64!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        base64.b64encode(b"x" * 32).decode(),
    ],
)
def test_other_secrets_are_refused(secret: str) -> None:
    with pytest.raises(InvalidSecret):
        decode_secret(secret)


def test_generated_secrets_are_long_and_differ() -> None:
    secrets = {generate_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(decode_secret(secret)) for secret in secrets} == {32}


def test_an_id_cannot_shift_the_borders() -> None:
    with pytest.raises(ValueError, match="full stop"):
        signature(b"k" * 32, "msg_1.1614265330", 1, b"{}")


def test_nothing_is_sent_unsigned() -> None:
    with pytest.raises(ValueError, match="at least one"):
        signed_headers([], "msg_1", now(), b"{}")
