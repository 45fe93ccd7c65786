"""The widget of the formula of the sampler's step: sliders, and the terms."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import ipywidgets as widgets

from ..frannet.sampling.samplers import NOISE_STDDEVS
from ..frannet.sampling.schedule import STEPS
from ..frannet.sampling.setup import Setup
from ..note import strides
from .controls import slim
from .viewer_widget import with_png


class FormulaWidget(widgets.VBox):
    """The terms of DDIM's step, below sliders; see `frantools.widgets.formula`."""

    def __init__(self, t: int, setup: Setup) -> None:
        self.t = slim(widgets.IntSlider, "t", "The diffusion step", "300px", value=t, min=0, max=STEPS - 1)
        self.stochasticity = slim(
            widgets.FloatSlider, "Stochasticity", "0 adds no noise, 1 as much as DDPM", "300px",
            value=setup.stochasticity, min=0.0, max=1.0, step=0.1,
        )  # fmt: skip
        self.K = slim(widgets.IntSlider, "K", "The stride of the steps", "260px", value=setup.K, min=1, max=30)
        self.noise = slim(
            widgets.Dropdown, "Noise", "Its standard deviation: sigma, its square, or none", "150px",
            options=NOISE_STDDEVS, value=setup.noise_stddev,
        )  # fmt: skip
        self.chart = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        controls = [self.t, self.stochasticity, self.K, self.noise]
        super().__init__([widgets.HBox(controls, layout=widgets.Layout(flex_flow="row wrap")), self.chart])
        self.add_class("frantools")
        for part in controls:
            part.observe(self.draw, "value")
        self.draw()

    @property
    def setup(self) -> Setup:
        """The setup of the sliders."""
        return Setup(stochasticity=self.stochasticity.value, K=self.K.value, noise_stddev=self.noise.value)

    def draw(self, _: Any = None) -> None:
        """Draw the terms for the current values."""
        file = BytesIO()
        strides.formula(self.t.value, self.setup).savefig(file, format="png", dpi="figure")
        self.chart.value = file.getvalue()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the widget, and its chart for notebooks that are shown without a kernel."""
        return with_png(super()._repr_mimebundle_(**options), lambda: self.chart.value)


def formula(t: int = 50, setup: Setup | None = None) -> FormulaWidget:
    """Show the terms of the sampler's step, with sliders for t, stochasticity, K and the kind of noise.

    Parameters
    ----------
    t : int
        The step to start with, 0 to 99.
    setup : Setup, optional
        The settings to start with. Default: the note's B.
    """
    return FormulaWidget(t, Setup() if setup is None else setup)
