"""Names for tokens: equal only where the tokens may be exchanged for each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable


def cache_key(kind: str, *parts: Hashable) -> Hashable:
    """Makes one key of all that shapes a token.

    :param kind: str, the kind of source.
    :param parts: nested tuples of str, int and None, secrets as digests; or with another hashable
        among them, where a part cannot be read.
    :returns: a str, the same in each process: a digest of an injective encoding. With an unreadable
        part: a tuple, which means something in this process only.
    """
    try:
        # Lists of JSON texts are injective: no two different parts have one encoding.
        encoded = json.dumps([kind, parts])
    except TypeError:
        return (kind, parts)
    return hashlib.sha256(encoded.encode("ascii")).hexdigest()
