"""`docs/reproduce.md`: the options that give other libraries' numbers, against those libraries themselves.

Every row of a page's table is one of `ROWS`, under the same names.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import lossary as L

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402

PAGE = Path(__file__).parents[1] / "docs" / "reproduce.md"


class Row(NamedTuple):
    package: str  # what has to be installed
    theirs: Callable[[Any], Any]  # of the package's module
    ours: Callable[[], Any]
    tolerance: float = 1e-9  # relative; wider where they add an epsilon


def drawn(*shape: int, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


logits = 2 * drawn(2, 3, 4, 4)
labels = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (2, 4, 4)))  # no pixel is of class 2
probs, one_hot = logits.softmax(1), F.one_hot(labels, 3).movedim(-1, 1).double()
rows, classes = 2 * drawn(6, 3, seed=2), torch.tensor([0, 1, 2, 0, 1, 2])
answers = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
first, second = drawn(6, 4, seed=3), drawn(6, 4, seed=4)
anchor, positive, negative = drawn(6, 4, seed=5), drawn(6, 4, seed=6), drawn(6, 4, seed=7)
image = torch.from_numpy(np.random.default_rng(8).random((2, 3, 24, 20)))
noisy = (image + 0.1 * drawn(2, 3, 24, 20, seed=9)).clamp(0, 1)
boxes = torch.tensor([[10.0, 10.0, 50.0, 50.0], [0.0, 0.0, 2.0, 3.0]], dtype=torch.float64)
others = torch.tensor([[15.0, 15.0, 55.0, 55.0], [5.0, 5.0, 6.0, 8.0]], dtype=torch.float64)
cloud, other, line = drawn(7, 3, seed=12), drawn(5, 3, seed=13) + 0.5, drawn(2, 6, seed=14)
masses = [torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(n))) for seed, n in ((15, 7), (16, 5))]
weighed = {"x_weights": masses[0], "y_weights": masses[1]}
shared = {"pred_weights": masses[0], "target_weights": masses[1]}
directions = drawn(4, 3, seed=17)
p, q = drawn(5, 4, seed=10).softmax(1), drawn(5, 4, seed=11).softmax(1)
last = (logits.movedim(1, -1).numpy(), labels.numpy())  # JAX's layout


def monai_dice(**options: Any) -> Callable[[Any], Any]:
    return lambda monai: monai.losses.DiceLoss(softmax=True, to_onehot_y=True, **options)(logits, labels[:, None])


def optax_dice(optax: Any, **options: Any) -> Any:
    import jax

    with jax.enable_x64(True):
        return np.asarray(optax.losses.dice_loss(last[0], np.eye(3)[last[1]], **options)).mean()


def samples_loss(geomloss: Any, loss: str, **options: Any) -> Any:
    between = geomloss.SamplesLoss(loss, backend="tensorized", **options)
    return between(masses[0], cloud, masses[1], other)


def in_double(function: Callable[[], Any]) -> Any:
    import jax

    with jax.enable_x64(True):
        return np.asarray(function())


def pml_two_views(pml: Any, loss: str, **options: Any) -> Any:
    views = torch.arange(6)
    return getattr(pml.losses, loss)(**options)(torch.cat([first, second]), torch.cat([views, views]))


ROWS: dict[str, Row] = {
    # ---- Dice and its relatives ----
    "MONAI DiceLoss(softmax, to_onehot_y)": Row(
        "monai", monai_dice(), lambda: L.multiclass_dice_loss(logits, labels, smooth=1e-5, per_example=True)
    ),
    "MONAI DiceLoss(batch=True)": Row(
        "monai", monai_dice(batch=True), lambda: L.multiclass_dice_loss(logits, labels, smooth=1e-5)
    ),
    "MONAI DiceLoss(include_background=False)": Row(
        "monai",
        monai_dice(include_background=False),
        lambda: L.multiclass_dice_loss(logits, labels, smooth=1e-5, per_example=True, include_background=False),
    ),
    "MONAI DiceLoss(jaccard=True)": Row(
        "monai",
        monai_dice(jaccard=True),
        lambda: L.multiclass_jaccard_loss(logits, labels, smooth=5e-6, per_example=True),
    ),
    "MONAI DiceLoss(sigmoid=True)": Row(
        "monai",
        lambda monai: monai.losses.DiceLoss(sigmoid=True)(logits, one_hot),
        lambda: L.dice_loss(logits, one_hot, smooth=1e-5, from_logits=True, average="macro", per_example=True),
    ),
    "MONAI DiceCELoss": Row(
        "monai",
        lambda monai: monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)(logits, labels[:, None]),
        lambda: (
            L.dice_cross_entropy_loss(
                logits, labels, ce_weight=1.0, dice_weight=1.0, smooth=1e-5, per_example=True
            ).objective
        ),
    ),
    "MONAI TverskyLoss(alpha=0.3, beta=0.7)": Row(
        "monai",
        lambda monai: monai.losses.TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.3, beta=0.7)(
            logits, labels[:, None]
        ),
        lambda: L.multiclass_tversky_loss(logits, labels, alpha=0.3, beta=0.7, smooth=2e-5, per_example=True),
    ),
    "kornia dice_loss": Row(
        "kornia",
        lambda kornia: kornia.losses.dice_loss(logits, labels),
        lambda: L.multiclass_dice_loss(logits, labels, smooth=0.0, average="micro", per_example=True),
        1e-7,
    ),
    "kornia dice_loss(average='macro')": Row(
        "kornia",
        lambda kornia: kornia.losses.dice_loss(logits, labels, average="macro"),
        lambda: L.multiclass_dice_loss(logits, labels, smooth=0.0, classes="present", per_example=True),
        1e-7,
    ),
    "kornia tversky_loss(alpha=0.3, beta=0.7)": Row(
        "kornia",
        lambda kornia: kornia.losses.tversky_loss(logits, labels, 0.3, 0.7),
        lambda: L.multiclass_tversky_loss(
            logits, labels, alpha=0.3, beta=0.7, smooth=0.0, classes="present", per_example=True
        ),
        1e-7,
    ),
    "optax dice_loss, mean": Row(
        "optax", optax_dice, lambda: L.multiclass_dice_loss(*last, smooth=2.0, per_example=True)
    ),
    "optax dice_loss(alpha=0.3, beta=0.7), mean": Row(
        "optax",
        lambda optax: optax_dice(optax, alpha=0.3, beta=0.7),
        lambda: L.multiclass_tversky_loss(*last, alpha=0.3, beta=0.7, smooth=2.0, per_example=True),
    ),
    # ---- focal ----
    "MONAI FocalLoss(use_softmax, to_onehot_y)": Row(
        "monai",
        lambda monai: monai.losses.FocalLoss(use_softmax=True, to_onehot_y=True)(rows, classes[:, None]),
        lambda: L.focal_loss(rows, classes) / 3,
        1e-6,
    ),
    "MONAI FocalLoss()": Row(
        "monai",
        lambda monai: monai.losses.FocalLoss()(rows[:, :1], answers[:, None]),
        lambda: L.binary_focal_loss(rows[:, 0], answers, alpha=None),
        1e-6,
    ),
    "kornia focal_loss(alpha=None, reduction='mean')": Row(
        "kornia",
        lambda kornia: kornia.losses.focal_loss(rows, classes, alpha=None, reduction="mean"),
        lambda: L.focal_loss(rows, classes) / 3,
        1e-6,
    ),
    "optax sigmoid_focal_loss, mean": Row(
        "optax",
        lambda optax: in_double(lambda: optax.sigmoid_focal_loss(rows[:, 0].numpy(), answers.numpy()).mean()),
        lambda: L.binary_focal_loss(rows[:, 0], answers, alpha=None),
    ),
    # ---- triplets and contrast ----
    "torch triplet_margin_loss": Row(
        "torch",
        lambda torch: F.triplet_margin_loss(anchor, positive, negative),
        lambda: L.triplet_loss(anchor, positive, negative),
        1e-5,
    ),
    "torch triplet_margin_loss(swap=True)": Row(
        "torch",
        lambda torch: F.triplet_margin_loss(anchor, positive, negative, swap=True),
        lambda: L.triplet_loss(anchor, positive, negative, swap=True),
        1e-5,
    ),
    "PML TripletMarginLoss(margin=0.2)": Row(
        "pytorch_metric_learning",
        lambda pml: pml.losses.TripletMarginLoss(margin=0.2)(anchor, classes),
        lambda: L.online_triplet_loss(F.normalize(anchor), classes, margin=0.2, mining="all"),
        1e-6,
    ),
    "PML NTXentLoss(temperature=0.5)": Row(
        "pytorch_metric_learning",
        lambda pml: pml_two_views(pml, "NTXentLoss", temperature=0.5),
        lambda: L.nt_xent_loss(first, second, temperature=0.5),
    ),
    "PML SupConLoss(temperature=0.1)": Row(
        "pytorch_metric_learning",
        lambda pml: pml.losses.SupConLoss(temperature=0.1)(anchor, classes),
        lambda: L.supcon_loss(anchor, classes, temperature=0.1),
    ),
    "MONAI ContrastiveLoss(temperature=0.5)": Row(
        "monai",
        lambda monai: monai.losses.ContrastiveLoss(temperature=0.5)(first, second),
        lambda: L.nt_xent_loss(first, second, temperature=0.5),
    ),
    "optax ntxent(temperature=0.5)": Row(
        "optax",
        lambda optax: in_double(
            lambda: optax.ntxent(torch.cat([first, second]).numpy(), np.tile(np.arange(6), 2), temperature=0.5)
        ),
        lambda: L.nt_xent_loss(first, second, temperature=0.5),
    ),
    # ---- images ----
    "kornia ssim_loss": Row(
        "kornia",
        lambda kornia: kornia.losses.ssim_loss(image, noisy, 11),
        lambda: L.ssim_loss(image, noisy, padding="reflect") / 2,
        1e-6,
    ),
    "MONAI SSIMLoss(spatial_dims=2)": Row(
        "monai",
        lambda monai: monai.losses.SSIMLoss(spatial_dims=2)(image, noisy),
        lambda: L.ssim_loss(image, noisy),
        1e-6,
    ),
    "kornia psnr_loss": Row(
        "kornia",
        lambda kornia: kornia.losses.psnr_loss(image, noisy, 1.0),
        lambda: L.psnr_loss(image, noisy, per_image=False, epsilon=1e-16),
    ),
    "kornia total_variation, summed": Row(
        "kornia",
        lambda kornia: kornia.losses.total_variation(image).sum(),
        lambda: L.total_variation_loss(image, norm_type="l1", reduction="sum"),
    ),
    # ---- boxes ----
    "MONAI BoxGIoULoss": Row(
        "monai", lambda monai: monai.losses.BoxGIoULoss()(boxes, others), lambda: L.giou_loss(boxes, others), 1e-6
    ),
    # ---- divergences ----
    "torch kl_div(log q, p, reduction='batchmean')": Row(
        "torch", lambda torch: F.kl_div(q.log(), p, reduction="batchmean"), lambda: L.kl_divergence(p, q)
    ),
    "torch kl_div(log q, p, reduction='mean')": Row(
        "torch", lambda torch: F.kl_div(q.log(), p, reduction="mean"), lambda: L.kl_divergence(p, q) / 4
    ),
    # ---- transport and samples ----
    "POT emd2(a, b, distances)": Row(
        "ot",
        lambda ot: ot.emd2(*masses, torch.cdist(cloud, other)),
        lambda: L.earth_mover_distance(cloud, other, **weighed),
        1e-4,  # ours iterates
    ),
    "POT wasserstein_1d(u, v, p=3)": Row(
        "ot", lambda ot: ot.wasserstein_1d(*line, p=3), lambda: L.wasserstein_distance(*line, p=3, power=True)
    ),
    "POT sliced_wasserstein_distance(x, y, projections)": Row(
        "ot",
        lambda ot: ot.sliced_wasserstein_distance(cloud, other, *masses, projections=F.normalize(directions).T),
        lambda: L.sliced_wasserstein_distance(cloud, other, projections=directions, **weighed),
    ),
    "geomloss SamplesLoss('sinkhorn', p=2, blur=0.5)": Row(
        "geomloss",
        lambda geomloss: samples_loss(geomloss, "sinkhorn", p=2, blur=0.5, scaling=0.99),
        lambda: L.sinkhorn_divergence(cloud, other, epsilon=2 * 0.5**2, **weighed) / 2,
        1e-3,  # theirs stops as soon as the blur is reached
    ),
    "geomloss SamplesLoss('sinkhorn', p=1, blur=0.5)": Row(
        "geomloss",
        lambda geomloss: samples_loss(geomloss, "sinkhorn", p=1, blur=0.5, scaling=0.99),
        lambda: L.sinkhorn_divergence(cloud, other, p=1, epsilon=0.5, **weighed),
        1e-3,
    ),
    "geomloss SamplesLoss('energy')": Row(
        "geomloss",
        lambda geomloss: samples_loss(geomloss, "energy"),
        lambda: L.energy_distance(cloud, other, **shared) / 2,
        1e-3,  # theirs takes equal points for points apart
    ),
    "geomloss SamplesLoss('gaussian', blur=2.0)": Row(
        "geomloss",
        lambda geomloss: samples_loss(geomloss, "gaussian", blur=2.0),
        lambda: L.maximum_mean_discrepancy(cloud, other, kernel_bandwidth=2.0, squared=True, **shared) / 2,
    ),
    "optax kl_divergence(log q, p), mean": Row(
        "optax",
        lambda optax: in_double(lambda: optax.kl_divergence(q.log().numpy(), p.numpy()).mean()),
        lambda: L.kl_divergence(p, q),
    ),
}


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_ours_is_theirs(row: Row) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip(row.package)
        if row.package not in ("torch", "ot", "geomloss"):
            pytest.importorskip(f"{row.package}.losses")
    assert float(row.ours()) == pytest.approx(float(row.theirs(package)), rel=row.tolerance)


def test_the_page_has_a_line_for_every_row() -> None:
    shown = set(re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(ROWS) == shown
