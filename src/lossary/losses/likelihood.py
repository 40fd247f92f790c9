"""Likelihoods of data under a model, and the divergence and the bound that variational autoencoders train with."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import log, pi
from operator import sub
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .._core.backends import namespace
from .._core.check import axis_of, described, floating, in_range, present, real, same_shape
from .._core.elementwise import MEANS, pointwise_reduced
from .._core.options import known_reduction, non_negative, one_of, plain, true_or_false, whole, whole_or_none
from .._core.reduce import Counted, counted, reduce
from .._core.result import LossResult, Term
from .._core.types import A, Axis, Bool, Float, Reduction
from .classification.categorical import Indexed, labelled, surprise
from .classification.curves import cross_entropy
from .regression import absolute_error

if TYPE_CHECKING:
    from .._core.backends.protocol import Namespace

__all__ = ["log_likelihood", "gaussian_kl_divergence", "kl_divergence_diag_gaussian", "elbo_loss"]


class LikelihoodType(Enum):
    """The distribution of the data around the model's output. Names are accepted wherever the enum is, in any case."""

    GAUSSIAN = "gaussian"
    BERNOULLI = "bernoulli"
    LAPLACE = "laplace"
    CATEGORICAL = "categorical"


_KINDS = {kind.value: kind for kind in LikelihoodType}


def log_likelihood(
    x: Float[A, "*shape"],
    x_hat: Float[A, "*shape"],
    logvar: Float[A, "*shape"] | None = None,
    *,
    likelihood: str | LikelihoodType = "gaussian",
    full: bool = False,
    channel_axis: int | None = None,
) -> A:
    """How probable each value of the data is under the model's output, in nats. The data comes first.

        gaussian     −½ (logvar + (x − x_hat)² e^−logvar)   [− ½ log 2π if full];  logvar = 0 unless given
        bernoulli    x log p + (1 − x) log(1 − p),  p = sigmoid(x_hat)
        laplace      −|x − x_hat|                           [− log 2 if full]
        categorical  log p_x,  p = softmax(x_hat) along `channel_axis`

    Args:
        x: the data. bernoulli: in [0, 1]; categorical: class indices, of the shape of `x_hat` without its class axis.
        x_hat: the model's output: the location (gaussian, laplace), or logits (bernoulli, categorical).
        logvar: gaussian only: the logarithm of the variance, where the model predicts it.
        likelihood: a `LikelihoodType` or its name, in any case.
        full: keep the constant that does not depend on the model.
        channel_axis: categorical only: the class axis of `x_hat`; 1 for torch, −1 for JAX and NumPy.

    Returns:
        One number per value of `x`, in nats: in (−∞, 0] for bernoulli and categorical, a log-density for the others.
        Largest at x_hat = x (bernoulli: where p = x). Gradient towards x_hat: the error x − x_hat, or x − p.

    Raises:
        ValueError: shapes differ, an unknown likelihood, data outside the domain of its likelihood, logvar with any
            other than gaussian.
        TypeError: an x_hat that is not floating point, or arrays of two frameworks.

    Source:
        Kingma and Welling 2014, "Auto-encoding variational Bayes", arXiv:1312.6114, appendix C.

    Example:
        >>> log_likelihood(np.array([3.0]), np.array([1.0])).item()
        -2.0
        >>> log_likelihood(np.array([1.0]), np.array([0.0]), likelihood="bernoulli").round(4).item()
        -0.6931
    """
    name = "log_likelihood"
    kind = _likelihood(name, likelihood)
    true_or_false(name, full=full)
    whole_or_none(name, channel_axis=channel_axis)
    data = _data(name, kind, x, x_hat, logvar, full, channel_axis, ("x", "x_hat"), None)
    return -data.losses()


