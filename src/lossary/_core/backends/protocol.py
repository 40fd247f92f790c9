"""The functions that a framework module must give. Names and meanings follow the Python array API standard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

Axes = int | Sequence[int] | None


@runtime_checkable  # so that beartype can check it in tests
class Namespace(Protocol):
    """One module per framework satisfies this; `tests/typing/` proves it to the type checker."""

    @property
    def NAME(self) -> str: ...
    @property
    def CHANNEL_AXIS(self) -> int: ...  # where this framework's users keep channels and classes

    # ---- the standard's ----
    def exp(self, x: Any, /) -> Any: ...
    def expm1(self, x: Any, /) -> Any: ...
    def log(self, x: Any, /) -> Any: ...
    def log1p(self, x: Any, /) -> Any: ...
    def tanh(self, x: Any, /) -> Any: ...
    def atan(self, x: Any, /) -> Any: ...
    def multiply(self, x: Any, y: Any, /) -> Any: ...
    def divide(self, x: Any, y: Any, /) -> Any: ...  # with slopes that never square y, which may be out of range
    def minimum(self, x: Any, y: Any, /) -> Any: ...
    def maximum(self, x: Any, y: Any, /) -> Any: ...
    def where(self, condition: Any, x: Any, y: Any, /) -> Any: ...
    def sum(self, x: Any, /, *, axis: Axes, keepdims: bool = False) -> Any: ...
    def max(self, x: Any, /, *, axis: int, keepdims: bool = False) -> Any: ...
    def min(self, x: Any, /, *, axis: int, keepdims: bool = False) -> Any: ...
    def isfinite(self, x: Any, /) -> Any: ...
    def any(self, x: Any, /, *, axis: Axes) -> Any: ...
    def argmax(self, x: Any, /, *, axis: int) -> Any: ...
    def argmin(self, x: Any, /, *, axis: int) -> Any: ...
    def sort(self, x: Any, /, *, axis: int) -> Any: ...
    def argsort(self, x: Any, /, *, axis: int) -> Any: ...  # stable
    def searchsorted(self, x: Any, values: Any, /, *, right: bool = False) -> Any: ...  # along the last axis
    def cumulative_sum(self, x: Any, /, *, axis: int) -> Any: ...
    def isnan(self, x: Any, /) -> Any: ...
    def matmul(self, x: Any, y: Any, /) -> Any: ...
    def linear(self, x: Any, weight: Any, /) -> Any: ...  # x @ weightᵀ
    def take(self, x: Any, indices: Any, /, *, axis: int) -> Any: ...  # a vector of indices
    def take_along_axis(self, x: Any, indices: Any, /, *, axis: int) -> Any: ...
    def put_along_axis(self, x: Any, indices: Any, value: Any, /, *, axis: int) -> Any:
        """`x` with `value` at `indices` (one index where `x` has its `axis`)."""
        ...

    def without(self, table: Any, index: Any, /) -> Any:
        """`table` with −inf at one index of each row, for a softmax, whose slope there is 0; the table may be lost."""
        ...

    def expand_dims(self, x: Any, /, *, axis: int) -> Any: ...
    def squeeze(self, x: Any, /, *, axis: int) -> Any: ...
    def reshape(self, x: Any, shape: Sequence[int], /) -> Any: ...
    def concat(self, arrays: Sequence[Any], /, *, axis: int) -> Any: ...
    def split(self, x: Any, count: int, /, *, axis: int) -> tuple[Any, Any]: ...  # the first `count`, and the others
    def stack(self, arrays: Sequence[Any], /, *, axis: int) -> Any: ...
    def moveaxis(self, x: Any, source: int, destination: int, /) -> Any: ...
    def ones_like(self, x: Any, /) -> Any: ...
    def zeros_like(self, x: Any, /) -> Any: ...
    def broadcast_to(self, x: Any, shape: Sequence[int], /) -> Any: ...

    # ---- the standard's, with one sub-gradient everywhere: 0 at the kink ----
    def abs(self, x: Any, /) -> Any: ...
    def sign(self, x: Any, /) -> Any: ...
    def relu(self, x: Any, /) -> Any: ...
    def clip(self, x: Any, low: float, high: float, /) -> Any: ...
    def hypot(self, x: Any, y: float, /) -> Any: ...
    def sqrt(self, x: Any, /) -> Any: ...
    def norm(
        self, x: Any, /, *, axis: int, keepdims: bool = False
    ) -> Any: ...  # of any size: scaled before it is squared
    def unit(self, x: Any, /, *, axis: int) -> Any: ...  # x / norm; the zero vector stays, with gradient 0

    # ---- the standard's, with the accuracy that losses need ----
    def mean(self, x: Any, /, *, axis: Axes) -> Any: ...  # divides before it can overflow

    # ---- what losses need and the standard lacks ----
    def softplus(self, x: Any, /) -> Any: ...
    def sigmoid(self, x: Any, /) -> Any: ...
    def abs_with_slope(self, x: Any, /) -> Any: ...  # |x| with slope −1 at 0: what is even keeps its second slope there
    def step(self, x: Any, /) -> Any: ...  # 1 where x > 0, else 0; without a slope
    def signed(self, size: Any, x: Any, /) -> Any: ...  # the slope of a function of |x|, at 0 that of the left side
    def turns(self, answers: Any, /) -> Any: ...  # 1 − 2·answers if all are 0 or 1; None: not all, or looking is dear
    def quietly(self, function: Callable[..., Any], /, *args: Any) -> Any: ...  # where NumPy would warn of an overflow
    def stop_gradient(self, x: Any, /) -> Any: ...
    def once(self, x: Any, /) -> Any: ...  # x; torch refuses to differentiate its gradient (JAX cannot tell)
    def positions(self, x: Any, /, *, axis: int) -> Any: ...  # 0, 1, 2 … along `axis`, to compare indices with
    def half_exp_above_tangent(self, x: Any, /) -> tuple[Any, Callable[[], Any]]:
        """½ (e^x − 1 − x) and, when called, its slope ½ (e^x − 1): accurate at every x, and no ∞ before they are."""
        ...

    def log_odds(self, logits: Any, index: Any, /, *, axis: int) -> Any: ...  # log p / (1 − p) of one entry
    # −log p of one entry, plus `spread` times its lead over each
    def surprise(self, logits: Any, index: Any, /, *, axis: int, spread: float = 0.0) -> Any: ...
    def soft_surprise(self, logits: Any, shares: Any, careful: Callable[[Any, Any], Any], /, *, axis: int) -> Any:
        """−Σ shares · log p, by `careful(logits, shares)` where an item is too certain for a plain log-softmax."""
        ...

    def pointwise(
        self,
        formula: Callable[..., Any],
        x: Any,
        /,
        *others: Any,
        difference: bool = False,
        native: str | None = None,
        **options: Any,
    ) -> Any: ...
    def pointwise_mean(
        self,
        formula: Callable[..., Any],
        x: Any,
        /,
        *others: Any,
        difference: bool = False,
        native: str | None = None,
        count: int | None = None,
        **options: Any,
    ) -> Any: ...  # the sum of what `pointwise` gives, divided by `count`; None: by their number
    def select(self, keep: Any, x: Any, fill: float, /) -> Any: ...

    def class_overlap(
        self, logits: Any, index: Any, factor: Any, /, *, axis: int, per_example: bool, entropy: bool = False
    ) -> tuple[Any, Any, Any, Any]:
        """Of the softmax along `axis`: −log p of entry `index` (None unless asked for), and for each class the sums,
        weighed by `factor` (None: 1), of the shares of its own pixels, of its shares of other pixels, and of what
        its own pixels lack of 1: over all pixels, or over those of each example.
        """
        ...

    def logsumexp(self, x: Any, /, *, axis: int, keepdims: bool = False) -> Any: ...  # of −inf alone: −inf, gradient 0
    def softmax(self, x: Any, /, *, axis: int) -> Any: ...
    def distances(self, x: Any, y: Any, /, *, squared: bool = False) -> Any: ...  # (…, n, d), (…, m, d) → (…, n, m)
    def projections(self, steps: Any, x: Any, y: Any, /) -> Any: ...  # steps_i · (x_i − y_j): (…, n, m)
    def nearest(self, x: Any, y: Any, keep: Any, /, *, chunk_size: int | None) -> Any:
        """For each of `x` (…, n, d) the index of the nearest of `y` (…, m, d), m > 0, among those that `keep` (…, m)
        has (None: all); no gradient. The first of several (a k-d tree: any of them), or the first NaN.
        """
        ...

    def segment_sum(self, values: Any, segments: Any, count: int, /) -> Any: ...  # rows added up by segment
    def pad(self, x: Any, widths: Sequence[tuple[int, int]], /, *, mode: str) -> Any: ...  # "constant" (0), "reflect"
    def window_moments(
        self, means: Any, variances: Any, shares: Sequence[float], /, *, axis: int
    ) -> tuple[Any, Any]: ...  # mean and variance of each len(shares) neighbours together; variances None: they are 0

    # ---- over blocks, steps, and functions ----
    def by_rows(
        self,
        function: Callable[..., Any],
        rows: Sequence[Any],
        shared: Sequence[Any],
        /,
        *,
        chunk_size: int | None,
        axis: int = 0,
    ) -> Any: ...  # function(*rows, *shared) for blocks of rows, which the backward pass computes again
    def unrolls(self) -> bool: ...  # torch.compile: a loop over blocks is written out, each compiled anew
    def total_by_rows(
        self, function: Callable[..., Any], rows: Sequence[Any], shared: Sequence[Any], /, *, chunk_size: int | None
    ) -> Any: ...  # the sum of what `by_rows` gives, whose gradient may be taken on the way
    def either(
        self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any], /
    ) -> Any: ...  # where(condition, yes(), no()), of which only one is computed if that is known beforehand
    def iterate(self, step: Callable[[Any], Any], state: Any, times: int, /) -> Any: ...
    def gradient(
        self, function: Callable[[Any], Any], x: Any, /
    ) -> Any: ...  # of the sum of `function`; differentiable

    # ---- randomness: `key` is a torch.Generator, a JAX key or a numpy.random.Generator ----
    def normal(self, key: Any, shape: Sequence[int], like: Any, /) -> Any: ...
    def uniform(self, key: Any, shape: Sequence[int], like: Any, /) -> Any: ...

    # ---- dtypes and values ----
    def kind(self, x: Any, /) -> str: ...  # "float", "int", "bool" or "complex"
    def matched(self, *arrays: Any) -> bool: ...  # of one shape, and of one dtype that is computed in
    def numbers(self, like: Any, /, *values: Any) -> Sequence[Any]: ...  # Python numbers, ready for many operations
    def promote(self, *arrays: Any) -> tuple[Any, ...]: ...  # to one floating dtype of at least 32 bits
    def indices(self, labels: Any, /) -> Any: ...  # to a signed integer dtype that can index
    def astype(self, x: Any, like: Any, /) -> Any: ...  # to the dtype (and device) of `like`
    def asarray(self, values: Any, like: Any, /) -> Any: ...
    def visible(self, x: Any, /) -> bool: ...  # can its values be looked at without waiting for a device?
    def tracing(self, x: Any, /) -> bool: ...
    def extent(self, x: Any, /) -> tuple[float, float]: ...  # smallest and largest value
    def require(self, ok: Any, message: str, /) -> None: ...  # a real error from inside a traced program
