"""The demo: its data are what it says, both frameworks take the same steps, and the report says what was measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossary import demo

pytest.importorskip("matplotlib")
pytest.importorskip("mlxtend")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

from matplotlib.image import imread

from lossary.demo import classification, data, meshes, nuclei, regression, retrieval, segmentation, shape, vae, views
from lossary.demo.calibration import expected_calibration_error, reliability
from lossary.demo.experiment import Budget, Job, Training, carry_out
from lossary.demo.report import write
from lossary.demo.section import Section, Table
from lossary.demo.summary import Metric, agreement, plus_minus, scientific
from lossary.demo.training import Layer, convolutional, create, dense, free

FRAMEWORKS = [name for name in demo.FRAMEWORKS if name in sys.modules or find_spec(name)]
SMALL = {
    regression: Budget(2, 2),
    classification: Budget(2),
    vae: Budget(2),
    retrieval: Budget(2),
    segmentation: Budget(2),
    shape: Budget(2),
}
PICTURES = {
    "regression": ["regression-curves.png", "regression-errors.png", "regression-losses.png"],
    "classification": ["classification-curves.png", "classification-reliability.png", "classification-scores.png"],
    "vae": ["vae-curves.png", "vae-diagnostics.png", "vae-digits.png"],
    "retrieval": ["retrieval-curves.png", "retrieval-embeddings.png", "retrieval-scores.png"],
    "segmentation": ["segmentation-curves.png", "segmentation-overlays.png", "segmentation-scores.png"],
    "shape": ["shape-curves.png", "shape-stages.png", "shape-terms.png"],
}

TOLERANCE = {"retrieval": 1e-2, "shape": 1e-3}
"""Where a rounding may choose another triplet, or another nearest point."""

if not find_spec("stardist"):
    pytest.skip("stardist is not installed", allow_module_level=True)

needs_a_framework = pytest.mark.skipif(not FRAMEWORKS, reason="neither torch nor jax is installed")
needs_both = pytest.mark.skipif(len(FRAMEWORKS) < 2, reason="torch and jax are not both installed")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing from a second thread, and lose much where the processor is shared."""
    if "torch" not in FRAMEWORKS:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@contextmanager
def quietly(title: str, total: int) -> Generator[Callable[[], None]]:
    yield lambda: None


# ---- the data ----


def test_a_tenth_of_the_training_targets_are_ten_times_too_large(rng):
    split = data.diabetes(rng)
    ratio = split.in_unit(split.targets) / split.in_unit(split.clean_targets)
    assert len(split.targets) == 340
    assert split.wrong.sum() == 34
    np.testing.assert_allclose(ratio[split.wrong], 10.0, rtol=1e-5)
    np.testing.assert_array_equal(split.targets[~split.wrong], split.clean_targets[~split.wrong])


def test_the_diabetes_test_targets_are_right_and_nobody_is_in_both_halves(rng):
    from sklearn.datasets import load_diabetes

    split = data.diabetes(rng)
    told = np.concatenate([split.in_unit(split.clean_targets), split.test_targets])
    np.testing.assert_allclose(np.sort(told), np.sort(load_diabetes().target), rtol=1e-5)
    assert len(split.test_targets) == 102
    assert 25 <= split.test_targets.min() <= split.test_targets.max() <= 346


def test_the_rare_digit_is_thinned_one_in_fifty_and_the_test_set_is_balanced(rng):
    split = data.digits(rng, thinned=True)
    expected = np.full(10, 400)
    expected[data.RARE] = 8
    np.testing.assert_array_equal(np.bincount(split.labels), expected)
    np.testing.assert_array_equal(np.bincount(split.test_labels), np.full(10, 100))


def test_no_digit_is_in_both_halves(rng):
    split = data.digits(rng)
    rows = np.concatenate([split.images, split.test_images])
    assert rows.shape == (5000, 784)
    assert (rows.min(), rows.max()) == (0, 1)
    assert len(np.unique(rows, axis=0)) == 5000


