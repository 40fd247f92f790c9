"""Shape fitting: a sphere becomes the Stanford bunny, by the distance of the surfaces alone and with mesh terms."""

# matplotlib's own annotations are partial:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from matplotlib.colors import LightSource
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from lossary import chamfer_distance, edge_length_loss, laplacian_smoothing_loss, normal_consistency_loss
from lossary.plot import style

from .experiment import Budget, Experiment, Job, Training, carry_out
from .meshes import Mesh, bunny, corner_shares, icosphere, points_on, sampled
from .pictures import agreement_sentence, curves, curves_caption, followed
from .section import Picture, Section
from .summary import Metric, agreement_tables, fixed, frameworks_of, numbers, plus_minus, score_table, scores
from .training import Array, Networks, Objective, free

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d import Axes3D

__all__ = ["FULL", "QUICK", "notice", "run"]

QUICK = Budget(epochs=10)
FULL = Budget(epochs=40)

SPHERE = icosphere(3)
RADIUS = 0.3
"""Of the sphere at the start: small enough to lie within the bunny, so that it grows into the ears."""
STEPS = 10
"""An epoch; there are always new points."""
POINTS = 1500
"""On the bunny, in each step; on the sphere there is one for each triangle."""
TEST_POINTS = 4000
TERM_WEIGHT = 0.1
METRICS = {
    "chamfer": Metric("Chamfer · 10⁴", 1e4),
    "folds": Metric("folds", digits=3),
    "roughness": Metric("roughness · 10⁴", 1e4),
    "edges": Metric("edges² · 10⁴", 1e4),
}


@dataclass(frozen=True)
class Fit:
    """The sphere at the start, and points on the bunny to measure with."""

    start: Array
    test_points: Array


@dataclass(frozen=True)
class Stage:
    """The vertices at the start, and as they are now."""

    start: Array
    vertices: Array


def _moved(networks: Networks, start: Any) -> Any:
    return start + networks["offsets"]()


def _distance(networks: Networks, start: Any, faces: Any, shares: Any, targets: Any) -> Any:
    """Chamfer distance of points on both surfaces; a triangle of the sphere counts by its area."""
    points, areas = points_on(_moved(networks, start), faces, shares)
    return chamfer_distance(points, targets, pred_weights=areas)


def _with_terms(networks: Networks, start: Any, faces: Any, shares: Any, targets: Any) -> Any:
    vertices = _moved(networks, start)
    terms = laplacian_smoothing_loss(vertices, faces) + edge_length_loss(vertices, faces)
    return _distance(networks, start, faces, shares, targets) + TERM_WEIGHT * terms


ALONE, WITH_TERMS = "Chamfer alone", "Chamfer + mesh terms"
OBJECTIVES: Mapping[str, Objective] = {ALONE: _distance, WITH_TERMS: _with_terms}


def _draw(rng: np.random.Generator) -> Fit:
    points = sampled(rng, bunny(), TEST_POINTS)
    return Fit(RADIUS * SPHERE.vertices + points.mean(axis=0), points)


def _batches(data: Fit, rng: np.random.Generator) -> Iterable[tuple[Array, ...]]:
    for _ in range(STEPS):
        yield data.start, SPHERE.faces, corner_shares(rng, len(SPHERE.faces)), sampled(rng, bunny(), POINTS)


def _score(networks: Networks, data: Fit) -> Mapping[str, float]:
    mesh = Mesh(_moved(networks, data.start), SPHERE.faces)
    points = sampled(np.random.default_rng(0), mesh, TEST_POINTS)
    return {
        "chamfer": float(chamfer_distance(points, data.test_points)),
        "folds": float(normal_consistency_loss(mesh.vertices, mesh.faces)),
        "roughness": float(laplacian_smoothing_loss(mesh.vertices, mesh.faces)),
        "edges": float(edge_length_loss(mesh.vertices, mesh.faces)),
    }


EXPERIMENT = Experiment(
    title="shape fitting",
    networks={"offsets": free(np.zeros_like(SPHERE.vertices))},
    objectives=OBJECTIVES,
    learning_rate=1e-2,
    draw=_draw,
    batches=_batches,
    score=_score,
    show=lambda networks, data: Stage(data.start, _moved(networks, data.start)),
    follow=True,
)


