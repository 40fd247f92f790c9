"""Faces: every loss as an nn.Module and as an nnx.Module, with the same options, values, errors and habits."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from lossary._core.faces import PER_CALL, options_of
from lossary.aliases import BY_POSITION
from lossary.losses import FAMILIES
from tests.catalog import Case, Options, cases, options
from tests.support.faces import built, face_name, numbers
from tests.support.frameworks import JAX, TORCH, OnNumpy, objective, split

FUNCTIONS = [
    getattr(import_module(f"lossary.losses.{f}"), n)
    for f in FAMILIES
    for n in import_module(f"lossary.losses.{f}").__all__
]
CLASS_WEIGHTS = np.array([1.0, 2.0, 0.5])

both = pytest.mark.parametrize("package", ["torch", "flax"])
functions = pytest.mark.parametrize("fn", FUNCTIONS, ids=lambda fn: fn.__name__)


def has_face(case: Case) -> bool:
    """Not where a case takes the arrays of a loss in another form than the loss itself does."""
    return case.name != "reduce_loss" and getattr(lossary, case.fn.__name__) is case.fn


with_face = cases(where=has_face)
with_face_options = options(where=has_face)


def faces_of(package: str) -> ModuleType:
    pytest.importorskip(package)
    return import_module(f"lossary.{package}")


def framework_of(package: str) -> OnNumpy:
    return TORCH if package == "torch" else JAX


def face_of(package: str, name: str) -> Any:
    return getattr(faces_of(package), name)


OTHER_NAMES = {"MultiClassDiceLoss", "CombinedLoss", "Sobel", "Laplacian"}  # as tutorials spell them


def per_call(fn: Any, native: dict[str, Any]) -> dict[str, Any]:
    """What comes with a call by name, taken out of the rest, which belongs to the constructor."""
    return {name: native.pop(name) for name in native.keys() - options_of(fn).keys()}


# ---- all of them ----


@both
@functions
def test_every_function_has_a_face_with_its_options(package: str, fn: Any) -> None:
    face = face_of(package, face_name(fn))
    expected = [
        p
        for p in inspect.signature(fn).parameters.values()
        if p.kind is p.KEYWORD_ONLY and (p.name not in PER_CALL or p.default not in (None, p.empty))
    ]
    found = list(inspect.signature(face).parameters.values())
    if face.held is None:
        assert found == expected
        assert face.__doc__ == fn.__doc__
    else:  # written by hand: the sizes of what it holds stand before, where to put it behind
        assert [p.name for p in found[:2]] == ["num_classes", "embedding_dim"]
        own = found[2 : 2 + len(expected)]
        assert [(p.name, p.kind, p.default) for p in own] == [(p.name, p.kind, p.default) for p in expected]
        behind = ["device", "dtype"] if package == "torch" else ["rngs", "param_dtype"]
        assert [p.name for p in found[2 + len(expected) :]] == behind
        assert f"`{fn.__name__}`" in inspect.cleandoc(face.__doc__).splitlines()[0]
    assert (face.__module__, face.__name__) == (f"lossary.{package}", face_name(fn))


@both
def test_every_face_has_a_function(package: str) -> None:
    module = faces_of(package)
    faces = {name for name, value in vars(module).items() if inspect.isclass(value) and issubclass(value, module.Loss)}
    assert faces == {face_name(fn) for fn in FUNCTIONS} | OTHER_NAMES | {"Loss"}


@both
@with_face_options
def test_face_equals_function(package: str, case: Case, options: Options) -> None:
    framework = framework_of(package)
    kwargs = framework.native(case.inputs(options))
    arrays, call = {name: kwargs.pop(name) for name in case.positional(kwargs)}, per_call(case.fn, kwargs)
    expected = case.fn(*arrays.values(), **kwargs, **call)
    found = built(faces_of(package), case.fn, kwargs, arrays)(*arrays.values(), **call)
    np.testing.assert_array_equal(numbers(framework, objective(found)), framework.numpy(objective(expected)))


def comes_with_calls(case: Case) -> bool:
    return case.parameters >= {"weights", "mask", "normalizer"} and case.masks == "items" and has_face(case)


@both
@cases(where=comes_with_calls)
def test_weights_mask_and_normalizer_come_with_the_call(package: str, case: Case) -> None:
    framework = framework_of(package)
    kwargs = case.inputs(case.options[0])
    shape = case.layout.shape(split(kwargs)[0])
    mask = np.arange(np.prod(shape)).reshape(shape) % 3 > 0
    call = framework.native({"weights": np.linspace(1, 2, shape[0]), "mask": mask, "normalizer": 3.0})
    native = framework.native(kwargs)
    arrays = {name: native.pop(name) for name in case.positional(native)}
    call |= per_call(case.fn, native)
    expected = case.fn(**arrays, **native, **call)
    found = built(faces_of(package), case.fn, native, arrays)(*arrays.values(), **call)
    np.testing.assert_array_equal(numbers(framework, found), framework.numpy(expected))


@both
@with_face
def test_copies(package: str, case: Case) -> None:
    framework = framework_of(package)
    native = framework.native(case.inputs(case.options[-1]))
    given, call = {name: native.pop(name) for name in case.positional(native)}, per_call(case.fn, native)
    face = built(faces_of(package), case.fn, native, given)
    arrays = list(given.values())
    expected = numbers(framework, objective(face(*arrays, **call)))
    for other in (copy.deepcopy(face), copy.copy(face), pickle.loads(pickle.dumps(face))):
        assert type(other) is type(face)
        assert repr(other) == repr(face)
        np.testing.assert_array_equal(numbers(framework, objective(other(*arrays, **call))), expected)


@both
def test_repr(package: str) -> None:
    faces, framework = faces_of(package), framework_of(package)
    assert repr(faces.MSELoss()) == "MSELoss()"
    assert repr(faces.HuberLoss(delta=2.0, reduction="sum")) == "HuberLoss(delta=2.0, reduction='sum')"
    weighted = faces.CrossEntropyLoss(label_smoothing=0.1, class_weights=framework.array(CLASS_WEIGHTS))
    assert repr(weighted) == "CrossEntropyLoss(label_smoothing=0.1, class_weights=(3,))"


WRONG = {
    "no-option": (
        lambda faces: faces.HuberLoss(detla=2.0),
        "HuberLoss: expected options among delta, axis, reduction; got detla",
    ),
    "of-the-call": (
        lambda faces: faces.HuberLoss(mask=None),
        "HuberLoss: expected options among delta, axis, reduction; got mask; it is passed with the arrays, at the call",
    ),
    "array": (
        lambda faces: faces.MSELoss(predictions=None),
        "MSELoss: expected options among axis, reduction; got predictions; it is passed with the arrays, at the call",
    ),
    "by-position": (lambda faces: faces.HuberLoss(2.0), "HuberLoss: expected options by name; got 1 by position"),
    "too-many-by-position": (
        lambda faces: faces.FocalLoss(0.25, 2.0, "mean", 0),
        "FocalLoss: expected alpha, gamma, reduction by position, others by name; got 4 by position",
    ),
    "twice": (
        lambda faces: faces.TripletLoss(0.5, margin=1.0),
        "TripletLoss: expected margin once; got it by position and by name",
    ),
    "missing": (
        lambda faces: faces.ELBOLoss(),
        "ELBOLoss: expected the option likelihood, which has no default; got none",
    ),
    "option-at-the-call": (
        lambda faces: faces.HuberLoss()(None, None, delta=2.0),
        "HuberLoss: expected arrays, mask or normalizer at the call; got delta, a constructor option",
    ),
}


@both
@pytest.mark.parametrize(("use", "text"), WRONG.values(), ids=WRONG.keys())
def test_wrong_use(package: str, use: Any, text: str) -> None:
    with pytest.raises(TypeError) as raised:
        use(faces_of(package))
    assert str(raised.value) == text


@both
def test_a_tutorials_classes_take_its_options_by_position(package: str) -> None:
    faces = faces_of(package)
    assert repr(faces.FocalLoss(0.25, 2.0)) == "FocalLoss(alpha=0.25, gamma=2.0)"
    assert repr(faces.TverskyLoss(0.3, 0.7, smooth=0.5)) == "TverskyLoss(alpha=0.3, beta=0.7, smooth=0.5)"
    assert repr(faces.MultiClassDiceLoss(0.5)) == "MulticlassDiceLoss(smooth=0.5)"
    for loss, taken in BY_POSITION.items():
        known = inspect.signature(getattr(faces, face_name(loss))).parameters
        assert [each for each in known if each in taken] == list(taken)


@both
def test_options_in_numpy(package: str) -> None:
    """As scikit-learn's compute_class_weight gives them."""
    framework = framework_of(package)
    face = faces_of(package).CrossEntropyLoss(class_weights=np.array([1.0, 2.0, 4.0])[::-1])
    logits, labels = framework.array(np.eye(3)), framework.array(np.array([0, 1, 1]))
    expected = lossary.cross_entropy_loss(logits, labels, class_weights=[4.0, 2.0, 1.0])
    np.testing.assert_allclose(numbers(framework, face(logits, labels)), numbers(framework, expected), rtol=1e-6)


