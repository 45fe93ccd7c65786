"""The browser side: pictures side by side that zoom together, in a widget or in a page of its own.

The ES modules in ``js/`` are plain and have no dependencies. `script` joins them into one text, so that nobody needs a
build step, and `page` writes self-contained pages. Nothing here knows ipywidgets.
"""
