"""Other documents' names give the house function's values, by position and by their own argument names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lossary
from lossary.aliases import ALSO_KNOWN_AS

PREDICTIONS, TARGETS = np.array([2.5, 0.0, 2.0, 8.0]), np.array([3.0, -0.5, 2.0, 7.0])


def test_regression_names_take_their_own_arguments() -> None:
    assert lossary.mse_manual(pred=PREDICTIONS, target=TARGETS) == pytest.approx((0.25 + 0.25 + 0 + 1) / 4)
    assert lossary.mae_manual(PREDICTIONS, TARGETS) == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)
    assert lossary.huber_manual(PREDICTIONS, TARGETS, delta=0.5) == pytest.approx((0.125 + 0.125 + 0 + 0.375) / 4)


def test_probabilities_and_logits() -> None:
    assert lossary.bce_manual(pred_probs=np.array([0.5, 0.25]), target=np.array([1.0, 0.0])) == pytest.approx(
        (np.log(2) + np.log(4 / 3)) / 2
    )
    assert lossary.cross_entropy_manual(logits=np.zeros((2, 4)), targets=np.array([0, 3])) == pytest.approx(np.log(4))


def test_vae_loss_sums_over_everything() -> None:
    halves = np.full((2, 3), 0.5)
    value = lossary.vae_loss(halves, np.ones((2, 3)), mu=np.ones((2, 1)), logvar=np.zeros((2, 1)), beta=3.0)
    assert value == pytest.approx(6 * np.log(2) + 3 * 2 * 0.5)


def test_label_smoothing_class_follows_the_formula_with_k_in_the_denominator() -> None:
    import lossary.flax
    import lossary.torch

    logits, labels = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.2)
    assert lossary.torch.LabelSmoothingCrossEntropy(epsilon=0.2)(logits, labels) == pytest.approx(expected.item())
    assert "label_smoothing=0.1" in repr(lossary.flax.LabelSmoothingCrossEntropy())


@pytest.mark.usefixtures("torch", "jax")
def test_every_alias_is_importable_and_leads_to_a_loss() -> None:
    import lossary.flax
    import lossary.torch

    for name, loss in ALSO_KNOWN_AS.items():
        for package in (lossary,) if name.islower() else (lossary.torch, lossary.flax):
            assert callable(getattr(package, name))
        assert getattr(lossary, loss.__name__) is loss
