"""A variational autoencoder: the evidence lower bound and its parts, with Bernoulli likelihood and two weights β."""

# matplotlib's own annotations are partial:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from lossary import elbo_loss
from lossary._core.backends import namespace
from lossary.plot import style

from .data import Digits, batches, digits
from .experiment import Budget, Experiment, Job, Training, carry_out
from .pictures import agreement_sentence, curves, curves_caption, followed
from .section import Picture, Section
from .summary import Metric, agreement_tables, fixed, frameworks_of, numbers, plus_minus, score_table, scores
from .training import Array, Networks, Objective, dense

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FULL", "QUICK", "notice", "run"]

QUICK = Budget(epochs=4)
FULL = Budget(epochs=40)

LATENT = 16
BETAS = (1.0, 4.0)
PER_ROW = 12
METRICS = {
    "elbo": Metric("ELBO"),
    "log_likelihood": Metric("log-likelihood"),
    "kl_divergence": Metric("KL divergence"),
}


@dataclass(frozen=True)
class Strokes:
    """Black-and-white digits, and the noise that all evaluations share."""

    images: Array
    test_images: Array
    test_noise: Array
    seeds: Array
    """Points of the latent space from which samples are drawn."""


@dataclass(frozen=True)
class Drawn:
    """A few test images, their reconstructions and samples: probabilities of white."""

    originals: Array
    reconstructions: Array
    samples: Array


def decode(networks: Networks, images: Any, noise: Any) -> tuple[Any, Any, Any]:
    """Logits of the reconstruction, and mean and log-variance of the latent code; written once for all frameworks."""
    code = networks["encoder"](images)
    mean, logvar = code[:, :LATENT], code[:, LATENT:]
    xp = namespace("decode", logvar=logvar)
    return networks["decoder"](mean + xp.exp(0.5 * logvar) * noise), mean, logvar


def _bound(networks: Networks, images: Any, noise: Any, *, beta: float = 1.0) -> Any:
    reconstruction, mean, logvar = decode(networks, images, noise)
    return elbo_loss(reconstruction, images, mean, logvar, likelihood="bernoulli", beta=beta)


def _objective(beta: float) -> Objective:
    def objective(networks: Networks, images: Any, noise: Any) -> Any:
        return _bound(networks, images, noise, beta=beta).objective

    return objective


def _draw(rng: np.random.Generator) -> Strokes:
    data: Digits = digits(rng)
    noise = partial(_noise, rng)
    return Strokes(_binary(data.images), _binary(data.test_images), noise(len(data.test_images)), noise(2 * PER_ROW))


def _binary(images: Array) -> Array:
    """Black or white, so that the Bernoulli likelihood is a probability and the ELBO a bound on its logarithm."""
    return (images > 0.5).astype(np.float32)


def _noise(rng: np.random.Generator, items: int) -> Array:
    return rng.standard_normal((items, LATENT), np.float32)


def _batches(data: Strokes, rng: np.random.Generator) -> Iterable[tuple[Array, ...]]:
    return ((images, _noise(rng, len(images))) for (images,) in batches(rng, 100, data.images))


def _score(networks: Networks, data: Strokes) -> Mapping[str, float]:
    return _bound(networks, data.test_images, data.test_noise).diagnostics


def _show(networks: Networks, data: Strokes) -> Drawn:
    step = len(data.test_images) // PER_ROW  # the test images are in order of their class
    originals = data.test_images[::step][:PER_ROW]
    logits, _, _ = decode(networks, originals, np.zeros((PER_ROW, LATENT), np.float32))
    return Drawn(originals, expit(logits), expit(networks["decoder"](data.seeds)))


def _named(beta: float) -> str:
    return f"β = {beta:g}"


EXPERIMENT = Experiment(
    title="variational autoencoder",
    networks={"encoder": dense(784, 256, 2 * LATENT), "decoder": dense(LATENT, 256, 784)},
    objectives={_named(beta): _objective(beta) for beta in BETAS},
    learning_rate=1e-3,
    draw=_draw,
    batches=_batches,
    score=_score,
    show=_show,
    follow=True,
)


