"""The divergence of two clouds of which one is the other, a little moved: far smaller than any of its terms.

Its potentials are taken as changes of the first cloud's own one p: f = p + u, g = p + v, and that of the second cloud
itself p + q. With x' for the other points, and E over them by the plan of the first cloud and itself,

    u = −ε log E exp((v − C(x, y') + C(x, x')) / ε),  and so v of u and C(y, x'), q of q and C(y, y')

are of the order of the step, and S = Σ a (u + v − q) of its square. The rest h = u + v − q is iterated by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.changes import Changes, Pairs, of_distances, of_squares
from .iteration import (
    USUAL_COOLING,
    USUAL_OVER,
    Blocks,
    Cloud,
    by_rows,
    cooling_of,
    log_of,
    over_columns,
    over_table,
    smooth_over,
)

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

REACH = 2.0  # change of a cost, in units of the blur, that still counts as a little
AT_ONCE = 40  # iterations, in which an error halves each time


def moved_a_little(xp: Namespace, first: Cloud, second: Cloud, epsilon: Any, largest: Any, p: int) -> Any:
    """For each problem: are the points of both clouds, one by one, close to each other, and of the same shares?"""
    (x, a), (y, b) = first.held(xp), second.held(xp)
    steps = xp.norm(y - x, axis=-1)
    bound = steps
    if p == 2:  # |C(x, y') − C(x, x')| at most
        bound = steps * (2 * xp.expand_dims(xp.sqrt(largest), axis=-1) + steps)
    far = ~(bound <= REACH * xp.expand_dims(epsilon, axis=-1)) | (a != b)
    return ~xp.any(far, axis=-1)


def of_moved(
    xp: Namespace,
    first: Cloud,
    second: Cloud,
    here: Any,
    blur: Any,
    start: Any,
    p: int,
    iterations: int,
    blocks: Blocks,
) -> Any:
    """The divergence where `here`, elsewhere any finite number."""
    (x, a), (y, b) = first, second
    x, y = (xp.where(over_table(xp, here), points, 0.0) for points in (x, y))
    shares, final = xp.stop_gradient(a), xp.stop_gradient(blur)
    changes = _Changes(xp, log_of(xp, shares))
    rows = changes.by_rows(xp.stop_gradient(x), xp.stop_gradient(y), p, blocks)
    own, v = changes.of_potential(rows, start, final, iterations)
    u = rows(changes.by_second, v, own, final)
    h = changes.of_all(rows, u, v, own, final, iterations)
    # The value is stationary in the potentials: with them held, one step more has its gradient.
    again = changes.by_rows(x, y, p, blocks)(changes.by_both, u, v, h, own, blur)
    # Where v is no step from u yet, the marginals of the plan differ by this: Σ a v − Σ a (step from u).
    residue = (v - rows(changes.by_first, u, own, final)) / xp.expand_dims(final, axis=-1)
    short = xp.expand_dims(final, axis=-1) * xp.half_exp_above_tangent(residue)[0]
    by_shares = (a - shares) * u + (b - xp.stop_gradient(b)) * (h - u)
    return xp.sum(shares * (0.5 * (h + again) - short) + by_shares, axis=-1)


class _Changes(NamedTuple):
    """Of the potentials of a cloud with these shares; its functions of a block of rows are named by what has moved."""

    xp: Namespace
    log_shares: Any

    def by_rows(self, x: Any, y: Any, p: int, blocks: Blocks) -> Callable[..., Any]:
        """What the functions are called by."""

        def table(*arrays: Any) -> Changes:
            pairs = Pairs(*arrays)
            return of_squares(self.xp, pairs) if p == 2 else of_distances(self.xp, pairs)[0]

        cloud = [x, y, y - x]
        return by_rows(self.xp, cloud, cloud, table, blocks)

    def of_potential(self, rows: Callable[..., Any], start: Any, final: Any, iterations: int) -> tuple[Any, Any]:
        """p and v, while the blur shrinks from `start` to `final`."""
        xp = self.xp
        cooling = cooling_of(xp, start, final, USUAL_COOLING * iterations)

        def step(state: Any) -> Any:
            own, v, epsilon = state
            own = 0.5 * (own + rows(self.by_none, own, epsilon))
            u = rows(self.by_second, v, own, epsilon)
            v = v + USUAL_OVER * (rows(self.by_first, u, own, epsilon) - v)
            return own, v, xp.maximum(epsilon * cooling, final)

        none = [xp.zeros_like(self.log_shares) for _ in range(2)]
        own, v, _ = xp.iterate(step, (*none, start), iterations)
        return own, v

    def of_all(self, rows: Callable[..., Any], u: Any, v: Any, own: Any, final: Any, iterations: int) -> Any:
        """h, where the average of a step and the one before converges at once."""

        def step(state: Any) -> Any:
            (h,) = state
            return (0.5 * (h + rows(self.by_both, u, v, h, own, final)),)

        return self.xp.iterate(step, (self.xp.zeros_like(self.log_shares),), min(iterations, AT_ONCE))[0]

    # ---- of a block of rows ----

    def by_none(self, costs: Changes, own: Any, epsilon: Any) -> Any:
        """The potential itself, by a step from itself."""
        return smooth_over(self.xp)(costs.start, own, self.log_shares, epsilon)

    def by_first(self, costs: Changes, u: Any, own: Any, epsilon: Any) -> Any:
        """v, by a step from u."""
        return self._by_one(costs.start, costs.first, u, own, epsilon)

    def by_second(self, costs: Changes, v: Any, own: Any, epsilon: Any) -> Any:
        """u, by a step from v."""
        return self._by_one(costs.start, costs.second, v, own, epsilon)

    def _by_one(self, costs: Any, moved: Any, change: Any, own: Any, epsilon: Any) -> Any:
        xp = self.xp
        gained = xp.expm1((over_columns(xp, change) - moved) / over_table(xp, epsilon))
        plan = self._plan(costs, own, epsilon)
        return -xp.expand_dims(epsilon, axis=-1) * xp.log1p(xp.sum(plan * gained, axis=-1))

    def by_both(self, costs: Changes, u: Any, v: Any, h: Any, own: Any, epsilon: Any) -> Any:
        """u + v − q, each by a step from the other two and from q = u + v − h, without subtracting them.

        With α and β the exponents of u and v that of q is α + β − κ, and e^α + e^β − 1 − e^(α + β − κ) is
        −(e^α − 1) (e^β − 1) − e^(α + β) (e^−κ − 1). Of the first part log E e^α + log E e^β leave the covariance.
        """
        xp, size, plan = self.xp, over_table(self.xp, epsilon), self._plan(costs.start, own, epsilon)
        of_u = xp.expm1((over_columns(xp, v) - costs.second) / size)
        of_v = xp.expm1((over_columns(xp, u) - costs.first) / size)
        both = (1 + of_u) * (1 + of_v)
        crossed = both * xp.expm1((-over_columns(xp, h) - costs.both) / size)
        mean_u, mean_v = (xp.sum(plan * table, axis=-1, keepdims=True) for table in (of_u, of_v))
        together = xp.sum(plan * ((of_u - mean_u) * (of_v - mean_v) + crossed), axis=-1)
        return -xp.expand_dims(epsilon, axis=-1) * xp.log1p(-together / xp.sum(plan * (both + crossed), axis=-1))

    def _plan(self, costs: Any, own: Any, epsilon: Any) -> Any:
        """Of the cloud and itself, each row as a distribution."""
        xp = self.xp
        return xp.softmax(
            over_columns(xp, self.log_shares) + (over_columns(xp, own) - costs) / over_table(xp, epsilon), axis=-1
        )