def test_batches_are_of_one_size_and_no_item_comes_twice(rng):
    items = np.arange(10)
    epoch = [batch for (batch,) in data.batches(rng, 4, items)]
    assert [len(batch) for batch in epoch] == [4, 4]
    assert len(np.unique(np.concatenate(epoch))) == 8


def test_the_batch_of_the_classifier_divides_its_training_set():
    assert (9 * data.DIGITS_TRAIN + data.DIGITS_TRAIN // data.THINNING) % classification.BATCH == 0


def test_class_weights_are_inverse_to_the_counts():
    weights = classification.balanced_weights(np.repeat(np.arange(10), [2] * 9 + [20]))
    np.testing.assert_allclose(weights, [1.9] * 9 + [0.19], rtol=1e-6)


def test_a_view_is_the_image_moved_a_little(rng):
    drawn = views.draw_views(rng)
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 13:15, 13:15] = 1  # a dot in the middle
    for _ in range(20):
        view = drawn.of(image.reshape(1, 784), rng).reshape(28, 28)
        where = np.argwhere(view == 1)
        assert len(where) > 0
        assert np.abs(where - 13.5).max() <= 5


def test_a_view_of_nothing_and_of_everything(rng):
    drawn = views.draw_views(rng)
    assert not drawn.of(np.zeros((5, 784), np.float32), rng).any()
    everything = drawn.of(np.ones((50, 784), np.float32), rng)
    assert set(np.unique(everything)) == {0, 1}  # black comes in from outside
    assert everything.reshape(-1, 28, 28)[:, 8:20, 8:20].all()


def test_the_tiles_of_nuclei_are_the_whole_image_and_none_is_in_both_halves(rng):
    drawn = nuclei.draw_nuclei(rng)
    image, mask = nuclei._image_and_mask()
    assert (drawn.windows.shape, drawn.test_tiles.shape) == ((48, 64, 64), (4, 128, 128))
    pixels = np.concatenate([drawn.windows.ravel(), drawn.test_tiles.ravel()])
    assert np.corrcoef(np.sort(pixels), np.sort(image.ravel()))[0, 1] == pytest.approx(1.0)
    assert drawn.masks.sum() + drawn.test_masks.sum() == mask.sum() == 52226
    assert (drawn.windows.mean(), drawn.windows.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))


def test_cutting_keeps_rows_and_columns():
    squares = nuclei.cut(np.arange(16).reshape(4, 4), 2)
    np.testing.assert_array_equal(squares[1], [[2, 3], [6, 7]])


def test_the_best_threshold_is_between_dark_and_bright():
    tiles = np.array([[[0.1, 0.2], [0.8, 0.9]]])
    assert 0.2 <= nuclei.best_threshold(tiles, tiles > 0.5) < 0.8


def test_the_bunny_is_the_one_that_its_notice_speaks_of():
    assert sha256(meshes.BUNNY.read_bytes()).hexdigest() == (
        "75dfc364000103552dcea8928ec135960d45b77aedf6de14bfa70eb6c1b8a752"
    )
    notice = meshes.BUNNY.with_name("NOTICE").read_text(encoding="utf-8")
    assert "Stanford 3D Scanning Repository" in notice
    assert "commercial" in notice
    assert "stanford_bunny/bunny.npz" in (Path(__file__).parents[1] / "NOTICE").read_text(encoding="utf-8")


@pytest.mark.parametrize("mesh", [meshes.bunny(), meshes.icosphere(0), meshes.icosphere(2)], ids=["bunny", "20", "320"])
def test_a_mesh_is_closed_and_turned_outwards(mesh):
    edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    assert len(np.unique(edges, axis=0)) == len(edges)  # each direction once
    assert {tuple(edge) for edge in edges} == {tuple(edge) for edge in edges[:, ::-1]}
    assert len(mesh.vertices) - len(edges) // 2 + len(mesh.faces) == 2
    assert np.linalg.det(mesh.vertices[mesh.faces].astype(float)).sum() > 0  # six times the volume
    assert np.linalg.norm(mesh.vertices, axis=1).max() == pytest.approx(1.0)


