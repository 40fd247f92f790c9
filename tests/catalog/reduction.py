"""`reduce_loss`: public, but no loss."""

from __future__ import annotations

from math import inf

import lossary
from tests.support import properties as law
from tests.support.case import Case
from tests.support.inputs import ERRORS, f32
from tests.support.layout import Layout
from tests.support.references import Reference

ARRAYS = {"loss"}

CASES = (
    Case(
        name="reduce_loss",
        fn=lossary.reduce_loss,
        layout=Layout("element", "loss"),
        large=True,
        make=lambda rng, shape: {"loss": f32(rng.normal(size=shape))},
        references=(Reference("closed form", lambda loss: loss),),
        kinks={"loss": ERRORS},
        range=(-inf, inf),
        properties=(law.permutation_equivariant, law.homogeneous(1, "loss")),
    ),
)