@both
def test_numbers_of_numpy_are_numbers(package: str) -> None:
    faces = faces_of(package)
    assert "gamma=2.0" in repr(faces.FocalLoss(gamma=np.float32(2)))
    assert "ignore_index=255" in repr(faces.CrossEntropyLoss(ignore_index=np.int64(255)))
    with pytest.raises(ValueError, match="huber_loss: expected delta > 0; got delta"):
        faces.HuberLoss(delta=np.float64(-2))


# ---- torch ----


def test_tensor_options_belong_to_the_state(torch: ModuleType) -> None:
    import lossary.torch

    face = lossary.torch.CrossEntropyLoss(class_weights=torch.tensor(CLASS_WEIGHTS))
    assert list(face.state_dict()) == ["class_weights"]
    assert face.to(torch.float32).class_weights.dtype == torch.float32
    other = lossary.torch.CrossEntropyLoss(class_weights=torch.ones(3))
    other.load_state_dict(face.state_dict())
    assert torch.equal(other.class_weights, face.class_weights)
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    assert face(logits, labels) == lossary.cross_entropy_loss(logits, labels, class_weights=CLASS_WEIGHTS.tolist())


def test_learned_class_weights(torch: ModuleType) -> None:
    import lossary.torch

    face = lossary.torch.CrossEntropyLoss(class_weights=torch.nn.Parameter(torch.ones(3)))
    assert [name for name, _ in face.named_parameters()] == ["class_weights"]
    face(torch.randn(4, 3), torch.tensor([0, 1, 2, 1])).backward()
    assert face.class_weights.grad.shape == (3,)


