"""Options out of range: refused by exact text, at the call on every framework and when a face is built."""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import CASES, Case, cases
from tests.support.faces import face_name
from tests.support.frameworks import OnNumpy, every_framework
from tests.support.refusal import call, is_categorical, refused

NUMBERS: list[tuple[str, str, str, tuple[Any, ...], tuple[Any, ...]]] = [
    # loss, option, expected, values out of range, values that are no number
    ("huber_loss", "delta", "delta > 0", (0, -1.0, float("inf"), float("nan")), ("1", None, True, [1.0])),
    ("smooth_l1_loss", "beta", "beta >= 0", (-1.0, float("inf"), float("nan")), ("1", None, True)),
    ("charbonnier_loss", "epsilon", "epsilon > 0", (0.0, -1e-3, float("nan")), ("1", None, False)),
    ("charbonnier_loss", "alpha", "alpha > 0", (0.0, -0.5), ("1", None, True)),
    ("asymmetric_mse_loss", "over_penalty", "over_penalty > 0", (0.0, -2.0), ("2", None, True)),
    ("binary_cross_entropy_loss", "pos_weight", "pos_weight >= 0", (-1.0, float("nan")), (True,)),
    ("binary_cross_entropy_loss", "label_smoothing", "label_smoothing in [0, 1)", (-0.1, 1, float("nan")), ("0", None)),
    ("cross_entropy_loss", "label_smoothing", "label_smoothing in [0, 1)", (-0.1, 1.0), ("0", None, True)),
    ("soft_cross_entropy_loss", "label_smoothing", "label_smoothing in [0, 1)", (-0.1, 1.0), ("0", None, True)),
    ("binary_focal_loss", "alpha", "alpha in [0, 1]", (-0.1, 1.1, float("nan")), ("0", True)),
    ("binary_focal_loss", "gamma", "gamma >= 0", (-1.0, float("inf")), ("2", None, True)),
    ("binary_focal_loss", "label_smoothing", "label_smoothing in [0, 1)", (-0.1, 1.0), ("0", None, True)),
    ("focal_loss", "gamma", "gamma >= 0", (-1.0, float("nan")), ("2", None, True)),
    ("focal_loss", "label_smoothing", "label_smoothing in [0, 1)", (-0.1, 1.0), ("0", None, True)),
    ("focal_loss", "alpha", "alpha >= 0", (-1.0,), (True,)),
    ("elbo_loss", "beta", "beta >= 0", (-1.0, float("nan")), ("1", None, True)),
    ("elbo_loss", "free_bits", "free_bits >= 0", (-1.0,), ("1", None, True)),
]
OUT_OF_RANGE = [
    pytest.param(
        loss,
        option,
        value,
        ValueError,
        f"{loss}: expected {expected}; got {option} {value!r}",
        id=f"{loss}-{option}={value}",
    )
    for loss, option, expected, values, _ in NUMBERS
    for value in values
]
NO_NUMBERS = [
    pytest.param(
        loss,
        option,
        value,
        TypeError,
        f"{loss}: expected {option} to be a number; got {option} {value!r}",
        id=f"{loss}-{option}={value!r}",
    )
    for loss, option, _, _, values in NUMBERS
    for value in values
]
WORDS: list[tuple[str, str, Any, type[Exception], str]] = [
    (
        "elbo_loss",
        "likelihood",
        "poisson",
        ValueError,
        "likelihood to be one of 'gaussian', 'bernoulli', 'laplace', 'categorical'; got 'poisson'",
    ),
    (
        "log_likelihood",
        "likelihood",
        None,
        ValueError,
        "likelihood to be one of 'gaussian', 'bernoulli', 'laplace', 'categorical'; got None",
    ),
    ("elbo_loss", "free_bits_over", "pixel", ValueError, "free_bits_over to be one of 'batch', 'sample'; got 'pixel'"),
]
WORDS += [
    ("cross_entropy_loss", "class_weights", [1.0, -2.0], ValueError, "class_weights >= 0; got class_weights -2.0"),
    ("cross_entropy_loss", "class_weights", "abc", TypeError, "class_weights to be one number per class; got "
     "class_weights 'abc'"),
    ("soft_cross_entropy_loss", "class_weights", 3, TypeError, "class_weights to be one number per class; got "
     "class_weights 3"),
    ("cross_entropy_loss", "ignore_index", "a", TypeError, "ignore_index to be an integer; got ignore_index 'a'"),
    ("binary_focal_loss", "ignore_index", 1.5, TypeError, "ignore_index to be an integer; got ignore_index 1.5"),
    (
        "cross_entropy_loss",
        "ignore_index",
        1 << 40,
        ValueError,
        "ignore_index of 32 bits, as labels are; got ignore_index 1099511627776",
    ),
    ("multiclass_dice_loss", "channel_axis", "x", TypeError, "channel_axis to be an integer; got channel_axis 'x'"),
    ("dice_loss", "channel_axis", "x", TypeError, "channel_axis to be an integer; got channel_axis 'x'"),
    *(
        (loss, axis, value, TypeError, f"{axis} to be an integer; got {axis} {value!r}")
        for axis, losses in {
            "axis": ("kl_divergence", "js_distance", "wasserstein_distance", "kl_divergence_diag_gaussian"),
            "channel_axis": ("log_likelihood", "ssim_loss", "sobel_loss", "total_variation_loss", "style_loss"),
            "sample_axis": ("elbo_loss",),
        }.items()
        for loss in losses
        for value in ("x", 1.5, True)
    ),
    *(
        (loss, "ignore_index", value, TypeError, f"ignore_index to be an integer; got ignore_index {value!r}")
        for loss in ("dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss", "lovasz_hinge_loss")
        for value in ("255", True, 0.5, [255])
    ),
    ("mse_loss", "axis", "x", TypeError, "axis to be an integer; got axis 'x'"),
]  # fmt: skip
YES_OR_NO = {
    (case.fn.__name__, name)
    for case in CASES
    for name, parameter in signature(getattr(lossary, case.fn.__name__, case.fn)).parameters.items()
    if isinstance(parameter.default, bool)
}
REFUSED = [
    *OUT_OF_RANGE,
    *NO_NUMBERS,
    *(
        pytest.param(loss, option, value, kind, f"{loss}: expected {text}", id=f"{loss}-{option}={value}")
        for loss, option, value, kind, text in WORDS
    ),
    *(
        pytest.param(
            case.fn.__name__,
            "reduction",
            value,
            ValueError,
            f"{case.fn.__name__}: expected reduction to be one of 'mean', 'sum', 'none', 'batch_sum'; got {value!r}",
            id=f"{case.name}-reduction={value}",
        )
        for case in CASES
        if case.reducible
        for value in ("Mean", "average", None)
    ),
]
REFUSED += [
    pytest.param(
        loss,
        option,
        "no",
        TypeError,
        f"{loss}: expected {option} to be True or False; got {option} 'no'",
        id=f"{loss}-{option}=no",
    )
    for loss, option in sorted(YES_OR_NO)
]
refused_options = pytest.mark.parametrize(("loss", "option", "value", "kind", "text"), REFUSED)


