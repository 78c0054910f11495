"""Which URLs share an origin, and which have none."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import example, given, strategies as st
from requests.adapters import HTTPAdapter
from urllib3.util import parse_url

from requests_cc.url import Origin

API = Origin("https", "api.example.com", 443)


def _connects_to(request: requests.PreparedRequest) -> Origin:
    """Where the adapter of requests opens its connection for this request."""
    pool = HTTPAdapter().get_connection_with_tls_context(request, verify=True)
    assert pool.host is not None
    assert pool.port is not None
    host = ipaddress.IPv6Address(pool.host).compressed if ":" in pool.host else pool.host
    return Origin(str(pool.scheme), host, pool.port)


def _prepared(url: str) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return request


def _as_redirected(url: str) -> requests.PreparedRequest:
    """A redirect sets the URL of a prepared request without preparing it again."""
    request = requests.PreparedRequest()
    request.url = url
    return request


def _requests_for(url: str) -> Iterator[requests.PreparedRequest]:
    """The ways in which a URL can reach an adapter."""
    yield _as_redirected(url)
    with contextlib.suppress(ValueError):  # requests itself may refuse it
        yield _prepared(url)


def _origin_or_none(url: str) -> Origin | None:
    try:
        return Origin.from_url(url)
    except ValueError:
        return None


def _labels() -> st.SearchStrategy[str]:
    return st.from_regex(r"[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,20}[a-zA-Z0-9_])?", fullmatch=True)


def _hosts() -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(_labels(), min_size=1, max_size=4).map(".".join),
        st.lists(_labels(), min_size=1, max_size=3).map(lambda labels: ".".join(labels) + "."),
        st.ip_addresses(v=4).map(str),
        st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
        st.ip_addresses(v=6).map(lambda address: f"[{address.exploded.upper()}]"),
        st.sampled_from(["bücher.example", "BÜCHER.example", "faß.de", "例え.テスト", "localhost"]),
    )


@st.composite
def _clear_urls(draw: st.DrawFn) -> str:
    """URLs of whose origin there is no doubt."""
    scheme = draw(st.sampled_from(["http", "https", "HTTP", "Https"]))
    userinfo = draw(st.sampled_from(["", "user@", "user:password@", "a%40b:@"]))
    ports = st.integers(min_value=1, max_value=65535).map(lambda port: f":{port}")
    port = draw(st.one_of(st.sampled_from(["", ":", ":80", ":443", ":00443"]), ports))
    path = draw(st.sampled_from(["", "/", "/path?query#fragment", "?query@evil.net", "#x"]))
    return f"{scheme}://{userinfo}{draw(_hosts())}{port}{path}"


_PIECES = (
    *("api.example.com", "evil.net", "localhost", "127.0.0.1", "[::1]", "[", "]", "::1", "%25eth0"),
    *("/", "//", "\\", "@", ":", "?", "#", "&", ";", ".", "%", "%2e", "%40", "%00", "-", "*", "~"),
    *("0", "80", "443", ":8443", ":0", ":65536", " ", "\t", "\n", "\r", "\x00", "\x0b", "\x1f"),
    *("\x7f", "\x85", "\xa0", "\xad", "\u2028", "\u200b", "\ufeff", "ß", "é", "。", "\uff0f"),
    *("\uff20", "\u2100", "\u212a", "\u017f", "İ", "\ud800", "😀", "xn--", "http", "https"),
)


@st.composite
def _doubtful_urls(draw: st.DrawFn) -> str:
    """URLs with up to three pieces inserted that one parser or another may trip over."""
    url = draw(st.one_of(_clear_urls(), st.just(str(API))))
    for piece in draw(st.lists(st.one_of(st.sampled_from(_PIECES), st.characters()), max_size=3)):
        position = draw(st.integers(min_value=0, max_value=len(url)))
        url = url[:position] + piece + url[position:]
    return url


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com:/",
        "https://api.example.com:443/path",
        "https://api.example.com:0443/path",
        "https://api.example.com:000000000000000000000000443/path",
        "HTTPS://API.Example.COM/Path?a=b#c",
        "https://api.example.com?next=https://evil.net/",
        "https://api.example.com#@evil.net/",
        "https://api.example.com/@evil.net/",
        "https://api.example.com/\\@evil.net/",
        "https://user:password@api.example.com/",
        "https://@api.example.com/",
        "https://a@b@api.example.com/",
        "https://evil.net%2f@api.example.com/",
    ],
)
def test_spellings_of_one_origin_are_equal(url: str) -> None:
    assert Origin.from_url(url) == API


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/",
        "http://api.example.com:443/",
        "https://api.example.com:80/",
        "https://api.example.com:4433/",
        "https://api.example.com.evil.net/",
        "https://api.example.com@evil.net/",
        "https://api.example.com:443@evil.net/",
        "https://api.example.com./",
        "https://evil.net/https://api.example.com/",
        "https://example.com/",
        "https://xapi.example.com/",
        "https://api-example.com/",
    ],
)
def test_another_scheme_host_or_port_is_another_origin(url: str) -> None:
    assert Origin.from_url(url) != API


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("api.example.com", id="no scheme"),
        pytest.param("/path", id="relative"),
        pytest.param("//api.example.com/", id="no scheme, but an authority"),
        pytest.param("https:api.example.com", id="no slashes"),
        pytest.param("https:/api.example.com", id="one slash"),
        pytest.param("https:///api.example.com/", id="three slashes"),
        pytest.param("https://", id="no authority"),
        pytest.param("https:///", id="empty authority"),
        pytest.param("https://:443/", id="no host"),
        pytest.param("https://user@/", id="userinfo only"),
        pytest.param("ftp://api.example.com/", id="ftp"),
        pytest.param("httpx://api.example.com/", id="scheme that begins with http"),
        pytest.param("http+unix://api.example.com/", id="scheme of another adapter"),
        pytest.param("http\u017f://api.example.com/", id="long s in the scheme"),
        pytest.param("ht\ntps://api.example.com/", id="newline in the scheme"),
        pytest.param(" https://api.example.com/", id="leading space"),
        pytest.param("\x00https://api.example.com/", id="leading control character"),
        pytest.param("https:// api.example.com/", id="space before the host"),
        pytest.param("https://api.example.com /", id="space after the host"),
        pytest.param("https://api.example.com\n", id="newline at the end"),
        pytest.param("https://api.exa\tmple.com/", id="tab that urlsplit deletes"),
        pytest.param("https://api.example.com:4\r43/", id="control character in the port"),
        pytest.param("https://api.example.com\x7f/", id="delete"),
        pytest.param("https://us er@api.example.com/", id="space in the userinfo"),
        pytest.param("https://api.example.com\\@evil.net/", id="backslash"),
        pytest.param("https://api.example.com\\.evil.net/", id="backslash and dot"),
        pytest.param("https:\\\\api.example.com/", id="backslashes for slashes"),
        pytest.param("https://u\u2100@api.example.com/", id="userinfo that NFKC splits"),
        pytest.param("https://u[@api.example.com/", id="bracket in the userinfo"),
        pytest.param("https://api%2eexample.com/", id="percent-encoded dot"),
        pytest.param("https://%61pi.example.com/", id="percent-encoded letter"),
        pytest.param("https://api.example.com%00.evil.net/", id="percent-encoded null"),
        pytest.param("https://api.example.com%/", id="percent"),
        pytest.param("https://*.example.com/", id="wildcard"),
        pytest.param("https://.example.com/", id="leading dot"),
        pytest.param("https://api..example.com/", id="empty label"),
        pytest.param("https://./", id="a dot"),
        pytest.param("https://api;example.com/", id="sub-delimiter"),
        pytest.param("https://api.example.com:0/", id="port 0"),
        pytest.param("https://api.example.com:00000/", id="port 0, five digits"),
        pytest.param("https://api.example.com:000000000/", id="port 0, nine digits"),
        pytest.param("https://api.example.com:65536/", id="port too high"),
        pytest.param("https://api.example.com:100443/", id="six digits"),
        pytest.param("https://api.example.com:" + "9" * 5000, id="thousands of digits"),
        pytest.param("https://api.example.com:-443/", id="negative port"),
        pytest.param("https://api.example.com:+443/", id="signed port"),
        pytest.param("https://api.example.com:4_43/", id="underscore in the port"),
        pytest.param("https://api.example.com:https/", id="port by name"),
        pytest.param("https://api.example.com:\u0664\u0664\u0663/", id="Arabic digits"),
        pytest.param("https://api.example.com:443:443/", id="two ports"),
        pytest.param("https://::1/", id="IPv6 without brackets"),
        pytest.param("https://[::1/", id="no closing bracket"),
        pytest.param("https://::1]/", id="no opening bracket"),
        pytest.param("https://[::1]evil.net/", id="name after the brackets"),
        pytest.param("https://evil.net[::1]/", id="name before the brackets"),
        pytest.param("https://[]/", id="empty brackets"),
        pytest.param("https://[127.0.0.1]/", id="IPv4 in brackets"),
        pytest.param("https://[1::2::3]/", id="no IPv6 address"),
        pytest.param("https://[v1.a]/", id="future address"),
        pytest.param("https://[fe80::1%25eth0]/", id="IPv6 zone"),
        pytest.param("https://[fe80::1%eth0]/", id="IPv6 zone, not encoded"),
        pytest.param("https://api\u3002example.com/", id="ideographic full stop"),
        pytest.param("https://\uff41pi.example.com/", id="full-width letter"),
        pytest.param("https://a\u200bpi.example.com/", id="zero-width space"),
        pytest.param("https://api.example.com\uff0fevil.net/", id="full-width slash"),
        pytest.param("https://\ud800.example.com/", id="lone surrogate"),
        pytest.param(b"https://api.example.com/", id="bytes"),
        pytest.param(None, id="None"),
        pytest.param(443, id="int"),
    ],
)
def test_a_url_of_doubtful_origin_has_none(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Origin.from_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://user:s3cret@:443/?key=s3cret", "expected a str with an absolute http or https"),
        ("https://user:s3/cret@host/", "expected a str with an absolute http or https"),
        ("https://user:s3cret@host:0/?key=s3cret", "the port of the URL is not between 1 and"),
        ("https://user:s3cret@[1::s3cret]/", "expected a str with an absolute http or https"),
        ("https://user:s3cret@[:]/?key=s3cret", "the host of the URL is neither an IPv6 address"),
        ("https://user:s3cret@s3cret。de/", "the host of the URL is neither an IPv6 address"),
    ],
)
def test_the_error_says_what_is_wrong_and_nothing_of_the_url(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Origin.from_url(url)
    assert "s3" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER.example/", "https://XN--BCHER-KVA.EXAMPLE:443/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("http://[::1]/", "http://[0:0:0:0:0:0:0:1]:80/"),
        ("http://[2001:DB8::A]:8080/", "http://[2001:db8:0:0::000a]:8080/"),
        ("http://[::ffff:127.0.0.1]/", "http://[::FFFF:7F00:1]/"),
    ],
)
def test_names_are_compared_as_a_labels_and_ipv6_by_address(one: str, other: str) -> None:
    assert Origin.from_url(one) == Origin.from_url(other)


def test_a_sharp_s_is_not_taken_for_ss() -> None:
    assert Origin.from_url("https://faß.de/") != Origin.from_url("https://fass.de/")


@pytest.mark.parametrize(
    ("url", "text", "prefixes"),
    [
        (
            "HTTPS://Api.Example.com",
            "https://api.example.com",
            ("https://api.example.com/", "https://api.example.com:443/"),
        ),
        (
            "http://localhost:80/",
            "http://localhost",
            ("http://localhost/", "http://localhost:80/"),
        ),
        (
            "https://api.example.com:8443/x",
            "https://api.example.com:8443",
            ("https://api.example.com:8443/",),
        ),
        ("http://h:443/", "http://h:443", ("http://h:443/",)),
        ("http://[0::1]/", "http://[::1]", ("http://[::1]/", "http://[::1]:80/")),
        ("http://[::1]:8080/", "http://[::1]:8080", ("http://[::1]:8080/",)),
        (
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443/"),
        ),
    ],
)
def test_text_and_prefixes_are_canonical(url: str, text: str, prefixes: tuple[str, ...]) -> None:
    origin = Origin.from_url(url)
    assert str(origin) == text
    assert origin.prefixes == prefixes


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.255.255.254", "[::1]", "[0:0::1]"]
)
def test_loopback(host: str) -> None:
    assert Origin.from_url(f"http://{host}:8080/").is_loopback


@pytest.mark.parametrize(
    "host",
    [
        *("localhost.", "localhost.evil.net", "api.localhost", "localhost4", "loopback"),
        *("127.0.0.1.evil.net", "127.0.0.1.", "127.evil.net", "127.1", "0x7f.0.0.1", "2130706433"),
        *("0177.0.0.1", "127.0.0.01", "128.0.0.1", "126.255.255.255", "0.0.0.0", "10.0.0.1"),
        *("[::]", "[::2]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[fe80::1]"),
    ],
)
def test_nothing_else_is_loopback(host: str) -> None:
    assert not Origin.from_url(f"http://{host}:8080/").is_loopback


def test_an_origin_is_an_immutable_value() -> None:
    assert {API: "token"}[Origin.from_url("https://API.example.com:443/x")] == "token"
    with pytest.raises(AttributeError):
        API.host = "evil.net"  # type: ignore[misc]


@given(_clear_urls())
@example("http://0X7F.0.0.1/")
def test_a_clear_url_has_the_origin_that_requests_connects_to(url: str) -> None:
    origin = Origin.from_url(url)
    assert origin == _connects_to(_prepared(url))
    assert origin == _connects_to(_as_redirected(url))
    assert origin == Origin.from_url(str(_prepared(url).url))


@pytest.mark.rule(1)
@given(_doubtful_urls())
def test_no_url_connects_elsewhere_than_to_its_origin(url: str) -> None:
    for request in _requests_for(url):
        origin = _origin_or_none(str(request.url))
        assert origin is None or origin == _connects_to(request)


@given(_doubtful_urls())
def test_a_url_with_an_origin_keeps_it_when_prepared(url: str) -> None:
    origin = _origin_or_none(url)
    assert origin is None or origin == Origin.from_url(str(_prepared(url).url))


@pytest.mark.rule(1)
@given(_doubtful_urls())
@example("http://0X7F.0.0.1/")
def test_a_url_on_which_parsers_disagree_has_no_origin(url: str) -> None:
    if _origin_or_none(url) is None:
        return
    split, parsed = urlsplit(url), parse_url(url)
    assert (split.scheme, split.port) == (parsed.scheme, parsed.port)
    assert parsed.host is not None
    if parsed.host.isascii() and str(split.hostname).isascii():
        # urllib3 keeps the case of an IPv4 address in base 16, and lower-cases it to connect.
        assert split.hostname == parsed.host.strip("[]").lower()


@given(_doubtful_urls())
def test_text_and_prefixes_lead_back_to_the_origin(url: str) -> None:
    origin = _origin_or_none(url)
    if origin is None:
        return
    assert Origin.from_url(str(origin)) == origin
    for prefix in origin.prefixes:
        assert Origin.from_url(prefix + "x") == origin
        assert _prepared(prefix).url == prefix


@pytest.mark.rule(1)
@given(
    _clear_urls(),
    st.one_of(
        st.text(st.characters(exclude_categories=[])),
        st.lists(st.sampled_from(_PIECES)).map("".join),
    ),
)
def test_whatever_begins_with_a_prefix_goes_to_its_origin(url: str, suffix: str) -> None:
    origin = Origin.from_url(url)
    for prefix in origin.prefixes:
        assert Origin.from_url(prefix + suffix) == origin
        assert _connects_to(_as_redirected(prefix + suffix)) == origin
        assert _connects_to(_prepared(prefix + suffix)) == origin


@pytest.mark.parametrize(
    "url",
    [
        "https://" + "@" * 100_000,
        "https://" + "a@" * 50_000,
        "https://" + "a" * 100_000 + "%",
        "https://" + "a." * 50_000 + "%",
        "https://a:" + "0" * 100_000 + "%",
        "https://[" + ":" * 100_000,
    ],
    ids=lambda url: url[8:14] + "..." + url[-2:],
)
def test_long_hostile_urls_have_no_origin(url: str) -> None:
    assert _origin_or_none(url) is None
