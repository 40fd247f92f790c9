"""Losses of err = prediction − target, and their derivatives in err."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.exact.arithmetic import Exact, mp


def of_error(value: Callable[..., Any], slope: Callable[..., Any]) -> Exact:
    def value_of(prediction: float, target: float, **options: float) -> Any:
        return value(mp.mpf(prediction) - mp.mpf(target), **options)

    def slopes_of(prediction: float, target: float, **options: float) -> tuple[Any, Any]:
        found = slope(mp.mpf(prediction) - mp.mpf(target), **options)
        return found, -found

    return Exact(value_of, slopes_of, ("predictions", "targets"))


def _huber(err: Any, delta: float = 1.0) -> Any:
    delta = mp.mpf(delta)
    return err**2 / 2 if abs(err) <= delta else delta * (abs(err) - delta / 2)


def _huber_slope(err: Any, delta: float = 1.0) -> Any:
    return err if abs(err) <= delta else mp.mpf(delta) * mp.sign(err)


def _smooth_l1(err: Any, beta: float = 1.0) -> Any:
    return abs(err) if beta == 0 else _huber(err, beta) / beta


def _smooth_l1_slope(err: Any, beta: float = 1.0) -> Any:
    return mp.sign(err) if beta == 0 else _huber_slope(err, beta) / beta


def _charbonnier(err: Any, epsilon: float = 1e-3, alpha: float = 1.0) -> Any:
    return mp.sqrt(err**2 + mp.mpf(epsilon) ** 2) ** mp.mpf(alpha)


def _charbonnier_slope(err: Any, epsilon: float = 1e-3, alpha: float = 1.0) -> Any:
    return alpha * err * mp.sqrt(err**2 + mp.mpf(epsilon) ** 2) ** (mp.mpf(alpha) - 2)


def _asymmetric(err: Any, over_penalty: float = 2.0) -> Any:
    return err**2 * (over_penalty if err > 0 else 1)


def _asymmetric_slope(err: Any, over_penalty: float = 2.0) -> Any:
    return 2 * err * (over_penalty if err > 0 else 1)


EXACT = {
    "mse_loss": of_error(lambda err: err**2, lambda err: 2 * err),
    "mae_loss": of_error(abs, mp.sign),
    "huber_loss": of_error(_huber, _huber_slope),
    "smooth_l1_loss": of_error(_smooth_l1, _smooth_l1_slope),
    "log_cosh_loss": of_error(lambda err: mp.log(mp.cosh(err)), mp.tanh),
    "charbonnier_loss": of_error(_charbonnier, _charbonnier_slope),
    "asymmetric_mse_loss": of_error(_asymmetric, _asymmetric_slope),
}
