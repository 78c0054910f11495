"""dlt: a pipeline that loads from a RESTClient with ``session=`` or ``auth=``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .journey import Journey
from .packages import needed

dlt = needed("dlt", "dlt")
rest_client = needed("dlt.sources.helpers.rest_client", "dlt")
paginators = needed("dlt.sources.helpers.rest_client.paginators", "dlt")
helpers = needed("dlt.sources.helpers.requests", "dlt")


@pytest.mark.parametrize("by", ["session", "auth"])
def test_a_pipeline_loads_with_tokens(
    journey: Journey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    session = helpers.Client(raise_for_status=False).session
    if by == "session":
        client = rest_client.RESTClient(journey.url, session=journey.mounted(session))
    else:
        client = rest_client.RESTClient(journey.url, session=session, auth=journey.auth())

    def call(number: int) -> None:
        def orders() -> Iterator[Any]:
            yield from client.paginate(
                f"orders/{number}", paginator=paginators.SinglePagePaginator(), data_selector="$"
            )

        loaded = dlt.pipeline(
            "orders",
            destination=dlt.destinations.filesystem(str(tmp_path / "loaded")),
            pipelines_dir=str(tmp_path / "pipelines"),
        ).run(orders(), table_name="orders", loader_file_format="jsonl")
        assert not loaded.has_failed_jobs

    journey.assert_whole(call, stored=lambda: [tmp_path])
    assert list((tmp_path / "loaded").rglob("*/orders/*.jsonl*"))