def first_case(loss: str) -> Case:
    return next(case for case in CASES if case.fn.__name__ == loss)


@refused_options
@every_framework
def test_option_at_the_call(
    framework: OnNumpy, loss: str, option: str, value: Any, kind: type[Exception], text: str
) -> None:
    case = first_case(loss)
    with refused(kind, text):
        call(framework, case.fn, case.inputs(case.options[0]) | {option: value})


@refused_options
@pytest.mark.parametrize("faces", ["torch", "flax"])
def test_option_at_construction(
    faces: str, loss: str, option: str, value: Any, kind: type[Exception], text: str
) -> None:
    pytest.importorskip(faces)
    if loss == "reduce_loss":
        return  # which has no face
    case = first_case(loss)
    face = getattr(import_module(f"lossary.{faces}"), face_name(case.fn))
    sizes = {"num_classes": 5, "embedding_dim": 4} if face.held else {}
    if face.held and faces == "flax":
        sizes["rngs"] = import_module("flax.nnx").Rngs(0)
    with refused(kind, text):
        face(**sizes, **{k: v for k, v in case.fixed.items() if k not in case.positional(case.fixed)} | {option: value})


WORD_OPTIONS = [
    ("mse_loss", "reduction"),
    ("elbo_loss", "free_bits_over"),
    ("iou_loss", "fmt"),
    ("ssim_loss", "window"),
]


def test_arrays_for_options_that_are_none() -> None:
    two, case = np.array([1.0, 2.0]), first_case("huber_loss")
    for value in (np.True_, np.complex64(1), np.str_("1"), np.array("1")):
        with refused(TypeError, f"huber_loss: expected delta to be a number; got delta {value.dtype}"):
            case.fn(**case.inputs() | {"delta": value})
    for loss, option in WORD_OPTIONS:
        case = first_case(loss)
        with pytest.raises(ValueError, match=f"{loss}: expected {option} to be one of .*; got array"):
            case.fn(**case.inputs(case.options[0]) | {option: two})
    case = first_case("nt_xent_loss")
    text = 'nt_xent_loss: expected chunk_size to be None, "auto" or an integer >= 1; got chunk_size array([1., 2.])'
    with refused(ValueError, text):
        case.fn(**case.inputs() | {"chunk_size": two})
    case = first_case("cross_entropy_loss")
    with refused(TypeError, "cross_entropy_loss: expected class_weights of a real dtype; got class_weights <U1"):
        case.fn(**case.inputs() | {"class_weights": np.array(list("abcde"))})


