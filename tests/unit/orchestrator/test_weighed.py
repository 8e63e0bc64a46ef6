"""What is kept for the next look."""

from __future__ import annotations

from headrace.orchestrator.weighed import Weighed


def test_the_least_recently_looked_at_goes_first() -> None:
    kept: Weighed[str, int] = Weighed(2, 100)
    kept.put("a", 1, 1)
    kept.put("b", 2, 1)
    kept.get("a")
    kept.peek("b")
    kept.put("c", 3, 1)

    assert [name in kept for name in "abc"] == [True, False, True]


def test_what_is_kept_weighs_no_more_than_it_may() -> None:
    kept: Weighed[str, int] = Weighed(10, 100)
    for name in "abcd":
        kept.put(name, 1, 40)

    assert [name in kept for name in "abcd"] == [False, False, True, True]


def test_one_that_is_put_again_weighs_once() -> None:
    kept: Weighed[str, int] = Weighed(10, 100)
    kept.put("a", 1, 60)
    kept.put("b", 1, 30)
    kept.put("a", 2, 70)

    assert (kept.get("a"), kept.get("b")) == (2, 1)


def test_the_latest_stays_however_heavy_it_is() -> None:
    kept: Weighed[str, int] = Weighed(10, 100)
    kept.put("a", 1, 60)
    kept.put("b", 2, 500)

    assert (kept.get("a"), kept.get("b")) == (None, 2)
