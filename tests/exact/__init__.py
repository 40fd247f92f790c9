"""Every public loss as plain mathematics, one item at a time, with 120 digits.

Written from the docstrings' formulas, never from the code: no stable form appears here, the digits do that
work (−log p at p = 1 − e^−80 costs 35 of them). A module a family; each has a dictionary `EXACT` of

- `Exact(value, slopes, wrt)`: formulas of the loss of one item and of its derivatives towards the arguments `wrt`, or
- `over_arrays(formula, wrt)`: a formula in NumPy arrays of such numbers, for losses whose item is a small problem.
"""

from __future__ import annotations

from tests.exact.arithmetic import Exact as Exact
from tests.exact.arithmetic import mp as mp
from tests.exact.arrays import OverArrays as OverArrays
from tests.exact.arrays import over_arrays as over_arrays
from tests.support.families import merged

EXACT: dict[str, Exact | OverArrays] = merged("exact", "EXACT")  # type: ignore[assignment]
