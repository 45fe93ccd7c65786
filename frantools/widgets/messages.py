"""What a widget has to say, each message as long as its cause lasts."""

from __future__ import annotations

import html

import ipywidgets as widgets

ERROR = "color: var(--jp-error-color1, #d32f2f)"


class UnfinishedError(ValueError):
    """What was asked for needs the complete figure; no fault any more once that is there."""


class Messages(widgets.HTML):
    """Messages by their cause: one goes when there is another of the same cause, or none."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        # In the row of controls, where there is room: a short message moves nothing.
        super().__init__(layout=widgets.Layout(margin="0 8px", flex="3 1 220px", width="auto", min_width="0"))

    def error(self, cause: str, text: str) -> None:
        """Show what is wrong with something; an empty text takes it away."""
        self._put(cause, f'<span role="alert" class="jp-mod-error" style="{ERROR}">{html.escape(text)}</span>', text)

    def info(self, cause: str, text: str) -> None:
        """Show that something went well."""
        self._put(cause, f'<span role="status">{html.escape(text)}</span>', text)

    def _put(self, cause: str, shown: str, text: str) -> None:
        self._texts.pop(cause, None)
        if text:
            self._texts[cause] = shown
        lines = "<br>".join(self._texts.values())
        self.value = f'<div style="line-height: 18px">{lines}</div>' if lines else ""

    def clear(self, *causes: str) -> None:
        """Take the messages of these causes away."""
        for cause in causes:
            self._put(cause, "", "")
