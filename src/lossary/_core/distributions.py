"""Distribution objects of the frameworks' own libraries, told by the module of their type; nothing is imported."""

from __future__ import annotations

from typing import Any

Distribution = Any  # torch.distributions.Distribution, or distrax's, or TensorFlow Probability's on JAX


def is_distribution(thing: object) -> bool:
    return _of_torch(thing) or (not hasattr(thing, "dtype") and hasattr(thing, "kl_divergence")) or _of_tfp(thing)


def no_distributions(loss: str, hint: str, /, **things: object) -> None:
    """Distributions are refused, with a reason."""
    for name, thing in things.items():
        if is_distribution(thing):
            raise TypeError(f"{loss}: expected {name} to be an array; got {name} {type(thing).__name__}{hint}")


def closed_form(loss: str, p: Any, q: Any, /, **named: Any) -> Any:
    """KL(p ‖ q) of two distributions, an array with one number for each of a batch; `named` is the pair by name."""
    pair = ", ".join(f"{name} {type(thing).__name__}" for name, thing in named.items())
    if not (is_distribution(p) and is_distribution(q)):
        raise TypeError(f"{loss}: expected two arrays or two distributions; got {pair}")
    if _of_torch(p) is not _of_torch(q):
        raise TypeError(f"{loss}: expected distributions of one framework; got {pair}")
    try:
        if _of_torch(p):
            from torch.distributions import kl_divergence

            return kl_divergence(p, q)
        return p.kl_divergence(q)
    except NotImplementedError as error:
        raise TypeError(f"{loss}: expected two distributions whose divergence has a closed form; got {pair}") from error


def _of_torch(thing: object) -> bool:
    return any(base.__module__.startswith("torch.distributions") for base in type(thing).__mro__)


def _of_tfp(thing: object) -> bool:
    # TensorFlow Probability's distributions have a dtype, as arrays do.
    return any(base.__module__.startswith(("tensorflow_probability", "distrax")) for base in type(thing).__mro__)
