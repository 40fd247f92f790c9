"""The public surface: signatures, names, docstrings, exports, and what an import costs."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import lossary
from lossary import aliases
from lossary._core.faces import PER_CALL
from lossary.cli.docstrings import SECTIONS, read_docstring
from lossary.cli.entries import class_name
from lossary.losses import FAMILIES
from tests.catalog import APART, CASES, WITHOUT, Case, cases, names
from tests.support.faces import face_name

SOURCE = Path(lossary.__file__).parent
MODULES = [import_module(f"lossary.losses.{family}") for family in FAMILIES]
LOSSES = [getattr(module, name) for module in MODULES for name in module.__all__]
MACHINERY = {"reduce_loss", "LossResult", "checking", "LikelihoodType"}

ARRAYS = {"weights"} | names("ARRAYS")
OPTIONS = {"axis", "channel_axis", "reduction", "chunk_size", *PER_CALL} | names("OPTIONS")

losses = pytest.mark.parametrize("fn", LOSSES, ids=lambda fn: fn.__name__)
functions = pytest.mark.parametrize("fn", [*LOSSES, lossary.reduce_loss], ids=lambda fn: fn.__name__)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


# ---- names ----


def test_every_loss_has_a_case() -> None:
    assert {fn.__name__ for fn in LOSSES} | {"reduce_loss"} == {case.fn.__name__ for case in CASES} | set(APART)


def test_case_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_exports() -> None:
    assert set(lossary.__all__) == {fn.__name__ for fn in LOSSES} | MACHINERY | set(aliases.__all__)
    assert all(hasattr(lossary, name) for name in lossary.__all__)
    assert len(set(lossary.__all__)) == len(lossary.__all__)
    public = {name for name, value in vars(lossary).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(lossary.__all__)


@functions
def test_exported_where_it_is_defined(fn: Any) -> None:
    assert getattr(lossary, fn.__name__) is fn


@pytest.mark.parametrize(
    ("function", "face"),
    [
        *(
            ("huber_loss", "HuberLoss"),
            ("smooth_l1_loss", "SmoothL1Loss"),
            ("gaussian_kl_divergence", "GaussianKLDivergence"),
        ),
        *(("nt_xent_loss", "NTXentLoss"), ("info_nce_loss", "InfoNCELoss"), ("ms_ssim_loss", "MSSSIMLoss")),
        *(("giou_loss", "GIoULoss"), ("psnr_loss", "PSNRLoss"), ("proxy_nca_loss", "ProxyNCALoss")),
    ],
)
def test_class_names(function: str, face: str) -> None:
    assert class_name(function) == face


def test_only_what_is_to_be_made_small_is_called_a_loss() -> None:
    faces = {fn.__name__: face_name(fn) for fn in LOSSES}
    others = {name for name in faces if not name.endswith("_loss")}
    assert others == names("NO_LOSSES")
    assert all(face.endswith("Loss") == name.endswith("_loss") for name, face in faces.items())


# ---- signatures ----


@losses
def test_arrays_are_positional_and_options_are_not(fn: Any) -> None:
    parameters = list(inspect.signature(fn).parameters.values())
    arrays = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert parameters == arrays + options
    assert {p.name for p in arrays} <= ARRAYS  # and a callable, as a critic is, stands before them
    assert {p.name for p in options} <= OPTIONS
    assert all(p.default is p.empty or p.default is None for p in arrays)
    plain = (int, float, str, FunctionType)  # a function is another loss, as `distance_fn` is
    assert all(p.default is None or isinstance(p.default, plain) for p in options if p.default is not p.empty)


@functions
def test_common_options_look_alike(fn: Any) -> None:
    parameters = inspect.signature(fn).parameters
    defaults = {"mask": None, "normalizer": None, "reduction": "mean", "axis": None, "channel_axis": None}
    if {"reduce_sum", "p_samples"} & set(parameters):
        del defaults["axis"]  # the axis of the latent variables, of the samples: never all of them
    for name, default in defaults.items():
        if name in parameters:
            assert parameters[name].default == default, name
    given = list(parameters)
    if "reduction" in given:
        assert {"mask", "normalizer"} - WITHOUT.get(fn.__name__, set()) <= set(given)
        assert fn is lossary.reduce_loss or given[-1] == "reduction"
    if "weights" in given and fn is not lossary.reduce_loss:
        arrays = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert arrays[-1] == "weights"


@functions
def test_everything_is_annotated(fn: Any) -> None:
    signature = inspect.signature(fn)
    assert signature.return_annotation is not signature.empty
    assert all(p.annotation is not p.empty for p in signature.parameters.values())


# ---- docstrings ----


@losses
def test_docstring(fn: Any) -> None:
    doc = read_docstring(fn)
    assert doc.meaning.endswith(".")
    assert set(doc.args) == set(inspect.signature(fn).parameters) or all(
        any(name in re.split(r", ", key) for key in doc.args) for name in inspect.signature(fn).parameters
    )
    assert "radient" in doc.returns, "Returns: says how the gradient behaves"
    assert ">>> " in doc.example
    headings = [line[:-1] for line in inspect.cleandoc(fn.__doc__ or "").splitlines() if line.rstrip(":") in SECTIONS]
    assert headings == list(SECTIONS)


@cases(where=lambda case: case.name != "reduce_loss")
def test_stated_range_holds_for_the_case(case: Case) -> None:
    stated = read_docstring(case.fn).range
    low = stated.strip("[(").split(",")[0]
    if case.range[0] == 0 and low not in ("0", "epsilon^alpha", "H(q)"):
        assert "(−∞" in stated or case.fn is lossary.elbo_loss


# ---- modules and imports ----


@pytest.mark.parametrize("folder", ["losses", "combine", "streaming"])
def test_formulas_import_no_framework(folder: str) -> None:
    for path in (SOURCE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            assert not {name.partition(".")[0] for name in names} & {"torch", "jax", "numpy", "flax"}, path.name


def test_import_loads_no_framework() -> None:
    code = "import sys, lossary; print([name for name in ('torch', 'jax', 'flax', 'scipy') if name in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_import_is_quick(tmp_path: Path) -> None:
    """Without NumPy, which its users have loaded; compiled to bytecode once, as an installed package is; in seconds of
    the processor, whatever else the machine does.
    """
    code = "import numpy, time; start = time.process_time(); import lossary; print(time.process_time() - start)"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        for _ in range(4)
    ]
    assert min(float(run.stdout) for run in runs) < 0.1


def test_a_numpy_call_loads_no_framework() -> None:
    code = """
import sys, numpy, lossary
lossary.cross_entropy_loss(numpy.zeros((2, 3)), numpy.zeros(2, int))
print([name for name in ('torch', 'jax') if name in sys.modules])
"""
    assert python("-c", code).stdout.strip() == "[]"


def test_annotations_hold(pytestconfig: pytest.Config) -> None:
    """Every loss, called under a checker of shapes, with classes where the annotations write them: last."""
    pytest.importorskip("jaxtyping")
    code = """
from jaxtyping import install_import_hook
with install_import_hook("lossary.losses", "beartype.beartype"):
    import lossary
from tests.catalog import CASES
for case in CASES:
    last = case.fixed.get("likelihood") != "categorical" and "channel_axis" not in case.fixed
    for options in case.options if last else ():
        case.fn(**case.inputs(options))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=pytestconfig.rootpath)
    assert done.returncode == 0, done.stderr[-2000:]