def test_inside_other_modules(torch: ModuleType) -> None:
    import lossary.torch

    class Criterion(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.terms = torch.nn.ModuleDict(
                {"huber": lossary.torch.HuberLoss(delta=2.0), "mae": lossary.torch.MAELoss()}
            )

        def forward(self, predictions: Any, targets: Any) -> Any:
            return sum(term(predictions, targets) for term in self.terms.values())

    criterion = Criterion().eval().to("cpu")
    assert criterion(torch.zeros(2), torch.ones(2)) == 1.5
    assert "(huber): HuberLoss(delta=2.0)" in repr(criterion)
    stored = io.BytesIO()
    torch.save(lossary.torch.HuberLoss(delta=2.0), stored)
    stored.seek(0)
    assert repr(torch.load(stored, weights_only=False)) == "HuberLoss(delta=2.0)"
    scores = torch.nn.Sequential(torch.nn.Identity(), lossary.torch.GaussianKLDivergence())
    assert scores[1](torch.ones(1, 2), torch.zeros(1, 2)) == 1.0


def test_hooks(torch: ModuleType) -> None:
    import lossary.torch

    face, seen = lossary.torch.MSELoss(), []
    face.register_forward_hook(lambda module, arguments, value: seen.append(float(value)))
    face(torch.zeros(2), torch.ones(2))
    assert seen == [1.0]


def test_compiled_face(torch: ModuleType) -> None:
    import lossary.torch

    torch._dynamo.reset()
    face = lossary.torch.CrossEntropyLoss(class_weights=torch.tensor(CLASS_WEIGHTS, dtype=torch.float32))
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    expected = face(logits, labels)
    face.compile(fullgraph=True, backend="eager")
    torch.testing.assert_close(face(logits, labels), expected)


# ---- flax ----


def test_nnx_transforms(jax: ModuleType) -> None:
    from flax import nnx

    import lossary.flax

    model, criterion = (
        nnx.Linear(3, 3, rngs=nnx.Rngs(0)),
        lossary.flax.CrossEntropyLoss(class_weights=JAX.array(CLASS_WEIGHTS)),
    )
    images, labels = jax.numpy.ones((4, 3)), jax.numpy.array([0, 1, 2, 1])

    def loss(model: Any, criterion: Any) -> Any:
        return criterion(model(images), labels)

    value = lossary.cross_entropy_loss(model(images), labels, class_weights=CLASS_WEIGHTS.tolist())
    np.testing.assert_allclose(nnx.jit(loss)(model, criterion), value, rtol=1e-6)
    found, gradients = nnx.jit(nnx.value_and_grad(loss))(model, criterion)
    np.testing.assert_allclose(found, value, rtol=1e-6)
    assert jax.tree.leaves(gradients)[0].shape == (3,)


def test_nnx_state(jax: ModuleType) -> None:
    from flax import nnx

    import lossary.flax

    face = lossary.flax.CrossEntropyLoss(class_weights=JAX.array(CLASS_WEIGHTS), label_smoothing=0.1)
    structure, state = nnx.split(face)
    assert [leaf.shape for leaf in jax.tree.leaves(state)] == [(3,)]
    assert repr(nnx.merge(structure, state)) == repr(face)
    assert hash(nnx.split(face)[0]) == hash(nnx.split(copy.deepcopy(face))[0])
    assert jax.tree.leaves(nnx.state(lossary.flax.HuberLoss(delta=2.0))) == []


def test_gradient_accumulation_under_nnx(jax: ModuleType) -> None:
    from flax import nnx

    import lossary.flax

    criterion = lossary.flax.MSELoss()
    model = nnx.Linear(2, 1, rngs=nnx.Rngs(0))
    inputs, targets = jax.numpy.arange(16.0).reshape(8, 2), jax.numpy.ones((8, 1))
    step = nnx.jit(nnx.grad(lambda model, x, y: criterion(model(x), y, normalizer=8.0)))
    parts = [step(model, inputs[i : i + 2], targets[i : i + 2]) for i in range(0, 8, 2)]
    whole = step(model, inputs, targets)
    for found, expected in zip(
        jax.tree.leaves(jax.tree.map(lambda *g: sum(g), *parts)), jax.tree.leaves(whole), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_nnx_vmap(jax: ModuleType) -> None:
    from flax import nnx

    mapped = nnx.vmap(lambda predictions, targets: lossary.mse_loss(predictions, targets))  # nnx wants no keyword-only
    found = nnx.jit(mapped)(jax.numpy.ones((3, 2)), jax.numpy.zeros((3, 2)))
    np.testing.assert_array_equal(found, [1.0, 1.0, 1.0])


def test_transforms_of_faces(jax: ModuleType) -> None:
    """They look at the signature of the call, which is not that of the constructor."""
    from flax import nnx

    import lossary.flax

    face, ones = lossary.flax.MSELoss(), jax.numpy.ones((4, 3))
    np.testing.assert_allclose(nnx.grad(face)(ones, 0 * ones), np.full((4, 3), 2 / 12), rtol=1e-6)
    assert inspect.signature(face).parameters.keys() == {"arrays", "named"}