def run(job: Job) -> Section:
    """Deform the sphere with and without mesh terms and report how near and how smooth it ends."""
    trainings = carry_out(EXPERIMENT, job)
    return Section(
        name="shape",
        title="Shape fitting",
        done=(
            f"The {len(SPHERE.vertices)} vertices of a small sphere are moved, by gradient descent alone, until it "
            "looks like the Stanford bunny (Stanford University Computer Graphics Laboratory). There is no network: "
            "the parameters are the vertices' offsets. What is minimised is chamfer_distance between random points on "
            f"both surfaces; in the second run also {TERM_WEIGHT:g} · laplacian_smoothing_loss + {TERM_WEIGHT:g} · "
            "edge_length_loss: roughness and edges² below. Folds are normal_consistency_loss, which neither run "
            "minimised. The bunny fits in a sphere of radius 1; distances are squared."
        ),
        tables=[
            score_table(f"The final surface, by {TEST_POINTS} new points on each", trainings, METRICS),
            *agreement_tables(trainings),
        ],
        pictures=_pictures(job, trainings),
        notice=[*notice(trainings), *agreement_sentence(trainings)],
        numbers=numbers(trainings),
    )


def _pictures(job: Job, trainings: Sequence[Training]) -> list[Picture]:
    framework = frameworks_of(trainings)[0]
    mine = [training for training in trainings if training.framework == framework and training.repeat == 0]
    return [
        Picture(
            style.save(_stages(mine), job.out / "shape-stages.png"),
            f"The sphere on its way, and the bunny itself ({framework}). Dark triangles are turned inside out.",
        ),
        Picture(
            style.save(followed(mine, METRICS, panel=(3.1, 2.9), logarithmic="chamfer"), job.out / "shape-terms.png"),
            f"How near and how smooth the surface is, epoch by epoch ({framework}; an epoch is {STEPS} steps).",
        ),
        Picture(
            style.save(curves(trainings, "squared radii", scale="log"), job.out / "shape-curves.png"),
            curves_caption(trainings),
        ),
    ]


def _stages(trainings: Sequence[Training]) -> Figure:
    epochs = len(trainings[0].shown)
    seen = sorted({max(1, epochs // 8), max(1, epochs // 3), epochs})
    columns = 2 + len(seen)
    fig, axes = style.figure(len(trainings), columns, panel=(2.4, 2.5), subplot_kw={"projection": "3d"})
    solids = cast("list[Axes3D]", axes)
    for row, training in enumerate(trainings):
        stages = [("start", Mesh(training.shown[0].start, SPHERE.faces))]
        stages += [(f"epoch {epoch}", Mesh(training.shown[epoch - 1].vertices, SPHERE.faces)) for epoch in seen]
        mine = solids[row * columns : (row + 1) * columns]
        for ax, (title, mesh) in zip(mine, [*stages, ("the bunny", bunny())], strict=True):
            _solid(ax, mesh, title)
        mine[0].text2D(0.12, 0.5, training.setting, transform=mine[0].transAxes, ha="right", va="center")
    return fig


def _solid(ax: Axes3D, mesh: Mesh, title: str) -> None:
    """A mesh as a solid in the light, seen from the side."""
    upright = mesh.vertices[:, [0, 2, 1]] * np.array([1.0, -1.0, 1.0])  # matplotlib's third axis points upwards
    light = LightSource(azdeg=200, altdeg=40)
    ax.add_collection3d(Poly3DCollection(upright[mesh.faces], facecolors="#BFBFD9", shade=True, lightsource=light))
    ax.set(xlim=(-0.7, 0.7), ylim=(-0.7, 0.7), zlim=(-0.72, 0.68))
    ax.set_box_aspect((1, 1, 1), zoom=cast("Any", 1.35))  # matplotlib says int, and takes a float
    ax.view_init(15, -80)
    ax.set_axis_off()
    ax.set_title(title, fontsize="medium")


def notice(trainings: Sequence[Training]) -> list[str]:
    """What this run's numbers show, in sentences."""
    framework = frameworks_of(trainings)[0]
    of = {key: [scores(trainings, framework, name, key) for name in (ALONE, WITH_TERMS)] for key in METRICS}
    first = next(t for t in trainings if (t.framework, t.setting) == (framework, WITH_TERMS)).scores[0]
    near, folds = METRICS["chamfer"], METRICS["folds"]
    sharper = of["folds"][0].mean() / of["folds"][1].mean()
    why = ": Chamfer distance asks only for points that are near, not for triangles that lie side by side"
    return [
        f"{near.title} with mesh terms goes from {fixed(near.factor * first['chamfer'])} after the first epoch to "
        f"{plus_minus(of['chamfer'][1], near)}; by the distance alone to {plus_minus(of['chamfer'][0], near)}.",
        f"Folds are {plus_minus(of['folds'][0], folds)} by the distance alone and {plus_minus(of['folds'][1], folds)} "
        f"with mesh terms, a factor of {sharper:.1f}{why if sharper > 1 else ''}.",
    ]
