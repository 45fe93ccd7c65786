"""The browser side: pictures side by side that zoom together, in a widget or in a self-contained page.

The ES modules in ``js/`` have no dependencies. `script` joins them into one text, so that no build step is needed, and
`page` writes self-contained pages. Nothing here depends on ipywidgets.
"""