def run(job: Job) -> Section:
    """Train with every β and report the ELBO and its parts on test images."""
    trainings = carry_out(EXPERIMENT, job)
    return Section(
        name="vae",
        title="Variational autoencoder",
        done=(
            f"An encoder squeezes black-and-white MNIST digits into {LATENT} numbers and a decoder draws them again. "
            "What is minimised is −log-likelihood + β · KL divergence, by elbo_loss with Bernoulli likelihood; the "
            "table gives the parts on 1000 test images after the last epoch. The ELBO there is log-likelihood − KL "
            "divergence, whatever β was in training: a lower bound on the log-probability of an image."
        ),
        tables=[score_table("Test images, nats per image", trainings, METRICS), *agreement_tables(trainings)],
        pictures=_pictures(job, trainings),
        notice=[*notice(trainings), *agreement_sentence(trainings)],
        numbers=numbers(trainings),
    )


def _pictures(job: Job, trainings: Sequence[Training]) -> list[Picture]:
    framework = frameworks_of(trainings)[0]
    mine = [training for training in trainings if training.framework == framework and training.repeat == 0]
    return [
        Picture(
            style.save(_digit_picture(mine), job.out / "vae-digits.png"),
            f"Test images, their reconstructions, and samples decoded from random codes ({framework}).",
        ),
        Picture(
            style.save(
                followed(mine, METRICS, panel=(3.6, 3.2), unit="nats per image"), job.out / "vae-diagnostics.png"
            ),
            f"The ELBO and its parts on test images, epoch by epoch, in nats per image ({framework}).",
        ),
        Picture(style.save(curves(trainings, "nats per image"), job.out / "vae-curves.png"), curves_caption(trainings)),
    ]


def _digit_picture(trainings: Sequence[Training]) -> Figure:
    parts = [("test images", trainings[0].shown[-1].originals)]
    parts += [(f"reconstructed,\n{t.setting}", t.shown[-1].reconstructions) for t in trainings]
    parts += [(f"sampled,\n{t.setting}", t.shown[-1].samples) for t in trainings]
    heights = [len(images) // PER_ROW for _, images in parts]
    fig, axes = style.figure(len(parts), 1, panel=(9.0, 1.05), height_ratios=heights)
    for ax, (title, images) in zip(axes, parts, strict=True):
        style.image(ax, _mosaic(images))
        ax.text(-0.01, 0.5, title, transform=ax.transAxes, ha="right", va="center")
    return fig


def _mosaic(images: Array) -> Array:
    """Images side by side, `PER_ROW` in a row, with grey seams."""
    framed = np.pad(images.reshape(-1, PER_ROW, 28, 28), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=0.5)
    return framed.transpose(0, 2, 1, 3).reshape(-1, PER_ROW * 30)


def notice(trainings: Sequence[Training]) -> list[str]:
    """What this run's numbers show, in sentences."""
    framework = frameworks_of(trainings)[0]
    low, high = (_named(beta) for beta in (min(BETAS), max(BETAS)))
    part = {key: {name: scores(trainings, framework, name, key) for name in (low, high)} for key in METRICS}

    def change(key: str) -> str:
        before, after = (plus_minus(part[key][name], METRICS[key]) for name in (low, high))
        return f"{METRICS[key].title} from {before} to {after}"

    followed = next(t for t in trainings if (t.framework, t.setting) == (framework, low))
    bounds = [score["elbo"] for score in followed.scores]
    best = int(np.argmax(bounds))
    return [
        f"With {low} the test ELBO goes from {fixed(bounds[0])} after the first epoch to {fixed(bounds[-1])} nats per "
        f"image after the last; it was best, {fixed(bounds[best])}, after epoch {best + 1} of {len(bounds)}.",
        f"Going from {low} to {high} takes the {change('kl_divergence')}, the {change('log_likelihood')} "
        f"and the {change('elbo')}{': a shorter code, paid for in the drawing' if _paid_for(part, low, high) else ''}.",
    ]


def _paid_for(part: Mapping[str, Mapping[str, Array]], low: str, high: str) -> bool:
    """Did the larger β shorten the code at the price of the likelihood?"""
    shorter = part["kl_divergence"][high].mean() < part["kl_divergence"][low].mean()
    return bool(shorter and part["log_likelihood"][high].mean() < part["log_likelihood"][low].mean())