class _Data(NamedTuple):
    """Data and a model's output, checked. −log p of each value is `formula` of `arrays`, or that of labels."""

    xp: Namespace
    formula: Any  # None: of labels
    arrays: tuple[Any, ...]
    options: dict[str, Any]
    counted: Counted | None
    labels: Indexed | None = None

    def losses(self) -> Any:
        """−log p of each value, 0 where it does not count."""
        if self.labels is not None:
            losses = surprise(self.xp, self.labels)
        else:
            losses = self.xp.pointwise(self.formula, *self.arrays, **self.options)
        return losses if self.counted is None else losses * self.counted.factor

    def total(self, loss: str, samples: int, items: Counted | None, **how: Any) -> Any:
        """Their sums within the examples, averaged over `samples`, reduced."""
        if self.labels is None and items is None and self.counted is None and samples == 1:
            return _over_batch(loss, self.xp, self.formula, self.arrays, None, **how, **self.options)
        return reduce(loss, self.xp, _per_example(self.xp, self.losses()) / samples, items, **how)


def _data(
    loss: str,
    kind: LikelihoodType,
    x: Any,
    x_hat: Any,
    logvar: Any,
    full: bool,
    channel_axis: int | None,
    names: tuple[str, str],
    mask: Any,
) -> _Data:
    if logvar is not None and kind is not LikelihoodType.GAUSSIAN:
        raise ValueError(f"{loss}: expected logvar only with likelihood 'gaussian'; got likelihood {kind.value!r}")
    if kind is LikelihoodType.CATEGORICAL:
        told = f"{loss} (categorical: {names[0]} are the labels, {names[1]} the logits)"
        found = labelled(told, x_hat, x, None, None, None, channel_axis, mask, None, "none")
        return _Data(found.xp, None, (), {}, found.counted, found)
    arrays = {names[0]: x, names[1]: x_hat, **present(logvar=logvar)}
    xp = namespace(loss, **arrays, **present(mask=mask))
    given = (x_hat, x) if logvar is None else (x_hat, x, logvar)
    if not xp.matched(*given):
        same_shape(loss, **arrays)
        floating(loss, xp, **{names[1]: x_hat, "logvar": logvar})
        real(loss, xp, **{names[0]: x})
        given = xp.promote(*given)
    items = counted(loss, xp, given[0].shape, None, mask, given[0])
    if items is not None:
        given = tuple(xp.select(items.keep, array, 0.0) for array in given)
    if kind is LikelihoodType.BERNOULLI:
        x = in_range(loss, xp, names[0], given[1], 0.0, 1.0, note=", as likelihood 'bernoulli' requires")
        return _Data(xp, cross_entropy, (given[0], x), {}, items)
    if kind is LikelihoodType.LAPLACE:
        return _Data(xp, _laplace, given, {"difference": True, "constant": log(2) if full else 0.0}, items)
    constant = 0.5 * log(2 * pi) if full else 0.0
    if logvar is None:
        return _Data(xp, _gaussian, given, {"difference": True, "constant": constant}, items)
    return _Data(xp, _gaussian_of_any_variance, given, {"constant": constant}, items)


def _laplace(xp: Namespace, x_hat: Any, x: Any, constant: float) -> Any:
    size, slope = absolute_error(xp, x_hat, x)
    return size + constant if constant else size, slope


def _gaussian(xp: Namespace, x_hat: Any, x: Any, constant: float) -> Any:
    shift = x_hat - x
    half_square = 0.5 * shift * shift
    return half_square + constant if constant else half_square, lambda: shift


def _gaussian_of_any_variance(xp: Namespace, x_hat: Any, x: Any, logvar: Any, constant: float) -> Any:
    shift = x_hat - x
    half, less, constant = xp.numbers(shift, 0.5, -0.5, constant)
    narrowing = less * logvar
    # Scaled before it is squared: at logvar = −100 the precision alone overflows.
    narrow = xp.exp(narrowing)
    scaled = shift * narrow
    half_square = half * scaled * scaled
    return (half_square - narrowing) + constant, (
        lambda: scaled * narrow,
        lambda: -scaled * narrow,
        lambda: half - half_square,
    )


