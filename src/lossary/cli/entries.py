"""Every loss the package has, by family, found by looking: a new loss needs no line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import lossary
from lossary.aliases import ALSO_KNOWN_AS
from lossary.cli.docstrings import LossDoc, read_docstring
from lossary.cli.errors import Refusal, did_you_mean

_WRITTEN = """
    MSE MAE KL JS TV ELBO L1 L2 R1 R2 EMD MMD IoU GIoU DIoU CIoU PSNR SSIM MS LPIPS SO3 SE3 GAN LSGAN WGAN GP
    NT NCE NCA InfoNCE CLIP SigLIP SupCon SimCLR VICReg BYOL ArcFace CosFace SphereFace
"""
_CAPITALS = {word.lower(): word for word in _WRITTEN.split()}


def class_name(name: str) -> str:
    """`nt_xent_loss` → `NTXentLoss`."""
    return "".join(_CAPITALS.get(word, word.capitalize()) for word in name.split("_"))


@dataclass(frozen=True)
class Entry:
    """One loss: its function, its family, and what its docstring says."""

    family: str
    function: Callable[..., object]
    doc: LossDoc
    also_known_as: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The function's name, `huber_loss`."""
        return self.function.__name__

    @property
    def class_name(self) -> str:
        """The name of its class in `lossary.torch` and `lossary.flax`, `HuberLoss`."""
        return class_name(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """All the names it answers to."""
        return (self.name, self.class_name, *self.also_known_as)


def families() -> tuple[str, ...]:
    """The names of the families, in the order of the documentation."""
    from lossary.losses import FAMILIES

    return tuple(FAMILIES)


def entries(family: str | None = None) -> list[Entry]:
    """All losses, or those of one family, in the order their modules list them."""
    known = families()
    if family is not None and family not in known:
        raise Refusal(f"no family is called {family!r}; there are {', '.join(known)}")
    return [entry for chosen in (known if family is None else (family,)) for entry in _of(chosen)]


def find(name: str) -> Entry:
    """The loss of that name: its function's, its class's, or another one it is known by."""
    every = entries()
    for entry in every:
        if name in entry.names:
            return entry
    if name in _others():
        raise Refusal(f"{name!r} is no loss; `python -c 'import lossary; help(lossary.{name})'` explains it")
    hint = did_you_mean(name, {known: entry.name for entry in every for known in entry.names})
    raise Refusal(f"no loss is called {name!r}{hint or '; `lossary list` names them all'}")


def _others() -> list[str]:
    """What the package offers beside losses."""
    return [name for name in lossary.__all__ if callable(getattr(lossary, name))]


def _of(family: str) -> Iterator[Entry]:
    module = import_module(f"lossary.losses.{family}")
    for name in module.__all__:
        function = getattr(module, name)
        if inspect.isfunction(function):
            yield Entry(family, function, read_docstring(function), _aliases(function))


def _aliases(function: Callable[..., object]) -> tuple[str, ...]:
    """The other names of a loss."""
    return tuple(name for name, loss in ALSO_KNOWN_AS.items() if loss is function)