def test_points_lie_on_their_triangles_and_everywhere_alike(rng):
    square = meshes.Mesh(np.array([[0.0, 0, 0], [3, 0, 0], [3, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))
    _, areas = meshes.points_on(square.vertices, square.faces, meshes.corner_shares(rng, 2))
    np.testing.assert_allclose(areas, [1.5, 1.5])
    points = meshes.sampled(rng, square, 4000)
    assert (points.min(axis=0) >= 0).all()
    assert (points.max(axis=0) <= [3, 1, 0]).all()
    np.testing.assert_allclose(points.mean(axis=0), [1.5, 0.5, 0], atol=0.06)


# ---- scores ----


def test_recall_and_precision_of_neighbours_on_a_circle():
    angles = np.array([0, 0.1, 3, 3.2, 3.1])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1], [2], [3], [4], [5]]  # lengths do not matter
    found = retrieval.recall_and_precision(points, np.array([0, 0, 1, 1, 0]))
    assert found["recall"] == pytest.approx(2 / 5)


def test_overlap_counts_pixels():
    predicted, masks = np.array([True, True, True, False]), np.array([True, True, False, True])
    assert segmentation.overlap(predicted, masks) == pytest.approx({"iou": 2 / 4, "precision": 2 / 3, "recall": 2 / 3})


# ---- calibration ----


def test_calibration_error_of_two_sure_and_right_predictions_is_what_their_confidence_lacks():
    assert expected_calibration_error(np.array([[0.8, 0.2], [0.2, 0.8]]), np.array([0, 1])) == pytest.approx(0.2)


def test_calibration_error_weighs_bins_by_their_share():
    probs = np.array([[0.9, 0.1]] * 3 + [[0.6, 0.4]])
    labels = np.array([0, 0, 1, 0])  # bins: confidence 0.9, right 2/3; confidence 0.6, right 1
    assert expected_calibration_error(probs, labels) == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.4)


def test_calibration_error_is_zero_where_confidence_is_what_comes_true():
    assert expected_calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1])) == pytest.approx(0.0)


def test_full_confidence_is_in_the_last_bin():
    bins = reliability(np.array([[1.0, 0.0]]), np.array([0]))
    assert (bins.share, bins.confidence, bins.accuracy) == ([1.0], [1.0], [1.0])


