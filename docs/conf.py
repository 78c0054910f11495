"""How the pages are built: ``tox run -e docs``."""

from importlib.metadata import version as installed_version
from pathlib import Path

project = "requests_cc"
author = "The requests_cc authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx reads this name
version = release = installed_version("requests_cc")
extensions = ["sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build", "drawings"]

# References to this library's names are checked; those to other projects' need the network.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!requests_cc\.).*")]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_default_options = {"exclude-members": "with_traceback, add_note"}  # an exception's own
autodoc_class_signature = "mixed"

html_theme = "furo"
html_title = f"requests_cc {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_search_scorer = str(Path(__file__).with_name("search_scorer.js"))
html_show_sphinx = False
# A prompt and what is printed are not copied, only what is typed.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
pygments_style = "tango"
pygments_dark_style = "monokai"
html_theme_options = {
    "source_repository": "https://github.com/requests-cc/requests_cc",
    "source_branch": "main",
    "source_directory": "docs/",
}
