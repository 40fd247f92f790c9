"""How fast Lossary is, as ratios to what one would write or call without it. `python -m benchmarks` runs everything."""

from __future__ import annotations

from . import (
    class_maps,
    distributions,
    growth,
    importing,
    jax_jitted,
    memory,
    overhead,
    pairs,
    torch_compiled,
    torch_composed,
    torch_native,
)

MODULES = (
    torch_native,
    overhead,
    jax_jitted,
    torch_compiled,
    torch_composed,
    importing,
    memory,
    class_maps,
    pairs,
    distributions,
    growth,
)
QUESTIONS = tuple(module.QUESTION for module in MODULES)