# ---- the trainers ----


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_first_step_of_adam_moves_each_parameter_by_the_learning_rate(framework):
    trainer = create(framework, lambda networks, x: (networks["line"](x) ** 2).sum(), 0.25)
    trainer.start({"line": [Layer(np.ones((1, 1), np.float32), np.ones(1, np.float32))]})
    x = np.ones((1, 1), np.float32)
    assert float(trainer.step(x)) == 4.0
    np.testing.assert_allclose(trainer.networks()["line"](x), [[1.5]], rtol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_starting_anew_forgets_everything(framework, rng):
    trainer = create(framework, lambda networks, x: (networks["net"](x) ** 2).mean(), 0.1)
    weights = {"net": dense(3, 4, 2)(rng)}
    x = rng.standard_normal((5, 3), np.float32)
    curves = []
    for _ in range(2):
        trainer.start(weights)
        curves.append([float(trainer.step(x)) for _ in range(4)])
    assert curves[0] == curves[1]
    assert curves[0][0] > curves[0][-1]


def test_a_step_in_jax_is_compiled_once_however_often_it_starts_anew(jax, rng):
    traced = []

    def objective(networks: Any, x: Any) -> Any:
        traced.append(x)
        return (networks["net"](x) ** 2).mean()

    trainer = create("jax", objective, 0.1)
    for _ in range(3):
        trainer.start({"net": dense(3, 4, 2)(rng)})
        for _ in range(2):
            trainer.step(rng.standard_normal((5, 3), np.float32))
    assert len(traced) == 1


STARTS = {
    "dense": (dense(3, 8, 8, 2), (5, 3)),
    "convolutional": (convolutional((2, 4, 4, 1), dilations=(1, 2, 1)), (3, 9, 7, 2)),
}


@needs_both
@pytest.mark.parametrize("start", STARTS)
def test_both_frameworks_take_the_same_steps(rng, start):
    network, shape = STARTS[start]
    weights = {"net": network(rng)}
    batches = [rng.standard_normal(shape, np.float32) for _ in range(20)]
    curves = []
    for framework in FRAMEWORKS:
        trainer = create(framework, lambda networks, x: (networks["net"](x) ** 2).mean(), 0.01)
        trainer.start(weights)
        curves.append([float(trainer.step(batch)) for batch in batches])
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-4)  # optax rounds 1 − 0.999ᵗ to float32, torch does not


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_convolution_keeps_the_size_and_looks_as_far_as_its_dilation(framework):
    weight = np.zeros((3, 3, 1, 1), np.float32)
    weight[0, 2] = 1  # the pixel above to the right
    trainer = create(framework, lambda networks, x: networks["net"](x).sum(), 0.1)
    trainer.start({"net": [Layer(weight, np.zeros(1, np.float32), dilation=2)]})
    image = np.arange(20, dtype=np.float32).reshape(1, 4, 5, 1)
    expected = np.zeros_like(image)
    expected[:, 2:, :3] = image[:, :2, 2:]
    np.testing.assert_array_equal(trainer.networks()["net"](image), expected)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_free_parameters_begin_as_given_and_are_trained(framework):
    begin = np.array([1.0, -2.0], np.float32)
    trainer = create(framework, lambda networks, x: ((networks["free"]() - x) ** 2).sum(), 0.25)
    trainer.start({"free": free(begin)(np.random.default_rng(0))})
    assert float(trainer.step(np.zeros(2, np.float32))) == 5.0
    np.testing.assert_allclose(trainer.networks()["free"](), [0.75, -1.75], rtol=1e-5)
    np.testing.assert_array_equal(begin, [1.0, -2.0])  # what was given is not touched


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_same_seed_same_numbers_and_another_seed_others(framework, tmp_path):
    experiment = replace(regression.EXPERIMENT, objectives={"Huber": regression.EXPERIMENT.objectives["Huber"]})

    def numbers(seed: int) -> list[Any]:
        trainings = carry_out(experiment, Job((framework,), Budget(2, 2), tmp_path, seed, quietly))
        return [(training.curve, training.scores) for training in trainings]

    first = numbers(1)
    assert numbers(1) == first
    assert numbers(2) != first


