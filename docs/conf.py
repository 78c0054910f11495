"""How the pages are built: ``tox run -e docs``."""

from importlib.metadata import version as installed_version

project = "requests_cc"
version = release = installed_version("requests_cc")
extensions = ["sphinx.ext.autodoc"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
exclude_patterns = ["_build"]
html_theme = "alabaster"
