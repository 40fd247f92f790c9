"""Training on real data: the same tasks through the same code in PyTorch and in JAX, and a report on what came out.

Importing this package imports no framework; `run` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

__all__ = ["FRAMEWORKS", "TASKS", "run"]

TASKS = ("regression", "classification", "vae", "retrieval", "segmentation", "shape")
FRAMEWORKS = ("torch", "jax")

_NEEDS = {"torch": ("torch",), "jax": ("jax", "flax", "optax")}
_HELPERS = ("matplotlib", "mlxtend", "rich", "scipy", "sklearn")


def run(
    *,
    framework: str | None = None,
    quick: bool = False,
    out: Path = Path("lossary-demo"),
    seed: int = 0,
    tasks: Sequence[str] = (),
) -> Path:
    """Train, and write pictures, `results.json` and one self-contained `report.html`.

    Args:
        framework: "torch", "jax" or "both"; by default whatever is installed.
        quick: train for a short while only: under a minute on two cores, where the full run may take five.
        out: the folder to write to; made if needed.
        seed: ≥ 0. The same seed gives the same numbers.
        tasks: some of `TASKS`; by default all whose data is installed.

    Returns:
        The path of the report.

    Raises:
        ValueError: an unknown framework or task, or a negative seed.
        ImportError: no framework, not the one asked for, or not what else is needed, the data of a task that was
            asked for included; the text says what to install.
    """
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise ValueError(f"demo: unknown task {unknown[0]!r}; known are {', '.join(TASKS)}")
    if framework not in (None, "both", *FRAMEWORKS):
        raise ValueError(f"demo: unknown framework {framework!r}; known are {', '.join(FRAMEWORKS)} and both")
    if seed < 0:
        raise ValueError(f"demo: seed must be ≥ 0; got {seed}")
    frameworks = _frameworks(framework)
    missing = [name for name in _HELPERS if find_spec(name) is None]
    if missing:
        raise ImportError(f'demo: needs {", ".join(missing)}: pip install "lossary[demo]"')
    absent = {task: needed for task, needed in _absent().items() if task in (tasks or TASKS)}
    if tasks and absent:
        task, needed = next(iter(absent.items()))
        raise ImportError(f"demo: {task} needs {needed}")
    from .runner import run_tasks

    asked = [task for task in tasks or TASKS if task not in absent]
    return run_tasks(frameworks, asked, absent, quick=quick, out=Path(out), seed=seed)


def _absent() -> dict[str, str]:
    """Tasks whose data is not here, and what they need."""
    absent: dict[str, str] = {}
    if find_spec("stardist") is None:  # its requirements are large, and not needed here
        absent["segmentation"] = "the images of stardist: pip install --no-deps stardist"
    if not (Path(__file__).parent / "stanford_bunny" / "bunny.npz").exists():
        absent["shape"] = "the Stanford bunny, whose terms keep it out of the package: run the demo in the repository"
    return absent


def _frameworks(asked: str | None) -> tuple[str, ...]:
    missing = {name: [needed for needed in _NEEDS[name] if find_spec(needed) is None] for name in FRAMEWORKS}
    installed = tuple(name for name in FRAMEWORKS if not missing[name])
    if not any(find_spec(name) for name in FRAMEWORKS):
        raise ImportError('demo: needs PyTorch or JAX: pip install "lossary[torch]" or pip install "lossary[jax]"')
    wanted = FRAMEWORKS if asked == "both" else (asked,) if asked else installed or ("jax",)
    for name in wanted:
        if name in missing[name]:
            raise ImportError(f'demo: {name} is not installed: pip install "lossary[{name}]"')
        if missing[name]:
            raise ImportError(f'demo: {name} needs {", ".join(missing[name])}: pip install "lossary[{name}]"')
    return wanted