# ---- the whole ----


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A very short run of everything with everything, and its numbers."""
    out = tmp_path_factory.mktemp("demo") / "new" / "folder"
    with pytest.MonkeyPatch.context() as patch:
        for task, budget in SMALL.items():
            patch.setattr(task, "QUICK", budget)
        report = demo.run(quick=True, out=out, seed=5)
    assert report == out / "report.html"
    return out, json.loads((out / "results.json").read_text(encoding="utf-8"))


@needs_a_framework
def test_results_are_complete_and_finite(finished):
    _, results = finished
    assert list(results["tasks"]) == list(demo.TASKS)
    assert list(results["frameworks"]) == FRAMEWORKS
    assert (results["quick"], results["seed"]) == (True, 5)
    settings = {
        "regression": ["MSE", "MAE", "Huber", "log-cosh", "Charbonnier", "MSE, no outliers"],
        "classification": ["cross entropy", "class-weighted", "label-smoothed", "focal"],
        "vae": ["β = 1", "β = 4"],
        "retrieval": ["triplet, hardest", "triplet, semi-hard", "SupCon", "NT-Xent (no labels)"],
        "segmentation": ["CE", "Dice", "CE + Dice", "focal Tversky"],
        "shape": ["Chamfer alone", "Chamfer + mesh terms"],
    }
    for name, task in zip(demo.TASKS, SMALL, strict=True):
        trainings = results["tasks"][name]["trainings"]
        kinds = [(t["framework"], t["setting"], t["repeat"]) for t in trainings]
        repeats = range(SMALL[task].repeats)
        assert kinds == [(f, s, r) for f in FRAMEWORKS for s in settings[name] for r in repeats]
        for training in trainings:
            assert len(training["objective"]) == 2
            assert np.isfinite(training["objective"]).all()
            assert training["objective"][1] < training["objective"][0]
            assert all(np.isfinite(list(scores.values())).all() for scores in training["scores"])


@needs_a_framework
def test_scores_are_in_their_range_and_the_bound_is_the_difference_of_its_parts(finished):
    _, results = finished
    for training in results["tasks"]["classification"]["trainings"]:
        assert all(0 <= score <= 1 for score in training["scores"][-1].values())
        assert training["scores"][-1]["accuracy"] > 0.5
    for task in ("retrieval", "segmentation"):
        for training in results["tasks"][task]["trainings"]:
            assert all(0 <= score <= 1 for score in training["scores"][-1].values())
    for training in results["tasks"]["vae"]["trainings"]:
        assert len(training["scores"]) == 2  # after each epoch
        for scores in training["scores"]:
            assert scores["elbo"] == pytest.approx(scores["log_likelihood"] - scores["kl_divergence"], rel=1e-5)
            assert scores["kl_divergence"] > 0 > scores["log_likelihood"]


@needs_both
def test_both_frameworks_end_close(finished):
    """After two epochs; the longer, the more do roundings part them (a few 1e-3 after a full run)."""
    _, results = finished
    for name, task in results["tasks"].items():
        apart = task["relative_difference_of_final_objective"]
        assert len(apart) >= 2
        assert max(apart.values()) < TOLERANCE.get(name, 1e-4)


@needs_a_framework
def test_pictures_are_whole(finished):
    out, _ = finished
    assert sorted(path.name for path in out.glob("*.png")) == sorted(chain.from_iterable(PICTURES.values()))
    for path in out.glob("*.png"):
        pixels = imread(path)
        assert min(pixels.shape[:2]) > 200
        assert pixels.std() > 0.01


@needs_a_framework
def test_the_report_is_one_file_that_needs_nothing_else(finished):
    out, _ = finished
    html = (out / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'src="([^"]*)"', html)
    assert sources
    pictures = [b64decode(source.removeprefix("data:image/png;base64,"), validate=True) for source in sources]
    assert sorted(pictures) == sorted(path.read_bytes() for path in out.glob("*.png"))
    words = re.sub(r'src="[^"]*"', "", html)
    assert not re.search(r"https?:|//|<script|<link|@import|url\(", words)
    assert set(re.findall(r'href="([^"]*)"', words)) == {f"#{task}" for task in demo.TASKS}
    assert 'name="viewport"' in words


@needs_a_framework
def test_the_report_gives_the_numbers_of_this_run(finished):
    out, results = finished
    html = (out / "report.html").read_text(encoding="utf-8")
    for key, setting, metric in (
        ("mae", "Huber", Metric("")),
        ("rmse", "MSE", Metric("")),
    ):
        of_setting = [t for t in results["tasks"]["regression"]["trainings"] if t["setting"] == setting]
        values = [t["scores"][-1][key] for t in of_setting if t["framework"] == FRAMEWORKS[0]]
        assert f"<td>{plus_minus(np.array(values), metric)}</td>" in html
    assert html.count("What to notice") == 6
    if len(FRAMEWORKS) == 2:
        worst = max(results["tasks"]["vae"]["relative_difference_of_final_objective"].values())
        assert f"at most {scientific(worst)} apart" in html


@needs_a_framework
def test_without_a_terminal_one_line_for_each_finished_task(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(regression, "QUICK", Budget(1))
    demo.run(framework=FRAMEWORKS[0], quick=True, out=tmp_path, tasks=["regression"])
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"regression with outliers: 6 epochs in \d+\.\d s", lines[0])
    assert sum("epochs in" in line for line in lines) == 1
    assert lines[-1] == f"report: {tmp_path / 'report.html'}"
    assert sorted(path.name for path in tmp_path.glob("*.png")) == PICTURES["regression"]
    assert "framework</th>" not in (tmp_path / "report.html").read_text(encoding="utf-8")


# ---- the words follow from the numbers ----


def trained(scores: dict[str, Sequence[float]], key: str, framework: str = "torch", **others: float) -> list[Training]:
    return [
        Training(framework, setting, repeat, [2.0, 1.0], [{key: value, **others}], [None])
        for setting, values in scores.items()
        for repeat, value in enumerate(values)
    ]


def test_the_best_loss_is_the_one_with_the_smallest_error():
    errors = {"MSE": [40, 41], "MAE": [60, 80], "Huber": [50, 52], "log-cosh": [50, 51], "Charbonnier": [60, 61]}
    sentences = regression.notice(trained({**errors, regression.REFERENCE: [20, 20.5]}, "mae"))
    assert sentences == [
        "Smallest test MAE: MSE, 40.5 ± 0.7; largest: MAE, 70.0 ± 14.1, 1.7 times as much. MSE is better than MAE in "
        "2 of 2 splits.",
        "Trained without outliers, MSE comes to 20.2 ± 0.4: the outliers cost MSE a factor of 2.00.",
        "MSE is ahead of each of the others by more than two standard errors of the paired difference.",
    ]


def test_losses_that_the_splits_do_not_tell_apart_are_named():
    errors = {"MSE": [90, 91], "MAE": [40, 41], "Huber": [41, 40.5], "log-cosh": [50, 51], "Charbonnier": [60, 61]}
    sentences = regression.notice(trained({**errors, regression.REFERENCE: [40, 40]}, "mae"))
    assert sentences[-1] == "Within two standard errors of MAE (paired over 2 splits), so not told apart: Huber (+0.2)."


RECALLS = {
    "triplet, hardest": [0.5, 0.6],
    "triplet, semi-hard": [0.9, 0.9],
    "SupCon": [0.95, 0.97],
    "NT-Xent (no labels)": [0.8, 0.8],
}


def test_what_retrieval_finds_is_held_against_raw_pixels():
    assert retrieval.notice(trained(RECALLS, "recall", untrained_recall=0.85))[:2] == [
        "Highest recall@1: SupCon, 96.0 ± 1.4 %; lowest: triplet, hardest, 55.0 ± 7.1 %. Raw pixels, without any "
        "training: 85.0 ± 0.0 %.",
        "NT-Xent (no labels): 80.0 ± 0.0 %, 5.0 points below the raw pixels.",
    ]


@pytest.mark.parametrize(("end", "told"), [(0.31, True), (0.2, False)])
def test_a_collapse_is_told_where_the_objective_ends_at_the_margin(end, told):
    trainings = [replace(t, curve=[1.0, end]) for t in trained(RECALLS, "recall", untrained_recall=0.85)]
    sentences = retrieval.notice(trainings)
    assert any("ends at 0.310; embeddings that are all equal" in sentence for sentence in sentences) is told
    assert len(sentences) == 2 + told


def test_outlines_are_generous_or_strict():
    both = {"CE": (0.9, 0.8), "Dice": (0.85, 0.85), "CE + Dice": (0.8, 0.8), "focal Tversky": (0.7, 0.95)}
    trainings = [
        replace(t, scores=[{"iou": 0.8, "untrained_iou": 0.7, "precision": p, "recall": r}])
        for name, (p, r) in both.items()
        for t in trained({name: [0]}, "iou")
    ]
    assert segmentation.notice(trainings) == [
        "Largest IoU: CE, 80.0 %; smallest: focal Tversky, 80.0 %. The best single threshold comes to 70.0 %.",
        "The most generous outlines: focal Tversky, with recall 95.0 % and precision 70.0 %.",
        "The strictest outlines: CE, with recall 80.0 % and precision 90.0 %.",
    ]


@pytest.mark.parametrize(("folds", "factor"), [(0.5, "5.0: Chamfer distance asks only"), (0.05, "0.5.")])
def test_folds_are_explained_only_where_there_are_more(folds, factor):
    others = {"roughness": 0.0, "edges": 0.0}
    trainings = trained({shape.ALONE: [0.002]}, "chamfer", folds=folds, **others)
    trainings += trained({shape.WITH_TERMS: [0.001]}, "chamfer", folds=0.1, **others)
    distance, sentence = shape.notice(trainings)
    assert distance.endswith("after the first epoch to 10.0; by the distance alone to 20.0.")
    assert f"a factor of {factor}" in sentence


def test_agreement_is_the_largest_relative_difference_of_the_last_epoch():
    ends = [("torch", 0, 2.0), ("torch", 1, 4.0), ("jax", 0, 2.0), ("jax", 1, 5.0)]
    trainings = [Training(framework, "MSE", repeat, [9.0, end], [{}], [None]) for framework, repeat, end in ends]
    assert agreement(trainings) == {"MSE": pytest.approx(0.2)}
    assert agreement(trainings[:2]) == {}


def test_what_a_task_says_cannot_break_the_page(tmp_path):
    section = Section("a", "<b>", "1 < 2 & 3", [Table("t", ["<i>"], [["<td>"]])], [], ["<script>"], {})
    html = write([section], "<facts>", tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 &lt; 2 &amp; 3" in html
    assert not re.search(r"<b>|<i>|<script>|<facts>|<td><td>", html)


# ---- what is refused ----


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make `demo` believe that only these packages are there."""

    def only(*names: str) -> None:
        monkeypatch.setattr(demo, "find_spec", lambda name: name if name in names else None)

    return only


