"""``requests-cc env``: a commented template of every variable."""

from __future__ import annotations

import argparse

from .options import SETTINGS, Setting
from .output import DONE, result

_TOP = """\
# Settings of an OAuth 2.0 client, for requests-cc and ClientCredentials.from_env().
# Take the "# " away from those that you need. NAME_FILE names a file that holds NAME."""

_THEMSELVES = {"CLIENT_SECRET_FILE": "secret", "PRIVATE_KEY_FILE": "key"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of this verb."""
    parser.add_argument("--prefix", default="OAUTH_", help="of the variables (default: OAUTH_)")


def run(arguments: argparse.Namespace) -> int:
    """Print the template."""
    result(_TOP)
    for heading, settings in SETTINGS.items():
        result(f"\n# --- {heading}")
        for setting in settings:
            result(f"\n{_entry(arguments.prefix, setting)}")
    return DONE


def _entry(prefix: str, setting: Setting) -> str:
    example = f'"{setting.example}"' if " " in setting.example else setting.example
    explained = setting.help.replace("; - reads one line of standard input", "")
    several = "a variable for each" if "<" in setting.name else "several with a space between them"
    explained = explained.replace("again for more", several)
    if setting.name in _THEMSELVES:
        name, thing = setting.name.removesuffix("_FILE"), _THEMSELVES[setting.name]
        explained += f"; or {prefix}{name}, the {thing} itself"
    return f"# {explained}\n# {prefix}{setting.name}={example}"
