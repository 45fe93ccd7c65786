"""FranTools: what do the sampler's settings do to an image that a diffusion model restores?

The public names are listed once, in ``__init__.pyi``. Each is imported when it is first used: PyTorch takes a second or
two, which `frantools --help` need not wait for, and a script that only samples needs neither matplotlib nor ipywidgets.
See SPEC 1, https://scientific-python.org/specs/spec-0001.
"""

from __future__ import annotations

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