def refused(kind: type[Exception], **arguments: Any) -> str:
    with pytest.raises(kind) as error:
        demo.run(**arguments)
    return str(error.value)


def test_unknown_arguments():
    assert refused(ValueError, tasks=["vae", "gan"]) == (
        "demo: unknown task 'gan'; known are regression, classification, vae, retrieval, segmentation, shape"
    )
    assert refused(ValueError, framework="keras") == "demo: unknown framework 'keras'; known are torch, jax and both"
    assert refused(ValueError, seed=-1) == "demo: seed must be ≥ 0; got -1"


def test_no_framework_installed(installed):
    installed()
    text = 'demo: needs PyTorch or JAX: pip install "lossary[torch]" or pip install "lossary[jax]"'
    assert refused(ImportError) == text
    assert refused(ImportError, framework="both") == text


def test_the_framework_asked_for_is_not_installed(installed):
    installed("torch", "jax")
    assert refused(ImportError, framework="both") == 'demo: jax needs flax, optax: pip install "lossary[jax]"'
    installed("jax", "flax", "optax")
    assert refused(ImportError, framework="torch") == 'demo: torch is not installed: pip install "lossary[torch]"'


def test_a_helper_is_not_installed(installed):
    installed("torch", "rich", "sklearn")
    assert refused(ImportError) == 'demo: needs matplotlib, mlxtend, scipy: pip install "lossary[demo]"'


