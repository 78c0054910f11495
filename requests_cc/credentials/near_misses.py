"""Environment variables that nearly have the name of a setting."""

from __future__ import annotations

from collections.abc import Iterable

# Every setting of from_environment; NAME_FILE goes beside each NAME that has no file of its own.
NAMES = (
    "TOKEN_URL", "ISSUER", "CLIENT_ID", "CLIENT_SECRET", "AUTH", "SCOPE", "AUDIENCE", "RESOURCE",
    "PRIVATE_KEY", "KEY_ID", "CERTIFICATE_FILE", "CERTIFICATE_KEY_FILE", "CLIENT_ASSERTION_FILE",
    "TIMEOUT", "CA_BUNDLE", "ALLOW_HTTP",
)  # fmt: skip
# What people write, and no comparison of letters finds.
_OTHER_WORDS = {
    "TOKENENDPOINT": "TOKEN_URL", "TOKENURI": "TOKEN_URL", "ENDPOINT": "TOKEN_URL",
    "TOKENENDPOINTURL": "TOKEN_URL", "ACCESSTOKENURL": "TOKEN_URL", "ACCESSTOKENURI": "TOKEN_URL",
    "URL": "TOKEN_URL", "SERVER": "TOKEN_URL", "AUTHORITY": "ISSUER", "DISCOVERYURL": "ISSUER",
    "METADATAURL": "ISSUER", "ISSUERURL": "ISSUER", "ISSUERURI": "ISSUER", "ID": "CLIENT_ID",
    "USERNAME": "CLIENT_ID", "APPID": "CLIENT_ID", "APPLICATIONID": "CLIENT_ID",
    "CONSUMERKEY": "CLIENT_ID", "SECRET": "CLIENT_SECRET", "PASSWORD": "CLIENT_SECRET",
    "CLIENTPASSWORD": "CLIENT_SECRET", "APPSECRET": "CLIENT_SECRET",
    "CONSUMERSECRET": "CLIENT_SECRET", "METHOD": "AUTH", "AUTHMETHOD": "AUTH",
    "CLIENTAUTHMETHOD": "AUTH", "TOKENENDPOINTAUTHMETHOD": "AUTH", "KID": "KEY_ID",
    "CERT": "CERTIFICATE_FILE", "CERTIFICATE": "CERTIFICATE_FILE", "CLIENTCERT": "CERTIFICATE_FILE",
    "CLIENTCERTIFICATE": "CERTIFICATE_FILE",
    "ASSERTION": "CLIENT_ASSERTION_FILE", "CLIENTASSERTION": "CLIENT_ASSERTION_FILE",
    "CA": "CA_BUNDLE", "CACERT": "CA_BUNDLE", "CACERTS": "CA_BUNDLE", "AUD": "AUDIENCE",
}  # fmt: skip
# Of each group one is enough: who has set that means nothing by a name that is like another.
_GROUPS = (
    {"TOKEN_URL", "ISSUER"},
    {"CLIENT_SECRET", "PRIVATE_KEY", "CERTIFICATE_FILE", "CLIENT_ASSERTION_FILE"},
)
_LIKENESS = 0.86  # of difflib: one letter too many, or two that are swapped


def near_misses(variables: Iterable[str], prefix: str) -> dict[str, str]:
    """Return the variables that nearly fit, with the name that each probably stands for.

    :param variables: the names of all variables that are set.
    :returns: dict from a variable to a setting with its prefix, which is not set itself.
    """
    if not prefix:  # then any variable of any program would be one
        return {}
    given = set(variables)
    read = {f"{prefix}{name}" for name in NAMES} | {f"{prefix}{name}_FILE" for name in NAMES}
    found: dict[str, str] = {}
    for variable in sorted(given - read):
        rest = variable[len(prefix) :]
        if variable.upper().startswith(prefix.upper()) and not rest.startswith("PARAM_"):
            setting = _param_like(rest) or _setting_like(rest.upper())
            if setting is not None and not _names_in_place_of(setting, prefix) & given:
                found[variable] = prefix + setting + _file(rest.upper(), setting)
    return found


def _names_in_place_of(setting: str, prefix: str) -> set[str]:
    """Return the variables of which one, if it is set, makes another for ``setting`` needless."""
    group = next((group for group in _GROUPS if setting in group), {setting})
    return {f"{prefix}{name}{end}" for name in group for end in ("", "_FILE")}


def _param_like(name: str) -> str | None:
    start, _, rest = name.partition("_")
    return f"PARAM_{rest}" if rest and start.upper() in ("PARAM", "PARAMS") else None


def _file(name: str, setting: str) -> str:
    """Return the end of the setting that holds a path, if a name says that it does."""
    is_path = setting == "CA_BUNDLE" or setting.endswith("_FILE")
    return "_FILE" if name.endswith(("FILE", "PATH")) and not is_path else ""


def _setting_like(name: str) -> str | None:
    letters = name.replace("_", "")
    without_file = letters.removesuffix("FILE").removesuffix("PATH")
    for word in (letters, without_file):
        if word in _OTHER_WORDS:
            return _OTHER_WORDS[word]
    # Only a variable that is not known comes so far.
    from difflib import get_close_matches  # noqa: PLC0415 - rarely used

    by_letters = {each.replace("_", ""): each for each in NAMES}
    for word in (letters, without_file):
        close = get_close_matches(word, by_letters, 1, _LIKENESS)
        if close:
            return by_letters[close[0]]
    return None
