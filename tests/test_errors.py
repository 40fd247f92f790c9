"""Errors: what was expected and what came, in one line, by exact text, on every framework, at call and construction."""

from __future__ import annotations

from inspect import Parameter, signature
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import CASES, Bad, Case, cases
from tests.support.frameworks import JAX, NUMPY, TORCH, Kwargs, Loss, OnNumpy, every_framework, split
from tests.support.refusal import call, is_categorical, refused

FLOAT = {"f32": "float32", "f64": "float64"}


def at(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


# ---- arrays ----


@cases(where=lambda case: not is_categorical(case))
@every_framework
def test_list_for_an_array(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    for name in case.arrays():
        called = f"{name}[0]" if case.layers else name  # the first of the layers that it may be a list of
        text = f"expected {called} to be a torch.Tensor, jax.Array or numpy.ndarray; got list"
        with refused(TypeError, f"{case.fn.__name__}: {text}"):
            call(framework, case.fn, kwargs | {name: kwargs[name].tolist()})


def test_arrays_of_numpy_that_hold_no_numbers() -> None:
    x = np.ones(3)
    for other in (np.array(["1", "2", "3"]), np.array([1, 2, None]), np.zeros(3, "M8[D]"), np.zeros(3, [("x", "f4")])):
        got = str(other.dtype)
        with refused(TypeError, f"mse_loss: expected predictions of a floating dtype; got predictions {got}"):
            lossary.mse_loss(other, x)
        for name in ("targets", "weights"):
            with refused(TypeError, f"mse_loss: expected {name} of a real dtype; got {name} {got}"):
                lossary.mse_loss(**{"predictions": x, "targets": x} | {name: other})


def test_arrays_of_numpy_that_are_not_plain() -> None:
    x = np.ones(3)
    text = "mse_loss: expected targets to be a torch.Tensor, jax.Array or numpy.ndarray; got numpy"
    with refused(TypeError, f"{text}.ma.MaskedArray"):  # it counted what is masked
        lossary.mse_loss(x, np.ma.masked_array([1.0, 1.0, 100.0], [False, False, True]))
    with pytest.warns(PendingDeprecationWarning, match="matrix"):
        matrix = np.matrix(x)
    with refused(TypeError, f"{text}.matrix"):
        lossary.mse_loss(x[None], matrix)


@cases(where=lambda case: not is_categorical(case))
@every_framework
def test_none_for_an_array(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    needed = [name for name in case.arrays() if signature(case.fn).parameters[name].default is Parameter.empty]
    for name in needed if len(needed) > 1 else ():
        with pytest.raises(TypeError) as raised:
            call(framework, case.fn, kwargs | {name: None})
        error = str(raised.value)
        assert error.startswith(f"{case.fn.__name__}: expected ")
        assert "\n" not in error
        assert error.endswith(("got None", f"got {name} None", "got neither", "NoneType")), error


@every_framework
def test_none_in_the_middle(framework: OnNumpy) -> None:
    one = np.ones(3)
    kwargs = {"mu_q": one, "log_var_q": None, "mu_p": one, "log_var_p": one}
    text = "expected log_var_q to be a torch.Tensor, jax.Array or numpy.ndarray; got None"
    with refused(TypeError, f"kl_divergence_diag_gaussian: {text}"):
        call(framework, lossary.kl_divergence_diag_gaussian, kwargs)
    text = "expected target_mesh to be a tuple (vertices, faces, normals); got target_mesh NoneType"
    with refused(TypeError, f"mesh_loss: {text}"):
        lossary.mesh_loss((np.ones((3, 3)), np.array([[0, 1, 2]])), None)


@cases(where=lambda case: len(case.arrays()) > 1 and not is_categorical(case))
@pytest.mark.parametrize(
    ("first", "second"), [(TORCH, NUMPY), (NUMPY, TORCH), (JAX, NUMPY), (TORCH, JAX)], ids=lambda f: f.name
)
def test_mixed_frameworks(case: Case, first: OnNumpy, second: OnNumpy) -> None:
    for framework in (first, second):
        pytest.importorskip(framework.name)
    arrays, options = split(case.inputs(case.options[0]))
    leader, *others = arrays
    mixed = {leader: first.array(arrays[leader])} | {name: second.array(arrays[name]) for name in others}
    got = ", ".join([f"{leader} {first.name}", *(f"{name} {second.name}" for name in others)])
    with refused(TypeError, f"{case.fn.__name__}: expected arrays of one framework; got {got}"):
        case.fn(**mixed, **options)


@cases(where=lambda case: case.layout.kind == "element" and "dense" in case.shapes and len(case.arrays()) > 1)
@every_framework
def test_shapes_that_would_broadcast(case: Case, framework: OnNumpy) -> None:
    for shapes in ([(3,), (3, 1)], [(3, 1), (3,)], [(2, 3), (1, 3)], [(), (1,)], [(4,), (3,)]):
        names = list(case.arrays())
        arrays = {name: np.full(shapes[min(i, 1)], 0.5) for i, name in enumerate(names)}
        got = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        with refused(ValueError, f"{case.fn.__name__}: expected arrays of one shape; got {got}"):
            call(framework, case.fn, arrays | case.fixed)


@cases(where=lambda case: not is_categorical(case))
@every_framework
def test_predictions_of_another_dtype(case: Case, framework: OnNumpy) -> None:
    first = "x_hat" if "x_hat" in case.parameters else next(iter(case.arrays()))
    kwargs = case.inputs(case.options[0])
    for dtype in () if case.integers else ("int32", "uint8", "bool", "complex64"):
        with refused(TypeError, f"{case.fn.__name__}: expected {first} of a floating dtype; got {first} {dtype}"):
            call(framework, case.fn, kwargs | {first: np.ones_like(kwargs[first]).astype(dtype)})


@cases(where=lambda case: not is_categorical(case) and {"targets", "x_hat"} & case.parameters)
@every_framework
def test_complex_targets(case: Case, framework: OnNumpy) -> None:
    name = "x" if "x_hat" in case.parameters else "targets"
    kwargs = case.inputs(case.options[0])
    with refused(TypeError, f"{case.fn.__name__}: expected {name} of a real dtype; got {name} complex64"):
        call(framework, case.fn, kwargs | {name: kwargs[name].astype("complex64")})


@cases(where=lambda case: "weights" in case.parameters)
@every_framework
def test_weights_that_do_not_lead(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    shape = case.layout.shape(split(kwargs)[0])
    wrong = [shape[1:] or (shape[0] + 1,), (*shape, 1), (1,), (shape[0], 1, 1)]
    for name in {"weights", "mask"} & case.parameters if case.masks == "items" else ("weights",):
        for other in wrong:
            array = np.ones(other, bool if name == "mask" else float)
            text = f"expected {name} of shape {shape} or a leading part of it; got {name} {other}"
            with refused(ValueError, f"{case.fn.__name__}: {text}"):
                call(framework, case.fn, kwargs | {name: array})


@cases(where=lambda case: "weights" in case.parameters)
@every_framework
def test_complex_weights(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    weights = np.ones(case.layout.shape(split(kwargs)[0]), "complex64")
    with refused(TypeError, f"{case.fn.__name__}: expected weights of a real dtype; got weights complex64"):
        call(framework, case.fn, kwargs | {"weights": weights})


@cases(where=lambda case: "mask" in case.parameters)
@every_framework
def test_mask_that_is_not_boolean(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    prefix = case.fn.__name__ if not is_categorical(case) else case.bad[0].prefix
    values = next(kwargs[name] for name in ("targets", "labels", *case.arrays()) if name in kwargs)
    shape = values.shape if case.masks == "values" else case.layout.shape(split(kwargs)[0])
    for dtype in ("int32", FLOAT[framework.precision], "uint8"):
        with refused(TypeError, f"{prefix}: expected mask of dtype bool (True counts); got mask {dtype}"):
            call(framework, case.fn, kwargs | {"mask": np.ones(shape, dtype)})


# ---- labels ----

LABELLED = cases(where=lambda case: case.layout.kind == "class" and {"logits", "labels"} <= case.parameters)


@LABELLED
@every_framework
def test_labels_of_another_dtype(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    for dtype in (FLOAT[framework.precision], "bool"):
        with refused(
            TypeError,
            f"{case.fn.__name__}: expected labels of an integer dtype (class indices); got labels {dtype}; "
            f"for class probabilities use {case.soft}",
        ):
            call(framework, case.fn, kwargs | {"labels": kwargs["labels"].astype(dtype)})


@LABELLED
@every_framework
def test_one_hot_labels(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    with refused(
        ValueError,
        f"{case.fn.__name__}: expected labels of shape (6,), logits without their class axis 1; "
        f"got logits (6, 5), labels (6, 5); for one-hot or soft targets use {case.soft}",
    ):
        call(framework, case.fn, kwargs | {"labels": np.eye(5, dtype=int)[kwargs["labels"]]})


@LABELLED
@every_framework
def test_labels_of_another_shape(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    for shape in ((6, 1), (1, 6), (5,), ()):
        with refused(
            ValueError,
            f"{case.fn.__name__}: expected labels of shape (6,), logits without their class axis 1; "
            f"got logits (6, 5), labels {shape}",
        ):
            call(framework, case.fn, kwargs | {"labels": np.zeros(shape, int)})


@LABELLED
@every_framework
def test_logits_without_a_class_axis(case: Case, framework: OnNumpy) -> None:
    with refused(ValueError, f"{case.fn.__name__}: expected logits with a class axis; got logits ()"):
        call(framework, case.fn, {"logits": np.array(0.5), "labels": np.array(0)})


@cases(where=lambda case: {"logits", "probs"} <= case.parameters)
@every_framework
def test_indices_for_probabilities(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs()
    hint = "; for class indices use cross_entropy_loss"
    with refused(TypeError, f"{case.fn.__name__}: expected probs of a floating dtype; got probs int32{hint}"):
        call(framework, case.fn, kwargs | {"probs": np.zeros(6, "int32")})
    with refused(ValueError, f"{case.fn.__name__}: expected arrays of one shape; got logits (6, 5), probs (6,){hint}"):
        call(framework, case.fn, kwargs | {"probs": np.zeros(6)})


# ---- values ----


@pytest.mark.parametrize(
    ("case", "bad"), [pytest.param(case, bad, id=f"{case.name}-{bad.id}") for case in CASES for bad in case.bad]
)
@every_framework
def test_value_outside_its_domain(case: Case, bad: Bad, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0] | bad.options)
    array = kwargs[bad.argument].copy()
    array.flat[1] = bad.value
    with refused(ValueError, bad.text(case, array)):
        call(framework, case.fn, kwargs | {bad.argument: array})


@every_framework
def test_label_without_an_ignored_one(framework: OnNumpy) -> None:
    kwargs = {"logits": np.zeros((2, 3)), "labels": np.array([-100, 1]), "ignore_index": None}
    with refused(ValueError, "cross_entropy_loss: expected labels in [0, 3); got labels from -100 to 1"):
        call(framework, lossary.cross_entropy_loss, kwargs)


@pytest.mark.parametrize(("name", "options"), [("cross_entropy", "class_weights"), ("focal", "alpha")])
@every_framework
def test_weights_of_classes(framework: OnNumpy, name: str, options: str) -> None:
    case = at(name)
    for value in (np.ones(4), (1.0, 2.0), [1.0] * 6):
        with refused(
            ValueError,
            f"{case.fn.__name__}: expected {options} of shape (5,), one per class; got {options} {np.shape(value)}",
        ):
            call(framework, case.fn, case.inputs() | {options: value})
    with refused(TypeError, f"{case.fn.__name__}: expected {options} to be one number per class; got {options} {{1}}"):
        call(framework, case.fn, case.inputs() | {options: {1}})
    with refused(ValueError, f"{case.fn.__name__}: expected {options} >= 0; got {options} -1.0"):
        call(framework, case.fn, case.inputs() | {options: (1.0, 0.0, 0.0, 0.0, -1.0)})


@every_framework
def test_no_class_at_all(framework: OnNumpy) -> None:
    kwargs = {"logits": np.zeros((2, 0)), "labels": np.zeros(2, int), "channel_axis": 1}
    with refused(ValueError, "focal_loss: expected at least one class along axis 1; got logits (2, 0)"):
        call(framework, lossary.focal_loss, kwargs)


@every_framework
def test_pos_weight_of_classes(framework: OnNumpy) -> None:
    kwargs = at("binary_cross_entropy").inputs()
    text = "binary_cross_entropy_loss: expected pos_weight of shape (5,), one per class; got pos_weight (6,)"
    with refused(ValueError, text):
        call(framework, lossary.binary_cross_entropy_loss, kwargs | {"pos_weight": (1.0,) * 6})


# ---- one loss alone ----

DATA = {"reconstruction": np.zeros((2, 3)), "targets": np.zeros((2, 3)), "likelihood": "gaussian"}
CODE = {"mean": np.zeros((2, 4)), "logvar": np.zeros((2, 4))}
TRIANGLE = np.array([[0, 1, 2]])
CLASSES = "(categorical: x are the labels, x_hat the logits)"
ALONE: dict[str, tuple[Loss, Kwargs, type[Exception], str]] = {
    "elbo-batch": (
        lossary.elbo_loss,
        DATA | {"mean": np.zeros((3, 4)), "logvar": np.zeros((3, 4))},
        ValueError,
        "elbo_loss: expected one batch; got targets (2, 3), mean (3, 4)",
    ),
    "elbo-data": (
        lossary.elbo_loss,
        DATA | CODE | {"targets": np.zeros((2, 1))},
        ValueError,
        "elbo_loss: expected arrays of one shape; got targets (2, 1), reconstruction (2, 3)",
    ),
    "elbo-code": (
        lossary.elbo_loss,
        DATA | CODE | {"logvar": np.zeros((2, 1))},
        ValueError,
        "elbo_loss: expected arrays of one shape; got mean (2, 4), logvar (2, 1)",
    ),
    "elbo-integer-code": (
        lossary.elbo_loss,
        DATA | CODE | {"mean": np.zeros((2, 4), "int32")},
        TypeError,
        "elbo_loss: expected mean of a floating dtype; got mean int32",
    ),
    "elbo-sample-axis": (
        lossary.elbo_loss,
        DATA | CODE | {"sample_axis": 0},
        ValueError,
        "elbo_loss: expected sample_axis behind the batch axis 0; got sample_axis 0",
    ),
    "elbo-no-sample-axis": (
        lossary.elbo_loss,
        DATA | CODE | {"sample_axis": 2},
        ValueError,
        "elbo_loss: expected sample_axis in [-2, 2); got sample_axis 2 for reconstruction (2, 3)",
    ),
    "elbo-free-bits-of-a-sum": (
        lossary.elbo_loss,
        DATA | CODE | {"free_bits": 0.5, "reduction": "sum"},
        ValueError,
        "elbo_loss: expected free_bits_over 'sample' unless reduction is 'mean' or 'batch_sum'; "
        "got free_bits_over 'batch', a mean over the batch, with reduction 'sum'",
    ),
    "logvar-beside-laplace": (
        lossary.log_likelihood,
        {"x": np.zeros(2), "x_hat": np.zeros(2), "logvar": np.zeros(2), "likelihood": "laplace"},
        ValueError,
        "log_likelihood: expected logvar only with likelihood 'gaussian'; got likelihood 'laplace'",
    ),
    "categorical-dtype": (
        lossary.log_likelihood,
        {"x": np.zeros(2), "x_hat": np.zeros((2, 3)), "likelihood": "categorical"},
        TypeError,
        f"log_likelihood {CLASSES}: expected labels of an integer dtype (class indices); got labels float32; "
        "for class probabilities use soft_cross_entropy_loss",
    ),
    "categorical-shape": (
        lossary.log_likelihood,
        {"x": np.zeros(3, int), "x_hat": np.zeros((2, 3)), "likelihood": "categorical"},
        ValueError,
        f"log_likelihood {CLASSES}: expected labels of shape (2,), logits without their class axis 1; "
        "got logits (2, 3), labels (3,)",
    ),
    "kl-without-a-batch": (
        lossary.gaussian_kl_divergence,
        {"mean": np.array(0.0), "logvar": np.array(0.0)},
        ValueError,
        "gaussian_kl_divergence: expected mean with a batch axis; got mean ()",
    ),
    "kl-shapes": (
        lossary.gaussian_kl_divergence,
        {"mean": np.zeros(3), "logvar": np.zeros((3, 1))},
        ValueError,
        "gaussian_kl_divergence: expected arrays of one shape; got mean (3,), logvar (3, 1)",
    ),
    "kl-prior": (
        lossary.kl_divergence_diag_gaussian,
        {"mu_q": np.zeros((2, 3)), "log_var_q": np.zeros((2, 3)), "log_var_p": np.zeros(3)},
        ValueError,
        "kl_divergence_diag_gaussian: expected arrays of one shape; got mu_q (2, 3), log_var_q (2, 3), log_var_p (3,)",
    ),
    "vertices-without-coordinates": (
        lossary.edge_length_loss,
        {"vertices": np.zeros((3, 0)), "faces": TRIANGLE},
        ValueError,
        "edge_length_loss: expected vertices of shape (*batch, v, d); got vertices (3, 0)",
    ),
    "kl-axis": (
        lossary.kl_divergence_diag_gaussian,
        {"mu_q": np.zeros(3), "log_var_q": np.zeros(3), "axis": 1},
        ValueError,
        "kl_divergence_diag_gaussian: expected axis in [-1, 1); got axis 1 for mu_q (3,)",
    ),
}


@pytest.mark.parametrize(("loss", "kwargs", "kind", "text"), ALONE.values(), ids=ALONE.keys())
@every_framework
def test_alone(framework: OnNumpy, loss: Loss, kwargs: Kwargs, kind: type[Exception], text: str) -> None:
    with refused(kind, text.replace("float32", FLOAT[framework.precision])):
        call(framework, loss, kwargs)


def test_nothing_at_all() -> None:
    with refused(TypeError, "huber_loss: expected arrays; got none"):
        lossary.huber_loss(None, None)  # type: ignore[type-var]


@pytest.mark.parametrize("value", [3.0, "text", {"a": 1}, object()], ids=lambda value: type(value).__name__)
def test_other_things_for_an_array(value: Any) -> None:
    text = f"expected targets to be a torch.Tensor, jax.Array or numpy.ndarray; got {type(value).__name__}"
    with refused(TypeError, f"mse_loss: {text}"):
        lossary.mse_loss(np.zeros(3), value)


# ---- while tracing ----


def test_shapes_are_refused_under_jit(jax: ModuleType) -> None:
    text = "huber_loss: expected arrays of one shape; got predictions (3,), targets (3, 1)"
    with refused(ValueError, text):
        jax.jit(lossary.huber_loss)(jax.numpy.zeros(3), jax.numpy.zeros((3, 1)))


def test_shapes_are_refused_under_compile(torch: ModuleType) -> None:
    text = "huber_loss: expected arrays of one shape; got predictions (3,), targets (3, 1)"
    torch._dynamo.reset()
    with pytest.raises(Exception, match="expected arrays of one shape") as raised:
        torch.compile(lossary.huber_loss, backend="eager")(torch.zeros(3), torch.zeros(3, 1))
    assert text in str(raised.value)
