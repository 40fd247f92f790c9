"""How fast Lossary is, as ratios to what one would write or call without it. `python -m benchmarks` runs everything."""

from __future__ import annotations

from . import jax_jitted, overhead, torch_native

QUESTIONS = (torch_native.QUESTION, overhead.QUESTION, jax_jitted.QUESTION)