@every_framework
def test_numbers_of_numpy(framework: OnNumpy) -> None:
    case = first_case("maximum_mean_discrepancy")
    kwargs = case.inputs()
    plain = call(framework, case.fn, kwargs | {"kernel_bandwidth": 0.5})
    options = {"kernel_bandwidth": np.float32(0.5), "gamma": np.int64(1), "coef0": np.float32(1)}
    np.testing.assert_array_equal(case.fn(**{k: framework.array(v) for k, v in kwargs.items()}, **options), plain)


def numbered(case: Case) -> dict[str, Any]:
    """All whole numbers among the options that the table has for a loss, and `chunk_size`."""
    found = {k: v for options in case.options for k, v in options.items() if type(v) is int}
    return found | ({"chunk_size": 2} if "chunk_size" in case.parameters else {})


@cases(where=lambda case: bool(numbered(case)))
@every_framework
def test_whole_numbers_of_numpy(case: Case, framework: OnNumpy) -> None:
    for options in case.options:
        kwargs = case.inputs(options) | numbered(case) | options
        of_numpy = {k: np.int64(v) for k, v in kwargs.items() if type(v) is int}
        found = framework.value(case.fn, kwargs | of_numpy)
        np.testing.assert_array_equal(found, framework.value(case.fn, kwargs))


def in_axes(case: Case) -> bool:
    return {"axis", "reduction"} <= case.parameters and case.layout.kind == "element" and "dense" in case.shapes


AXES = cases(where=in_axes)


@AXES
@every_framework
def test_axis(case: Case, framework: OnNumpy) -> None:
    kwargs, name = case.inputs(case.options[0]), case.fn.__name__
    with refused(ValueError, f"{name}: expected axis in [-2, 2); got axis 2 for losses (6, 5)"):
        call(framework, case.fn, kwargs | {"axis": 2})
    with refused(ValueError, f"{name}: expected axis in [-2, 2); got axis -3 for losses (6, 5)"):
        call(framework, case.fn, kwargs | {"axis": (0, -3)})
    with refused(ValueError, f"{name}: expected axis without repetition; got axis (1, -1)"):
        call(framework, case.fn, kwargs | {"axis": (1, -1)})
    for none in ((), []):
        with refused(ValueError, f"{name}: expected axis to be None, an integer or several; got axis {none}"):
            call(framework, case.fn, kwargs | {"axis": none})
    whole = call(framework, case.fn, kwargs | {"axis": 1})
    np.testing.assert_array_equal(call(framework, case.fn, kwargs | {"axis": np.int64(1)}), whole)
    with refused(TypeError, f"{name}: expected axis to be an integer; got axis True"):
        call(framework, case.fn, kwargs | {"axis": True})
    with refused(TypeError, f"{name}: expected axis to be an integer; got axis 0.0"):
        call(framework, case.fn, kwargs | {"axis": 0.0})
    for reduction in ("none", "batch_sum"):
        text = f"expected axis only with reduction 'mean' or 'sum'; got axis 0 with reduction {reduction!r}"
        with refused(ValueError, f"{name}: {text}"):
            call(framework, case.fn, kwargs | {"axis": 0, "reduction": reduction})


@cases(
    where=lambda case: "channel_axis" in case.parameters and case.layout.kind == "class" and not is_categorical(case)
)
@every_framework
def test_channel_axis(case: Case, framework: OnNumpy) -> None:
    kwargs, name = case.inputs(), case.fn.__name__
    for axis in (2, -3):
        text = f"expected channel_axis in [-2, 2); got channel_axis {axis} for logits (6, 5)"
        with refused(ValueError, f"{name}: {text}"):
            call(framework, case.fn, kwargs | {"channel_axis": axis})
    for value in ("1", True, 1.0):
        with refused(TypeError, f"{name}: expected channel_axis to be an integer; got channel_axis {value!r}"):
            call(framework, case.fn, kwargs | {"channel_axis": value})


@cases(where=lambda case: case.reducible and "normalizer" in case.parameters)
@every_framework
def test_normalizer(case: Case, framework: OnNumpy) -> None:
    kwargs, name = case.inputs(case.options[0]), case.fn.__name__
    for value in (0, -1.0, float("nan")):
        with refused(ValueError, f"{name}: expected normalizer > 0; got normalizer {value!r}"):
            call(framework, case.fn, kwargs | {"normalizer": value})
    with refused(TypeError, f"{name}: expected normalizer to be a number; got normalizer '3'"):
        call(framework, case.fn, kwargs | {"normalizer": "3"})
    for reduction in ("sum", "none"):
        text = f"expected normalizer only with reduction 'mean' or 'batch_sum'; got reduction {reduction!r}"
        with refused(ValueError, f"{name}: {text}"):
            call(framework, case.fn, kwargs | {"normalizer": 2.0, "reduction": reduction})
