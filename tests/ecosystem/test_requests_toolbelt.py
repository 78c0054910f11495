"""requests-toolbelt: its adapters as transport=, and uploads by MultipartEncoder."""

from __future__ import annotations

from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest
import requests

from .journey import BODY, Journey
from .packages import needed

toolbelt = needed("requests_toolbelt", "requests-toolbelt")
adapters = needed("requests_toolbelt.adapters.source", "requests-toolbelt")
socket_options = needed("requests_toolbelt.adapters.socket_options", "requests-toolbelt")

TRANSPORTS = {
    "SourceAddressAdapter": lambda: adapters.SourceAddressAdapter("127.0.0.1"),
    "TCPKeepAliveAdapter": socket_options.TCPKeepAliveAdapter,
    "SocketOptionsAdapter": lambda: socket_options.SocketOptionsAdapter(socket_options=[]),
}


@pytest.mark.parametrize("name", TRANSPORTS)
def test_an_adapter_of_the_toolbelt_does_the_sending(journey: Journey, name: str) -> None:
    session = journey.mounted(requests.Session(), transport=TRANSPORTS[name]())

    journey.assert_whole(lambda _: session.put(journey.url, data=BODY), body=BODY)


class Upload:
    """A multipart upload that can be sent again: it rewinds its files and makes a new encoder.

    :param fields: by name: (file name, an open file that can be rewound).
    """

    def __init__(self, fields: dict[str, tuple[str, IO[bytes]]]) -> None:
        self._fields, self._boundary = fields, uuid4().hex
        self.seek(0)

    def seek(self, position: int) -> None:
        if position != 0:
            raise ValueError("an upload starts at its beginning")
        for _, file in self._fields.values():
            file.seek(0)
        self._encoder = toolbelt.MultipartEncoder(self._fields, boundary=self._boundary)
        self.content_type, self.len, self._read = self._encoder.content_type, self._encoder.len, 0

    def tell(self) -> int:
        return self._read

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._encoder.read(size)
        self._read += len(data)
        return data


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order.bin"
    path.write_bytes(BODY)
    return path


def test_an_encoder_cannot_be_rewound_so_the_401_is_the_callers_and_the_next_call_succeeds(
    journey: Journey, session: requests.Session, file: Path
) -> None:
    def upload() -> int:
        with file.open("rb") as opened:
            encoder = toolbelt.MultipartEncoder({"file": (file.name, opened)})
            headers = {"Content-Type": encoder.content_type}
            return session.post(journey.url, data=encoder, headers=headers).status_code

    assert upload() == 200
    journey.server.revoke_tokens()
    assert [upload(), upload()] == [401, 200]
    assert len(journey.server.token_requests) == 2
    journey.assert_recorded_nowhere([])


def test_an_upload_that_makes_its_encoder_anew_is_resent(
    journey: Journey, session: requests.Session, file: Path
) -> None:
    def upload(_: int) -> None:
        with file.open("rb") as opened:
            body = Upload({"file": (file.name, opened)})
            headers = {"Content-Type": body.content_type}
            session.post(journey.url, data=body, headers=headers).raise_for_status()

    journey.assert_whole(upload)
    assert all(BODY in request.body for request in journey.server.api_requests)