def _likelihood(loss: str, likelihood: str | LikelihoodType) -> LikelihoodType:
    kind = _KINDS.get(str(getattr(likelihood, "value", likelihood)).lower())
    if kind is not None:
        return kind
    known = ", ".join(repr(kind.value) for kind in LikelihoodType)
    raise ValueError(f"{loss}: expected likelihood to be one of {known}; got {likelihood!r}")


def gaussian_kl_divergence(
    mean: Float[A, "batch *latent"],
    logvar: Float[A, "batch *latent"],
    weights: Float[A, "batch"] | None = None,
    *,
    axis: Axis = None,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far a diagonal Gaussian is from the standard normal, in nats: the regulariser of a variational autoencoder.

        KL(N(mean, e^logvar) ‖ N(0, 1)) = ½ Σ (mean² + e^logvar − 1 − logvar),  summed over all but the batch axis

    One-dimensional inputs hold one latent variable per example.

    Args:
        mean: latent means, examples along axis 0.
        logvar: logarithms of the latent variances, of the shape of `mean`.
        weights: one factor per example; 0 drops the example.
        axis: 0 or None, which are the same here: what remains after the sum is one number per example.
        mask: one boolean per example; True counts.
        normalizer: > 0, replaces the denominator of the mean.
        reduction: "mean" and "batch_sum" (the sum within an example, averaged over the batch), "sum", or "none" (one
            per example).

    Returns:
        In [0, ∞), in nats; 0 only at mean = 0, logvar = 0, and accurate right next to it. Gradient: mean, and ½
        (e^logvar − 1).

    Raises:
        ValueError: shapes differ, or an unknown reduction.
        TypeError: an array that is not of a floating dtype, or arrays of two frameworks.

    Source:
        Kingma and Welling 2014, "Auto-encoding variational Bayes", arXiv:1312.6114, eq. 10 and appendix B.

    Example:
        >>> gaussian_kl_divergence(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])).item()
        2.5
    """
    name = "gaussian_kl_divergence"
    known_reduction(name, reduction, axis, normalizer)
    xp = namespace(name, mean=mean, logvar=logvar, weights=weights, mask=mask)
    if not xp.matched(mean, logvar):
        floating(name, xp, mean=mean, logvar=logvar)
        same_shape(name, mean=mean, logvar=logvar)
        mean, logvar = xp.promote(mean, logvar)
    _batched(name, mean=mean)
    items = counted(name, xp, mean.shape[:1], weights, mask, mean)
    arrays = _selected(xp, items, mean, logvar)
    return _over_batch(name, xp, _divergence, arrays, items, axis=axis, normalizer=normalizer, reduction=reduction)


def kl_divergence_diag_gaussian(
    mu_q: Float[A, "*batch latent"],
    log_var_q: Float[A, "*batch latent"],
    mu_p: Float[A, "*batch latent"] | None = None,
    log_var_p: Float[A, "*batch latent"] | None = None,
    *,
    reduce_sum: bool = True,
    axis: int = -1,
) -> A:
    """How far one diagonal Gaussian is from another, in nats.

        KL(q ‖ p) = ½ Σ [(μ_q − μ_p)² e^−l_p + (e^r − 1 − r)],  r = l_q − l_p, l the logarithms of the variances

    Args:
        mu_q: means of q, any shape with the latent variables along `axis`.
        log_var_q: logarithms of the variances of q, of the shape of `mu_q`.
        mu_p: means of p; 0 unless given.
        log_var_p: logarithms of the variances of p; 0 unless given.
        reduce_sum: sum over `axis`; False keeps one number per latent variable.
        axis: the axis of the latent variables.

    Returns:
        In [0, ∞), in nats; 0 only at q = p, which it is exactly, at any variance. Gradient: finite wherever the
        value is.

    Raises:
        ValueError: shapes differ.
        TypeError: an array that is not of a floating dtype, or arrays of two frameworks.

    Source:
        Kingma and Welling 2014, arXiv:1312.6114, appendix B, generalised to any prior.

    Example:
        >>> q = np.array([[0.0, 3.0]]), np.array([[0.0, 0.0]])
        >>> kl_divergence_diag_gaussian(*q).item(), kl_divergence_diag_gaussian(*q, *q).item()
        (4.5, 0.0)
    """
    name = "kl_divergence_diag_gaussian"
    true_or_false(name, reduce_sum=reduce_sum)
    whole(name, axis=axis)
    arrays = {"mu_q": mu_q, "log_var_q": log_var_q, **present(mu_p=mu_p, log_var_p=log_var_p)}
    xp = namespace(name, **arrays)
    given: Any = tuple(arrays.values())
    if not xp.matched(*given):
        floating(name, xp, **arrays)
        same_shape(name, **arrays)
        given = xp.promote(*given)
    over = axis_of(name, "axis", axis, "mu_q", mu_q) if reduce_sum else None
    mu_q, log_var_q, *prior = given
    shift = mu_q if mu_p is None else xp.quietly(sub, mu_q, prior.pop(0))
    terms = xp.pointwise(_divergence, shift, log_var_q, *prior)
    return xp.sum(terms, axis=over) if reduce_sum else terms


def _divergence(xp: Namespace, shift: Any, log_var_q: Any, log_var_p: Any = None) -> Any:
    """½ [shift² / σ_p² + (e^r − 1 − r)]; the variances meet as logarithms, which do not overflow."""
    half, less, one = xp.numbers(shift, 0.5, -0.5, 1.0)
    if log_var_p is None:
        spread, rise = xp.half_exp_above_tangent(log_var_q)
        return half * shift * shift + spread, (lambda: one * shift, rise)  # a new array, as autograd wants it
    spread, rise = xp.half_exp_above_tangent(log_var_q - log_var_p)
    narrow = xp.exp(less * log_var_p)
    scaled = shift * narrow
    half_square = half * scaled * scaled
    return half_square + spread, (lambda: scaled * narrow, rise, lambda: -half_square - rise())


def _over_batch(
    loss: str,
    xp: Namespace,
    formula: Callable[..., Any],
    arrays: tuple[Any, ...],
    items: Counted | None,
    *,
    axis: Axis = None,
    normalizer: Any,
    reduction: Reduction,
    **options: Any,
) -> Any:
    """The sums of `formula` within the examples, reduced."""
    if items is None and axis is None and normalizer is None and reduction in MEANS:
        return pointwise_reduced(loss, xp, formula, arrays, None, None, None, "batch_sum", **options)
    terms = _per_example(xp, xp.pointwise(formula, *arrays, **options))
    return reduce(loss, xp, terms, items, axis=axis, normalizer=normalizer, reduction=reduction)


def elbo_loss(
    reconstruction: Float[A, "batch *shape"],
    targets: Float[A, "batch *data"],
    mean: Float[A, "batch *latent"],
    logvar: Float[A, "batch *latent"],
    weights: Float[A, "batch"] | None = None,
    *,
    likelihood: str | LikelihoodType,
    beta: float = 1.0,
    free_bits: float = 0.0,
    free_bits_over: Literal["batch", "sample"] = "batch",
    sample_axis: int | None = None,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> LossResult:
    """The negative evidence lower bound of a variational autoencoder, in nats per example.

        −Σ log p(targets | reconstruction) + beta · KL(N(mean, e^logvar) ‖ N(0, 1))

    Both are *sums* within an example and averages over the batch, so `beta` means what it means in the papers at any
    image size. A loss that averages
    over D pixels and sums the divergence has beta · D in our sense; one that has the squared error without its ½ has
    beta / 2.

    Args:
        reconstruction: the decoder's output, as `log_likelihood` takes it: a location, or logits.
        targets: the data, of the shape of `reconstruction` (without its sample axis, if any).
        mean: latent means, examples along axis 0.
        logvar: logarithms of the latent variances, of the shape of `mean`.
        weights: one factor per example; 0 drops the example.
        likelihood: "gaussian" (unit variance), "bernoulli" (logits), "laplace", "categorical", or a `LikelihoodType`.
        beta: ≥ 0; 1 is the bound itself, larger trades reconstruction for a simpler code (β-VAE).
        free_bits: ≥ 0, nats per latent variable below which the divergence is not pushed further.
        free_bits_over: "batch" applies it to the batch mean of each variable (the paper), "sample" to each example's.
        sample_axis: the axis of `reconstruction` with Monte-Carlo samples of the code, which are averaged over;
            None: there is none.
        channel_axis: for likelihood "categorical", the class axis of `reconstruction`.
        mask: True counts; of the shape of `targets` or a leading part of it. Values that do not count leave the
            likelihood.
        normalizer: > 0, replaces the number of examples.
        reduction: "mean" (over the batch; "batch_sum" is the same), "sum", or "none" (one objective per example).

    Returns:
        A `LossResult`: `objective` in nats, in [0, ∞) for bernoulli and categorical; terms "log_likelihood",
        "kl_divergence" (neither multiplied
        by beta nor held up by free bits) and, reported only, "elbo" = log_likelihood − kl_divergence. Gradient: that
        of both terms.

    Raises:
        ValueError: shapes that do not fit, an unknown likelihood, an option out of its range, targets outside their
            likelihood's domain.
        TypeError: an array that is not of a floating dtype, or arrays of two frameworks.

    Source:
        Kingma and Welling 2014, arXiv:1312.6114, eq. 10; beta: Higgins et al. 2017 (β-VAE), eq. 4; free bits: Kingma
        et al. 2016, arXiv:1606.04934, eq. 15.

    Example:
        >>> zeros = np.zeros((1, 2))
        >>> result = elbo_loss(np.array([[1.0, 2.0]]), zeros, zeros, zeros, likelihood="gaussian")
        >>> result.objective.item(), result["log_likelihood"].item(), result["kl_divergence"].item()
        (2.5, -2.5, 0.0)
    """
    name = "elbo_loss"
    kind = _likelihood(name, likelihood)
    plain(name, free_bits=free_bits)
    whole_or_none(name, sample_axis=sample_axis, channel_axis=channel_axis)
    beta, free_bits = non_negative(name, beta=beta, free_bits=free_bits)
    known_reduction(name, reduction, None, normalizer)
    by_batch = _free_bits_by_batch(name, free_bits, free_bits_over, reduction)
    xp = namespace(
        name, reconstruction=reconstruction, targets=targets, mean=mean, logvar=logvar, weights=weights, mask=mask
    )
    if not xp.matched(mean, logvar):
        same_shape(name, mean=mean, logvar=logvar)
        floating(name, xp, mean=mean, logvar=logvar)
    _batched(name, targets=targets, mean=mean)
    if targets.shape[0] != mean.shape[0]:
        raise ValueError(f"{name}: expected one batch; got {described(targets=targets, mean=mean)}")
    mean, logvar = xp.promote(mean, logvar)
    items = counted(name, xp, mean.shape[:1], weights, None, mean)
    if items is not None:  # an example that does not count is kept out of the likelihood as well
        keep = xp.broadcast_to(_for_rank(xp, items, targets).keep, targets.shape)
        left = counted(name, xp, targets.shape, None, mask, mean, dropped=~keep)
        mask = None if left is None else xp.broadcast_to(left.keep, targets.shape)
    samples, data = _sampled(name, kind, reconstruction, targets, sample_axis, channel_axis, mask)
    how: dict[str, Any] = {"normalizer": normalizer, "reduction": reduction}
    surprised = data.total(name, samples, items, **how)
    latent = _selected(xp, items, mean, logvar)
    kl = _over_batch(name, xp, _divergence, latent, items, **how)
    held = kl
    if free_bits and by_batch and mean.shape[0] > 0:
        divergence = xp.pointwise(_divergence, *latent)
        each = reduce(name, xp, divergence, items and _for_rank(xp, items, divergence), axis=0)
        held = xp.sum(xp.maximum(each, free_bits), axis=None)
        if items is not None:
            held = xp.where(xp.any(items.keep, axis=None), held, 0.0)
    elif free_bits:
        each = _per_example(xp, xp.maximum(xp.pointwise(_divergence, *latent), free_bits))
        held = reduce(name, xp, each, items, **how)
    (factor,) = xp.numbers(kl, beta)
    weighted = factor * held
    ll = -surprised
    elbo = xp.stop_gradient(ll - kl)
    terms = {
        "log_likelihood": Term(ll, -1.0, surprised),
        "kl_divergence": Term(kl, beta, weighted),
        "elbo": Term(elbo, 0.0, xp.zeros_like(elbo)),
    }
    return LossResult(weighted + surprised, terms)


def _sampled(
    loss: str,
    kind: LikelihoodType,
    reconstruction: Any,
    targets: Any,
    sample_axis: int | None,
    channel_axis: int | None,
    mask: Any,
) -> tuple[int, _Data]:
    """The number of samples, and the data beside each."""
    samples = 1
    if sample_axis is not None:
        sample_axis = axis_of(loss, "sample_axis", sample_axis, "reconstruction", reconstruction)
        if sample_axis == 0:
            raise ValueError(f"{loss}: expected sample_axis behind the batch axis 0; got sample_axis 0")
        samples = reconstruction.shape[sample_axis]
        xp = namespace(loss, targets=targets)
        targets = _repeated(xp, targets, sample_axis, samples)
        if mask is not None and len(mask.shape) >= sample_axis:
            mask = _repeated(xp, mask, sample_axis, samples)
    names = "targets", "reconstruction"
    return samples, _data(loss, kind, targets, reconstruction, None, False, channel_axis, names, mask)


def _repeated(xp: Namespace, array: Any, axis: int, times: int) -> Any:
    shape = tuple(array.shape)
    return xp.broadcast_to(xp.expand_dims(array, axis=axis), (*shape[:axis], times, *shape[axis:]))


def _free_bits_by_batch(loss: str, free_bits: float, over: str, reduction: Reduction) -> bool:
    one_of(loss, "free_bits_over", over, ("batch", "sample"))
    if free_bits and over == "batch" and reduction not in ("mean", "batch_sum"):
        got = f"got free_bits_over 'batch', a mean over the batch, with reduction {reduction!r}"
        raise ValueError(f"{loss}: expected free_bits_over 'sample' unless reduction is 'mean' or 'batch_sum'; {got}")
    return over == "batch"


def _batched(loss: str, **arrays: Any) -> None:
    for name, array in arrays.items():
        if len(array.shape) == 0:
            raise ValueError(f"{loss}: expected {name} with a batch axis; got {described(**{name: array})}")


def _per_example(xp: Namespace, terms: Any) -> Any:
    return terms if len(terms.shape) == 1 else xp.sum(terms, axis=tuple(range(1, len(terms.shape))))


def _for_rank(xp: Namespace, items: Counted, like: Any) -> Counted:
    """Per-example counts laid along axis 0 of `like`."""
    shape = (items.keep.shape[0],) + (1,) * (len(like.shape) - 1)
    return Counted(xp.reshape(items.keep, shape), xp.reshape(items.factor, shape))


def _selected(xp: Namespace, items: Counted | None, *arrays: Any) -> tuple[Any, ...]:
    """The arrays with the examples that do not count replaced by 0."""
    if items is None:
        return arrays
    return tuple(xp.select(_for_rank(xp, items, array).keep, array, 0.0) for array in arrays)
