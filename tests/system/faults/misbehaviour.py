"""The ways in which a faulty server misbehaves: what it does with one connection."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from tests.support.server import PATIENCE, Connection, Play

from .faulty_server import JSON, answers_in_order, read_request, secure, token_answer


def http_answer(
    status: int, body: bytes = b"", *headers: str, length: int | None = None, close: bool = True
) -> bytes:
    """An answer in full.

    :param length: what Content-Length says; None: the truth.
    :param close: whether it says that the connection ends with it.
    """
    lines = [
        f"HTTP/1.1 {status:d} {HTTPStatus(status).phrase}",
        *headers,
        f"Content-Length: {len(body) if length is None else length}",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


# Connections that end.


def closes_without_answer(connection: Connection) -> None:
    read_request(connection)


def closes_during_handshake(connection: Connection) -> None:
    connection.receive()


def resets_before_headers(connection: Connection) -> None:
    read_request(connection)
    connection.reset()


def resets_in_headers(connection: Connection) -> None:
    read_request(connection)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: applica")
    connection.pause(0.02)  # so that the client has read this much before the reset overtakes it
    connection.reset()


def resets_after_headers(connection: Connection) -> None:
    head, blank_line, _ = http_answer(200, token_answer(connection), JSON).partition(b"\r\n\r\n")
    connection.send(head + blank_line)
    connection.pause(0.02)  # as above
    connection.reset()


def closes_in_headers(connection: Connection) -> None:
    read_request(connection)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: applica")


def closes_mid_body(connection: Connection) -> None:
    answer = http_answer(200, token_answer(connection), JSON)
    connection.send(answer[:-20])


def closes_mid_chunk(connection: Connection) -> None:
    body = token_answer(connection)
    head = f"HTTP/1.1 200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n"
    connection.send(head.encode() + body[:-20])


# Answers that take too long.


def never_answers(connection: Connection) -> None:
    read_request(connection)
    connection.pause(PATIENCE)


def answers_late(seconds: float) -> Play:
    def play(connection: Connection) -> None:
        body = token_answer(connection)
        connection.pause(seconds)
        connection.send(http_answer(200, body, JSON))

    return play


def trickles_headers(interval: float) -> Play:
    """Each byte comes soon after the one before: only a total deadline ends this."""

    def play(connection: Connection) -> None:
        body = token_answer(connection)
        connection.trickle(http_answer(200, body, JSON, "X-Padding: " + "x" * 1000), interval)

    return play


def trickles_body(interval: float) -> Play:
    def play(connection: Connection) -> None:
        body = token_answer(connection) + b" " * 1000
        connection.send(http_answer(200, b"", JSON, length=len(body)))
        connection.trickle(body, interval)

    return play


# Answers that are wrong.


def answers_status(status: int, *headers: str) -> Play:
    def play(connection: Connection) -> None:
        read_request(connection)
        connection.send(http_answer(status, b"", *headers))

    return play


def asks_to_retry_at_a_date(status: int, seconds: float) -> Play:
    def play(connection: Connection) -> None:
        read_request(connection)
        moment = formatdate(time.time() + seconds, usegmt=True)
        connection.send(http_answer(status, b"", f"Retry-After: {moment}"))

    return play


def answers_html(connection: Connection) -> None:
    read_request(connection)
    connection.send(http_answer(200, b"<!doctype html><p>Sign in", "Content-Type: text/html"))


def answers_truncated_json(connection: Connection) -> None:
    connection.send(http_answer(200, token_answer(connection)[:-20], JSON))


def announces_more_than_it_sends(connection: Connection) -> None:
    body = token_answer(connection)
    connection.send(http_answer(200, body, JSON, length=len(body) + 20))


def announces_more_and_stays(connection: Connection) -> None:
    announces_more_than_it_sends(connection)
    connection.pause(PATIENCE)


def announces_less_than_it_sends(connection: Connection) -> None:
    body = token_answer(connection)
    connection.send(http_answer(200, body, JSON, length=len(body) - 20))


# TLS.


def shows_certificate(name: str) -> Play:
    def play(connection: Connection) -> None:
        secure(connection, name)
        answers_in_order(connection)

    return play


def speaks_plain_http(connection: Connection) -> None:
    connection.receive()
    connection.send(http_answer(400))


# Connections that were to be kept alive.


def _answers_and_stays(connection: Connection) -> None:
    connection.send(http_answer(200, token_answer(connection), JSON, close=False))


def closes_once_idle(connection: Connection) -> None:
    """The answer says that the connection stays, and it is closed at once."""
    _answers_and_stays(connection)


def closes_when_used_again(connection: Connection) -> None:
    _answers_and_stays(connection)
    read_request(connection)


def resets_when_used_again(connection: Connection) -> None:
    _answers_and_stays(connection)
    read_request(connection)
    connection.reset()
