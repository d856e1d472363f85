"""A view looked at: in both themes, at every width."""

from __future__ import annotations

from tests.browser.window import Window

WIDTHS = (360, 800, 1280)
MOST_BYTES = 100_000
MOST_SHIFT = 0.02


def examined(window: Window, name: str) -> None:
    """Look at the page as it is; nothing may be wrong with it."""
    window.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    for width in WIDTHS:
        window.sized(width)
        assert window.overflow() <= 0, f"{name} scrolls sideways at {width} px"
        for theme in ("light", "dark"):
            window.themed(theme)
            found = window.violations()
            assert not found, f"{name}, {theme}, {width} px: {found}"
            window.shot(f"studio-{name}-{theme}-{width}")
    window.sized(1280)