def test_the_images_of_one_task_are_not_installed(installed):
    installed("torch", *demo._HELPERS)
    text = "demo: segmentation needs the images of stardist: pip install --no-deps stardist"
    assert refused(ImportError, tasks=["vae", "segmentation"]) == text


def test_a_task_without_its_data_is_left_out_and_named(monkeypatch, tmp_path, capsys):
    """As in the package without the bunny, and with what stands in for the tasks themselves."""
    monkeypatch.setattr(demo, "TASKS", ("regression", "shape"))
    monkeypatch.setattr(demo, "_absent", lambda: {"shape": "the Stanford bunny"})
    monkeypatch.setattr(regression, "QUICK", Budget(1))
    demo.run(framework=FRAMEWORKS[0], quick=True, out=tmp_path)
    assert "shape is left out: it needs the Stanford bunny" in capsys.readouterr().out
    assert list(json.loads((tmp_path / "results.json").read_text())["tasks"]) == ["regression"]
    assert refused(ImportError, tasks=["shape"]) == "demo: shape needs the Stanford bunny"


def test_a_file_where_the_folder_should_be(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(FileExistsError):
        demo.run(out=taken)


def test_importing_the_demo_imports_no_framework():
    code = "import sys, lossary.demo; print([m for m in ('torch', 'jax', 'matplotlib', 'sklearn') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
