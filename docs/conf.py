"""Sphinx settings. Build with ``make docs``: warnings are errors."""

from __future__ import annotations

from studio_worker_core import __version__

project = "studio-worker"
author = "the studio-worker authors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"studio-worker {__version__}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sourcelink = False
# Nothing is fetched from elsewhere: no fonts, no scripts, no badges.
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
