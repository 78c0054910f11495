"""The dates of a certificate: one that is over is named before it is sent."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, strategies as st

from requests_cc import ConfigurationError, TLSClientAuth
from requests_cc.client_auth.certificate import _dates

from .pem import IDENTITY, NOW, certificate, pem_of, pem_of_key


def test_an_expired_certificate_is_named_with_its_date_before_it_is_sent(combined: Path) -> None:
    ended = datetime(2020, 2, 29, 23, 59, 58, tzinfo=timezone.utc)
    combined.write_bytes(pem_of(certificate(ended)) + pem_of_key())
    auth = TLSClientAuth(combined)  # by the time of a request it may have been replaced
    with pytest.raises(
        ConfigurationError,
        match=rf"{re.escape(str(combined))} expired at 2020-02-29T23:59:58Z: replace it.*clock",
    ):
        auth.authenticate(IDENTITY)
    combined.write_bytes(pem_of(certificate(NOW + timedelta(days=1))) + pem_of_key())
    assert auth.authenticate(IDENTITY).cert == str(combined)


def test_an_expired_certificate_that_is_self_signed_may_still_do(combined: Path) -> None:
    ended = certificate(NOW - timedelta(days=1), issuer="me", subject="me")
    combined.write_bytes(pem_of(ended) + pem_of_key())
    assert TLSClientAuth(combined).authenticate(IDENTITY).cert == str(combined)


def test_the_last_second_of_a_certificate_is_still_within(
    combined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth, (dates,) = TLSClientAuth(combined), [dates_of(NOW + timedelta(days=1))]
    last = dates.not_after.timestamp()
    monkeypatch.setattr("requests_cc.client_auth.certificate.time.time", lambda: last)
    auth.authenticate(IDENTITY)
    monkeypatch.setattr("requests_cc.client_auth.certificate.time.time", lambda: last + 1)
    with pytest.raises(ConfigurationError, match="expired at"):
        auth.authenticate(IDENTITY)


def dates_of(not_after: datetime, **names: str) -> Any:
    dates = _dates(certificate(not_after, **names).public_bytes(Encoding.DER))
    assert dates is not None
    return dates


@given(
    st.integers(-315_000_000, 253_402_300_799).map(
        lambda seconds: datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    ),
    st.text("abcdefgh", min_size=1, max_size=64) | st.just("me"),
)
def test_every_date_is_read_as_cryptography_wrote_it(moment: datetime, name: str) -> None:
    dates = dates_of(moment, issuer=name, subject="me")
    assert dates.not_after == moment
    assert dates.self_signed is (name == "me")


@given(st.binary(max_size=80))
def test_what_is_no_certificate_has_no_date_and_no_crash(der: bytes) -> None:
    assert _dates(der) is None


WHOLE = certificate(NOW).public_bytes(Encoding.DER)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_broken_certificate_has_some_date_or_none_and_no_crash(at: int, byte: int) -> None:
    broken = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    dates = _dates(broken)
    assert dates is None or isinstance(dates.not_after, datetime)
    _dates(WHOLE[:at])


def test_a_certificate_whose_date_cannot_be_read_is_left_to_the_server(
    combined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = TLSClientAuth(combined)
    monkeypatch.setattr("requests_cc.client_auth.certificate._dates", lambda _: None)
    assert auth.authenticate(IDENTITY).cert == str(combined)
