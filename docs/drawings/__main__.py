"""Draws the SVGs of docs/life.rst: ``python docs/drawings``, from the folder of the project.

Each follows the reader's colour scheme: the colours are those of a style sheet in the drawing.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "_static"

STYLE = """
text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2933; }
.ground { fill: #ffffff; }
.small { font-size: 12px; fill: #52606d; }
.name { font-weight: 600; }
.box { fill: #f5f7fa; stroke: #9aa5b1; stroke-width: 1.5; rx: 8; }
.ours { fill: #e3f0ff; stroke: #3b7dd8; stroke-width: 1.5; rx: 8; }
.good { fill: #d9f2e3; stroke: #2f9e63; stroke-width: 1.5; }
.wait { fill: #fff3d1; stroke: #c88a00; stroke-width: 1.5; }
.bad { fill: #fde2e2; stroke: #d64545; stroke-width: 1.5; }
.line { stroke: #52606d; stroke-width: 1.5; fill: none; }
.life { stroke: #cbd2d9; stroke-width: 1.5; stroke-dasharray: 4 4; }
.head { fill: #52606d; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #131416; }
  text { fill: #e4e7eb; }
  .small { fill: #b8c2cc; }
  .box { fill: #2b323b; stroke: #7b8794; }
  .ours { fill: #1d3557; stroke: #6ea8fe; }
  .good { fill: #14452f; stroke: #57c08a; }
  .wait { fill: #4a3b0d; stroke: #e0b040; }
  .bad { fill: #4d1f1f; stroke: #f08080; }
  .line { stroke: #b8c2cc; }
  .life { stroke: #52606d; }
  .head { fill: #b8c2cc; }
}
"""


class Drawing:
    """An SVG, written from the top."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'role="img" aria-labelledby="t d">',
            f'<title id="t">{escape(title)}</title>',
            f'<desc id="d">{escape(description)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{height}" class="ground"/>',
            '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto-start-reverse">'
            '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
        ]

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        self.parts.append(
            f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def box(self, x: float, y: float, w: float, h: float, kind: str, *lines: str) -> None:
        self.parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" class="{kind}"/>')
        first = y + h / 2 + 5 - 9 * (len(lines) - 1)
        for number, line in enumerate(lines):
            self.text(x + w / 2, first + 18 * number, line, "name" if number == 0 else "small")

    def arrow(self, x1: float, y1: float, x2: float, y2: float, words: str = "") -> None:
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="line" marker-end="url(#a)"/>'
        )
        if words:
            self.text((x1 + x2) / 2, (y1 + y2) / 2 - 6, words, "small")

    def life(self, x: float, y1: float, y2: float) -> None:
        self.parts.append(f'<line x1="{x}" y1="{y1}" x2="{x}" y2="{y2}" class="life"/>')

    def svg(self) -> str:
        return "\n".join([*self.parts, "</svg>", ""])


class Dialogue(Drawing):
    """Who says what to whom, from the top to the bottom."""

    def __init__(self, title: str, description: str, actors: list[str], steps: int) -> None:
        self.gap = 36
        height = 70 + self.gap * steps + 10
        super().__init__(760, height, title, description)
        self.at = {}
        step = 760 / len(actors)
        for number, actor in enumerate(actors):
            x = step * (number + 0.5)
            self.at[actor] = x
            self.life(x, 50, height - 8)
            kind = "ours" if actor in ("adapter", "cache", "source") else "box"
            self.box(x - 62, 10, 124, 38, kind, actor)
        self.y = 84.0

    def says(self, one: str, other: str, words: str) -> None:
        x1, x2 = self.at[one], self.at[other]
        inward = 4 if x2 > x1 else -4
        self.arrow(x1 + inward, self.y, x2 - inward, self.y, words)
        self.y += self.gap

    def note(self, actor: str, words: str, kind: str = "wait") -> None:
        width = 7.1 * len(words) + 16
        x = min(max(self.at[actor], width / 2 + 4), 756 - width / 2)
        self.parts.append(
            f'<rect x="{x - width / 2}" y="{self.y - 22}" width="{width}" height="26" rx="5" '
            f'class="{kind}"/>'
        )
        self.text(x, self.y - 4, words, "small")
        self.y += self.gap


def request() -> Drawing:
    drawing = Dialogue(
        "The life of a request",
        "Your code calls the adapter. It takes a token from the cache, which has one or requests "
        "one; the adapter sends a copy of the request with the token to the API.",
        ["your code", "adapter", "cache", "source", "token endpoint", "API"],
        10,
    )
    drawing.says("your code", "adapter", "request")
    drawing.note("adapter", "one of my origins? no: sent unchanged, without a token")
    drawing.says("adapter", "cache", "token?")
    drawing.note("cache", "fresh: handed out at once, no lock", "good")
    drawing.note("cache", "missing or expired: all calls wait for one request")
    drawing.says("cache", "source", "request_token()")
    drawing.says("source", "token endpoint", "POST")
    drawing.says("token endpoint", "cache", "the token, for all waiting calls")
    drawing.says("adapter", "API", "a copy of the request, with the token")
    drawing.says("API", "your code", "the response; your own request object is unchanged")
    return drawing


def token() -> Drawing:
    drawing = Drawing(
        760,
        270,
        "The life of a token",
        "A token is fresh until leeway before its expiry, then ageing until it expires. While it "
        "is ageing it is renewed in the background, and nobody waits.",
    )
    y, h = 60, 46
    left = 30
    drawing.box(30, y, 430, h, "good", "fresh", "handed out: no lock, no wait")
    drawing.box(460, y, 190, h, "wait", "ageing", "still handed out")
    drawing.box(650, y, 90, h, "bad", "expired", "never sent")
    drawing.arrow(30, y + 62, 745, y + 62)
    for x, words in (
        (30, "before the POST"),
        (460, "leeway before expiry, ± 20 %"),
        (650, "expires_at"),
    ):
        drawing.life(x, y - 8, y + 68)
        drawing.text(x, y + 84, words, "small", "middle" if x > left else "start")
    drawing.text(460, 44, "a thread begins to renew it", "small")
    drawing.box(440, 172, 130, 50, "good", "it succeeds", "the next token, fresh")
    drawing.box(590, 172, 155, 50, "wait", "it fails", "pause, then again")
    drawing.arrow(500, 150, 500, 170)
    drawing.arrow(620, 150, 650, 170)
    drawing.text(30, 195, "leeway: 60 s, at most a quarter of the lifetime.", "small", "start")
    drawing.text(
        30, 213, "A call that finds an expired token waits, with all the others,", "small", "start"
    )
    drawing.text(
        30, 231, "for one token request. If it fails, they all fail together,", "small", "start"
    )
    drawing.text(
        30, 249, "and further calls at once, in a pause of 1 s growing to 60 s.", "small", "start"
    )
    return drawing


def rejection() -> Drawing:
    drawing = Dialogue(
        "The life of a rejection",
        "The API rejects a token with a 401. The adapter has the cache renew exactly that token, "
        "once for all threads, and resends the same bytes once.",
        ["your code", "adapter", "cache", "token endpoint", "API"],
        11,
    )
    drawing.says("adapter", "API", "request, token 1")
    drawing.says("API", "adapter", "401")
    drawing.note(
        "adapter", "insufficient_scope, or the body cannot be resent: you get the 401", "bad"
    )
    drawing.note("adapter", "rewinds the body, reads the rest of the 401, frees the connection")
    drawing.says("adapter", "cache", "a newer token?")
    drawing.note("cache", "a newer token in memory, in the store, or being requested?", "good")
    drawing.says("cache", "token endpoint", "one POST for all")
    drawing.says("adapter", "API", "the same bytes, token 2")
    drawing.says("API", "your code", "the second response, whatever it is; the 401 is in history")
    drawing.note("cache", "accepted: the next rejection may renew at once", "good")
    drawing.note("cache", "rejected too: no renewal for 1 s, doubling to 30 s", "bad")
    return drawing


def fleet() -> Drawing:
    drawing = Drawing(
        760,
        330,
        "The life of a fleet",
        "Workers on several machines share one token through a store. One worker takes the "
        "store's lock and requests the token; the others read it from the store.",
    )
    for row, (name, says) in enumerate(
        (
            ("worker 1", "takes the lock, requests, stores"),
            ("worker 2", "waits for the lock, finds the token"),
            ("worker 3", "finds the token in the store"),
            ("worker 4", "has the token in memory"),
        )
    ):
        y = 20 + 74 * row
        drawing.box(10, y, 230, 56, "ours", name, says)
        if name != "worker 4":
            drawing.arrow(244, y + 28, 386, 128 + 22 * row)
    drawing.box(390, 96, 150, 110, "box", "store", "folder, Redis", "encrypted,", "with a lock")
    drawing.box(600, 20, 150, 56, "box", "token endpoint", "one POST")
    drawing.arrow(244, 40, 596, 40, "token request, while the lock is held")
    drawing.text(390, 240, "If the store is down, hangs or is damaged,", "name", "start")
    drawing.text(390, 262, "no call fails. Each worker requests its own", "small", "start")
    drawing.text(390, 280, "token until the store works again.", "small", "start")
    drawing.text(390, 304, "In the store: tokens. Never: a client secret.", "small", "start")
    return drawing


DRAWINGS = {f"life-of-a-{draw.__name__}": draw for draw in (request, token, rejection, fleet)}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
