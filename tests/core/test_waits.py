"""How long others ask us to wait, whatever their clocks show."""

from __future__ import annotations

import pytest

from plugin.core.network.waits import asked_to_wait

NOW = 1_795_000_000  # Wed, 18 Nov 2026 11:06:40 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None), ({"Retry-After": "120"}, 120), ({"Retry-After": " 7 "}, 7), ({"Retry-After": "999999999999999"}, 86_400),
        ({"Retry-After": "²"}, None), ({"Retry-After": "-5"}, None), ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 18 Nov 2026 11:16:40 GMT"}, 600),
        ({"Retry-After": "Wed, 18 Nov 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "Wed, 18 Nov 2026 12:16:40 +0100"}, 600),
        ({"Retry-After": "Wed, 18 Nov 2026 09:10:00 GMT", "Date": "Wed, 18 Nov 2026 09:00:00 GMT"}, 600),
        ({"Retry-After": "Wed, 18 Nov 2026 23:10:00 GMT", "Date": "Wed, 18 Nov 2026 23:00:00 GMT"}, 600),
        ({"Retry-After": "Wed, 18 Nov 2026 11:16:40 GMT", "Date": "today"}, 600),
    ],
)  # fmt: skip
def test_a_wait_is_a_number_or_a_date_by_the_clock_of_whoever_wrote_it(
    headers: dict[str, str], seconds: int | None
) -> None:
    assert asked_to_wait(headers, NOW) == seconds
