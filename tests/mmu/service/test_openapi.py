"""The service answers as its OpenAPI document says, whatever is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from tests.mmu.service.server import Server

schemathesis = pytest.importorskip("schemathesis")


@pytest.mark.slow
def test_random_requests_conform(serve: Callable[..., Server]) -> None:
    server = serve()
    schema = schemathesis.openapi.from_url(server.url + "/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def check(case) -> None:  # type: ignore[no-untyped-def]
            case.call_and_validate(headers={"Authorization": f"Bearer {server.key}"}, timeout=30)

        if not operation.path.endswith("/events"):
            schemathesis_given = operation.as_strategy()
            from hypothesis import given

            given(case=schemathesis_given)(check)()
