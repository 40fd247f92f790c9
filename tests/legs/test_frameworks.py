"""Lossary with one framework, or none: imports, closed forms, and what a missing framework says.

These tests need pytest, NumPy and whichever framework is installed. In the main environment both are, and what is to be
missing is hidden from a fresh interpreter; in `make legs` it really is missing.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from math import log
from typing import Any

import numpy as np
import pytest

import lossary

INSTALLED = [name for name in ("numpy", "torch", "jax") if find_spec(name)]
HIDE = (
    "import sys; sys.modules.update(dict.fromkeys({names}))\n"  # `import name` then fails, as if it were not installed
)


def python(code: str, *, without: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, where some packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", HIDE.format(names=without) + code], capture_output=True, text=True, check=False
    )


def array_of(framework: str) -> Callable[..., Any]:
    """The function that makes an array of a framework from a list."""
    if framework == "torch":
        return pytest.importorskip("torch").tensor
    if framework == "jax":
        return pytest.importorskip("jax.numpy").array
    return np.array


def test_import_loads_no_framework() -> None:
    done = python("import lossary, sys; print([name for name in ('torch', 'jax', 'flax') if name in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


CLOSED_FORMS = {
    "mse": (lambda array: lossary.mse_loss(array([1.0, 2.0]), array([3.0, 2.0])), 2.0),
    "huber": (lambda array: lossary.huber_loss(array([0.0, 3.0]), array([0.5, 0.0]), reduction="sum"), 0.125 + 2.5),
    "binary-cross-entropy": (
        lambda array: lossary.binary_cross_entropy_loss(array([0.0, 0.0]), array([0.0, 1.0])),
        log(2),
    ),
    "cross-entropy": (lambda array: lossary.cross_entropy_loss(array([[0.0, 0.0, 0.0]]), array([1])), log(3)),
    "focal": (
        lambda array: lossary.focal_loss(array([[0.0, 0.0]]), array([1]), gamma=2.0),
        0.25 * log(2),  # (1 − ½)² · −log ½
    ),
    "gaussian-kl": (lambda array: lossary.gaussian_kl_divergence(array([[1.0, 2.0]]), array([[0.0, 0.0]])), 2.5),
}


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize(("loss", "expected"), CLOSED_FORMS.values(), ids=CLOSED_FORMS.keys())
def test_closed_form(loss: Callable[[Callable[..., Any]], Any], expected: float, framework: str) -> None:
    array = array_of(framework)
    value = loss(array)
    assert type(value) is type(array(0.0))
    assert float(value) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("missing", [("torch",), ("jax", "flax"), ("torch", "jax", "flax")], ids="-".join)
def test_a_missing_framework_is_no_error_until_it_is_used(missing: tuple[str, ...]) -> None:
    code = "import lossary, numpy; print(float(lossary.mse_loss(numpy.ones(2), numpy.zeros(2))))"
    done = python(code, without=missing)
    assert (done.stdout.strip(), done.stderr) == ("1.0", "")


MISSING = [
    ("torch", ("torch",), 'lossary.torch needs PyTorch: pip install "lossary[torch]"'),
    ("flax", ("jax", "flax"), 'lossary.flax needs JAX and Flax: pip install "lossary[jax]"'),
    ("flax", ("flax",), 'lossary.flax needs JAX and Flax: pip install "lossary[jax]"'),
]


@pytest.mark.parametrize(("face", "missing", "message"), MISSING, ids=["torch", "jax-and-flax", "flax"])
def test_faces_name_the_extra_to_install(face: str, missing: tuple[str, ...], message: str) -> None:
    done = python(f"import lossary.{face}", without=missing)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == f"ImportError: {message}"


@pytest.mark.parametrize(("framework", "face"), [("torch", "torch"), ("jax", "flax")], ids=["torch", "jax"])
def test_face_equals_function(framework: str, face: str) -> None:
    array = array_of(framework)
    faces = importlib.import_module(f"lossary.{face}")
    predictions, targets = array([0.0, 3.0]), array([0.5, 0.0])
    value = faces.HuberLoss(delta=2.0)(predictions, targets)
    assert float(value) == float(lossary.huber_loss(predictions, targets, delta=2.0))
    assert float(value) == pytest.approx((0.125 + 4.0) / 2, rel=1e-6)  # ½ · 0.5², and 2 · (3 − ½ · 2)
