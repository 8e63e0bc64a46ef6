"""What a receiver gets, and what the log says of it."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from headrace.testing.webhook_receiver import Reply, receive


async def test_a_delivery_arrives_as_it_was_announced(office: Any) -> None:
    async with receive(Reply(202, "taken")) as receiver:
        execution = await office.announce(receiver.url, body=b'{"event":"execution.running"}')
        [row] = await office.over(execution)

    [request] = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook", b'{"event":"execution.running"}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Headrace/")
    [attempt] = row.attempts
    assert row.state == "delivered"
    assert (attempt.status_code, attempt.error, attempt.response) == (202, None, "taken")
    assert attempt.at == office.clock.moment


async def test_the_operators_secret_signs_where_there_is_no_other(office: Any) -> None:
    async with receive() as receiver:
        await office.announce(receiver.url)
        [request] = await receiver.received(1)

    assert Webhook(office.operator_secret).verify(request.body, request.headers) == {"sequence": 1}


async def test_the_secret_of_the_run_signs_before_the_operators(office: Any) -> None:
    async with receive() as receiver:
        await office.announce(receiver.url, secret_ref=office.run_secret_ref)
        [request] = await receiver.received(1)

    assert Webhook(office.run_secret).verify(request.body, request.headers) == {"sequence": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(office.operator_secret).verify(request.body, request.headers)


async def test_without_any_secret_a_delivery_is_sent_unsigned(open_office: Any) -> None:
    office = open_office(operator=None)
    async with receive() as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.over(execution)

    assert row.state == "delivered"
    assert "webhook-signature" not in receiver.requests[0].headers
    assert "webhook-id" in receiver.requests[0].headers


@pytest.mark.parametrize("ref", ["run:ex-2#webhook_secret", "broken"])
async def test_without_the_secret_that_it_names_a_delivery_is_not_sent(office: Any, ref: str) -> None:
    async with receive() as receiver:
        execution = await office.announce(receiver.url, secret_ref=ref)
        [row] = await office.over(execution)

    assert receiver.requests == []
    assert row.state == "not_configured"
    assert "secret" in row.attempts[0].error


async def test_every_try_has_the_same_id_and_a_timestamp_of_its_own(office: Any) -> None:
    async with receive(503, 503) as receiver:
        execution = await office.announce(receiver.url)
        await office.tried(execution, 1)
        await office.turn(5)
        await office.tried(execution, 2)
        await office.turn(30)
        [row] = await office.over(execution)

    assert row.state == "delivered"
    assert [attempt.status_code for attempt in row.attempts] == [503, 503, 200]
    headers = [request.headers for request in receiver.requests]
    assert len({told["webhook-id"] for told in headers}) == 1
    stamps = [int(told["webhook-timestamp"]) for told in headers]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 5, 35]
    for request in receiver.requests:
        Webhook(office.operator_secret).verify(request.body, request.headers)


async def test_after_eight_tries_a_delivery_has_failed(office: Any) -> None:
    async with receive(*[500] * 9) as receiver:
        execution = await office.announce(receiver.url)
        for tries, delay in enumerate([5, 30, 120, 600, 1800, 7200, 21600], 1):
            [row] = await office.tried(execution, tries)
            assert row.next_try_at == office.clock.moment + delay
            await office.turn(delay)
        [row] = await office.over(execution)

    assert (row.state, row.next_try_at, len(row.attempts)) == ("failed", None, 8)
    assert len(receiver.requests) == 8


async def test_nothing_is_tried_before_its_time(office: Any) -> None:
    async with receive(500) as receiver:
        execution = await office.announce(receiver.url)
        await office.tried(execution, 1)
        await office.turn(4.9)
        other = await office.announce(f"{receiver.url}/other")
        await office.over(other)

    assert [request.path for request in receiver.requests] == ["/hook", "/hook/other"]


async def test_a_receiver_may_ask_for_more_time(office: Any) -> None:
    async with receive(Reply(429, headers={"Retry-After": "90"})) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.tried(execution, 1)

    assert row.next_try_at == office.clock.moment + 90


@pytest.mark.parametrize("asked", ["Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999"])
async def test_more_than_an_hour_is_not_granted(office: Any, asked: str) -> None:
    async with receive(Reply(503, headers={"Retry-After": asked})) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.tried(execution, 1)

    assert row.next_try_at == office.clock.moment + 3600


@pytest.mark.parametrize("asked", ["soon", "-5", "", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_what_asks_for_nothing_changes_nothing(office: Any, asked: str) -> None:
    async with receive(Reply(503, headers={"Retry-After": asked})) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.tried(execution, 1)

    assert row.next_try_at == office.clock.moment + 5


async def test_a_redirect_is_not_followed(office: Any) -> None:
    async with receive() as other, receive(Reply(307, headers={"Location": other.url})) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.tried(execution, 1)

    assert other.requests == []
    assert (row.state, row.attempts[0].status_code) == ("pending", 307)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/hook", "http://localhost/x", "http://[::1]/x", "ftp://example.com", "mailto:a@b"],
)
async def test_a_private_address_is_refused_for_good(open_office: Any, url: str) -> None:
    office = open_office(allow=())
    execution = await office.announce(url)
    [row] = await office.over(execution)

    assert (row.state, row.next_try_at) == ("refused", None)
    [attempt] = row.attempts
    assert attempt.status_code is None
    assert attempt.error


async def test_410_gives_up_the_url_for_the_run_only(office: Any) -> None:
    async with receive(410) as receiver:
        execution = await office.announce(receiver.url, receiver.url)
        rows = await office.over(execution)
        await office.commit(execution, office.new(execution, 3, receiver.url))
        after = await office.logged(execution, lambda rows: rows[-1].state == "failed")
        other = await office.announce(receiver.url)
        [arrived] = await office.over(other)

    assert [row.state for row in rows] == ["failed", "failed"]
    assert [len(row.attempts) for row in after] == [1, 0, 0]
    assert arrived.state == "delivered"
    assert len(receiver.requests) == 2


async def test_a_url_is_given_up_before_there_is_room_for_the_next_delivery(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def noted(name: str) -> Any:
        do = getattr(office.store.deliveries, name)

        async def told_first(*given: Any, **named: Any) -> Any:
            told.append(name)
            return await do(*given, **named)

        return told_first

    for name in ("abandon", "record"):
        monkeypatch.setattr(office.store.deliveries, name, noted(name))
    async with receive(410) as receiver:
        await office.over(await office.announce(receiver.url, receiver.url))

    assert told == ["abandon", "record"]


async def test_of_an_answer_the_log_has_one_kibibyte(office: Any) -> None:
    async with receive(Reply(200, "é" * 5000)) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.over(execution)

    assert row.attempts[0].response == "é" * 512


async def test_no_secret_stands_in_the_log(office: Any) -> None:
    office.secrets_in_use.learn(["correct-horse-battery"])
    async with receive(
        Reply(200, "you sent correct-horse-battery"), Reply(200, "x" * 1010 + "correct-horse-battery")
    ) as receiver:
        execution = await office.announce(receiver.url, receiver.url)
        whole, cut = await office.over(execution)

    assert whole.attempts[0].response == "you sent ***"
    assert "correct" not in cut.attempts[0].response


async def test_cookies_of_a_receiver_are_not_kept(office: Any) -> None:
    async with receive(Reply(200, headers={"Set-Cookie": "who=1; Path=/"})) as receiver:
        await office.over(await office.announce(receiver.url))
        await office.over(await office.announce(receiver.url))

    assert all("cookie" not in request.headers for request in receiver.requests)


async def test_a_failed_delivery_can_be_sent_again(office: Any) -> None:
    async with receive(410) as receiver:
        execution = await office.announce(receiver.url)
        [row] = await office.over(execution)
        again = await office.notifier.redeliver(row.number)
        [row] = await office.over(execution)

    assert again.state == "pending"
    assert (row.state, [attempt.status_code for attempt in row.attempts]) == ("delivered", [410, 200])
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
