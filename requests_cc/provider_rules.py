"""What a provider is known to refuse: it is refused before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .authorization_server import AuthorizationServer
from .errors import ConfigurationError


class Rule(NamedTuple):
    """What a provider wants of one setting of the client-credentials grant.

    :param setting: str: ``grant_type``, ``scope``, ``audience`` or ``resource``.
    :param wanted: str, a regular expression for the whole of it; what is not set is ``""``.
    :param advice: str, what to write.
    """

    setting: str
    wanted: str
    advice: str


@dataclass(frozen=True, repr=False)
class Provider(AuthorizationServer):
    """An authorization server of which it is known what it refuses.

    :param name: str, the provider's name.
    :param rules: tuple of :class:`Rule`, what it wants of the client-credentials grant.
    """

    name: str = field(default="", kw_only=True)
    rules: tuple[Rule, ...] = field(default=(), kw_only=True)

    def check_request(
        self,
        *,
        scope: str | None,
        audience: str | None,
        resource: Sequence[str],
        grant_type: str,
    ) -> None:
        """Checks what is asked for against what the provider wants.

        :param grant_type: str; for another grant than client credentials nothing is checked.
        :raises ConfigurationError: when it would be refused; it names the setting and what to
            write.
        """
        if grant_type != "client_credentials":
            return
        settings = {
            "grant_type": grant_type,
            "scope": scope or "",
            "audience": audience or "",
            "resource": " ".join(resource),
        }
        for setting, wanted, advice in self.rules:
            value = settings[setting]
            if re.fullmatch(wanted, value) is None:
                found = f"{setting}={value!r} is refused" if value else f"{setting} is missing"
                raise ConfigurationError(f"{self.name}: {found}: {advice}")
