"""What a loss of several terms returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .backends import namespace


class Term(NamedTuple):
    """One term of an objective."""

    raw: Any  # the term itself, not weighted
    weight: Any  # what it was multiplied by; 0 where it is only reported
    contribution: Any  # what it added to the objective

    @property
    def finite(self) -> Any:
        """Is the raw value finite? An array, so that asking costs no host sync."""
        return namespace("Term", raw=self.raw).isfinite(self.raw)


class LossResult:
    """An objective to minimise, and the named terms it was made of.

    Unpacks as `total, components = result` (components: name → raw value), indexes by name, and is a pytree in JAX
    and in torch.

    Example:
        >>> result = LossResult(np.array(3.0), {"kl": Term(np.array(1.5), 2.0, np.array(3.0))})
        >>> total, components = result
        >>> float(total), float(components["kl"]), float(result["kl"]), result.diagnostics
        (3.0, 1.5, 1.5, {'objective': 3.0, 'kl': 1.5})
    """

    def __init__(self, objective: Any, terms: dict[str, Term]) -> None:
        self.objective = objective
        self.terms = terms

    @property
    def components(self) -> dict[str, Any]:
        """The raw value of each term, as arrays."""
        return {name: term.raw for name, term in self.terms.items()}

    @property
    def diagnostics(self) -> dict[str, float]:
        """Objective and raw terms as Python floats, detached. Waits for the device, so call it when you log, not
        every step.
        """
        return {
            name: float(_detached(value)) for name, value in {"objective": self.objective, **self.components}.items()
        }

    def __iter__(self) -> Iterator[Any]:
        return iter((self.objective, self.components))

    def __getitem__(self, name: str) -> Any:
        if name not in self.terms:
            raise KeyError(f"LossResult: expected one of {', '.join(map(repr, self.terms))}; got {name!r}")
        return self.terms[name].raw

    def __repr__(self) -> str:
        return f"LossResult(objective={self.objective!r}, terms={self.terms!r})"


def _detached(value: Any) -> Any:
    return value.detach() if hasattr(value, "detach") else value


def flatten(result: LossResult) -> tuple[list[Any], list[str]]:
    """For the pytree registries of the frameworks; the names stay outside, since JAX would sort a dictionary."""
    return [result.objective, *result.terms.values()], list(result.terms)


def unflatten(names: Any, children: Any) -> LossResult:
    objective, *terms = children
    return LossResult(objective, dict(zip(names, terms, strict=True)))
