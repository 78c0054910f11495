"""The texts that the library can raise and log, read from its source.

``python -m tests.docs.messages`` prints those without an entry in docs/troubleshooting.rst.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from requests_cc import errors

from .pages import DOCS, ROOT

PACKAGE = ROOT / "requests_cc"
PAGE = DOCS / "troubleshooting.rst"
VARIES = "…"
LEAST_CONSTANT = 6  # letters that a text must have of its own, or it is somebody else's
MOST = 60  # texts of one expression

#: Texts for people who use the command line or write tests: not of the library itself.
LEFT_OUT = ("cli", "testing")
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.ClientCredentialsError)
}
LEVELS = {"debug", "info", "warning", "error", "exception"}


class Message(NamedTuple):
    """A text, with an ellipsis for what varies.

    :param where: file and line.
    """

    text: str
    where: str


class _Reader:
    """Reads the messages of one module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {
            node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)
        }
        self.scopes: dict[ast.AST, ast.AST] = {}
        for function in ast.walk(self.tree):
            if isinstance(function, (ast.FunctionDef, ast.Module)):
                for node in ast.walk(function):
                    # The innermost function comes last in this walk.
                    self.scopes[node] = function
        self._busy: set[int] = set()

    def messages(self) -> Iterator[Message]:
        for node in ast.walk(self.tree):
            for expression in self._expressions(node):
                where = f"{self.path.relative_to(ROOT)}:{node.lineno}"  # type: ignore[attr-defined]
                for text in self.texts(expression):
                    yield Message(_percents(text), where)

    def _expressions(self, node: ast.AST) -> Iterable[ast.expr]:
        """Return what a node makes a message of."""
        match node:
            # A class that a table holds is called kind.
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in {*ERRORS, "kind"}:
                return [first]
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="logger"), attr=level), args=[first, *_]
            ) if level in LEVELS:
                return [first]
            case ast.AnnAssign(target=ast.Name(id="_LOG_LINES"), value=ast.Dict(values=lines)):
                return [line.elts[1] for line in lines if isinstance(line, ast.Tuple)]
            case ast.AnnAssign(target=ast.Name(id="_CODES"), value=ast.Dict() as table):
                return list(_codes(table))
            case ast.Assign(targets=[ast.Attribute(attr="args")], value=ast.Tuple(elts=[first])):
                return [first]  # an error's own, replaced
        return ()

    def texts(self, node: ast.expr | None) -> list[str]:
        """Return what an expression may be, as far as the module says."""
        if node is None or id(node) in self._busy:
            return [VARIES]
        self._busy.add(id(node))
        try:
            return list(dict.fromkeys(itertools.islice(self._texts(node), MOST)))
        finally:
            self._busy.discard(id(node))

    def _texts(self, node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Constant):
            yield node.value if isinstance(node.value, str) else VARIES
        elif isinstance(node, ast.JoinedStr):
            parts = [
                self.texts(part.value) if isinstance(part, ast.FormattedValue) else self.texts(part)
                for part in node.values
            ]
            yield from map("".join, itertools.product(*parts))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from map(
                "".join, itertools.product(self.texts(node.left), self.texts(node.right))
            )
        elif isinstance(node, ast.IfExp):
            yield from self.texts(node.body) + self.texts(node.orelse)
        elif isinstance(node, ast.BoolOp):
            yield from itertools.chain.from_iterable(map(self.texts, node.values))
        elif isinstance(node, ast.Name):
            yield from self._assigned(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from self._returned(node.func.id)
        else:
            yield VARIES

    def _assigned(self, name: ast.Name) -> Iterator[str]:
        found = False
        scopes = {self.scopes.get(name, self.tree), self.tree}
        for scope in scopes:
            for node in ast.walk(scope):
                if scope is self.tree and self.scopes.get(node) is not self.tree:
                    continue
                if isinstance(node, ast.Assign):
                    for target, value in _pairs(node.targets, node.value):
                        if isinstance(target, ast.Name) and target.id == name.id:
                            found = True
                            yield from self.texts(value)
        if not found:
            yield from self._passed(name)

    def _passed(self, name: ast.Name) -> Iterator[str]:
        """What the calls in this module pass for a parameter."""
        function = self.scopes.get(name)
        parameters = (
            [each.arg for each in function.args.args]
            if isinstance(function, ast.FunctionDef)
            else []
        )
        if name.id not in parameters or not function.name.startswith("_"):  # type: ignore[union-attr]
            yield VARIES  # any module may call it
            return
        assert isinstance(function, ast.FunctionDef)
        found = False
        position = parameters.index(name.id)
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id == function.name:
                place = position
            elif isinstance(node.func, ast.Attribute) and node.func.attr == function.name:
                place = position - 1  # self
            else:
                continue
            named = [word.value for word in node.keywords if word.arg == name.id]
            given = named or node.args[place : place + 1]
            found = True
            yield from self.texts(given[0] if given else None)
        if not found:
            yield VARIES

    def _returned(self, name: str) -> Iterator[str]:
        function = self.functions.get(name)
        returns = [
            node.value
            for node in ast.walk(function or ast.Pass())
            if isinstance(node, ast.Return) and node.value is not None
        ]
        if not returns:
            yield VARIES
        for value in returns:
            yield from self.texts(value)


def _codes(table: ast.Dict) -> Iterator[ast.expr]:
    """Return the texts of OAuth errors: the code, and what to do."""
    for code, row in zip(table.keys, table.values, strict=True):
        assert isinstance(code, ast.Constant)
        assert isinstance(row, ast.Tuple)
        advice = re.sub(r"\{\w+\}", VARIES, ast.literal_eval(row.elts[1]))
        yield ast.copy_location(ast.Constant(f"{code.value}{VARIES}: {advice}"), row)


def _pairs(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from zip(target.elts, value.elts, strict=False)
        else:
            yield target, value


def _percents(text: str) -> str:
    text = re.sub(r"%(\(\w+\))?[.\d]*[sdf]", VARIES, text)
    return re.sub(rf"\s*{VARIES}(\s*{VARIES})*\s*", lambda found: _spaced(found[0]), text).strip()


def _spaced(found: str) -> str:
    return f"{' ' * found[0].isspace()}{VARIES}{' ' * found[-1].isspace()}"


def collected() -> dict[str, str]:
    """Return each text that the library can raise or log, with where it is made."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in LEFT_OUT:
            continue
        for message in _Reader(path).messages():
            if len(re.sub(r"[^A-Za-z]", "", message.text)) >= LEAST_CONSTANT:
                found.setdefault(message.text, message.where)
    return found


def entries() -> list[str]:
    """Return the text of each entry of the page."""
    text = PAGE.read_text(encoding="utf-8")
    cells = re.findall(r"^   \* - (``.*?)\n     - ", text, flags=re.MULTILINE | re.DOTALL)
    cells += re.findall(r"^\* (``[^`]+``)$", text, flags=re.MULTILINE)
    literals = itertools.chain.from_iterable(re.findall(r"``(.+?)``", c, re.DOTALL) for c in cells)
    return [" ".join(literal.split()) for literal in literals]


def covers(entry: str, text: str) -> bool:
    """Return whether an entry is about a text: the same, or its beginning and an ellipsis."""
    pattern = ".*".join(map(re.escape, entry.split(VARIES)))
    return re.fullmatch(pattern, text) is not None


def without_entry() -> dict[str, str]:
    """Return the texts that no entry covers, with where they are made."""
    known = entries()
    return {
        text: where
        for text, where in collected().items()
        if not any(covers(entry, text) for entry in known)
    }


if __name__ == "__main__":
    for missing, place in without_entry().items():
        sys.stdout.write(f"{place}\n   * - ``{missing}``\n     - \n")
