"""JAX and Flax: a curve with outliers, learnt with squared error and with Huber.

Run: python examples/train_regressor_jax.py   (needs "lossary[jax]"; some seconds)
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from lossary import mse_loss
from lossary.flax import HuberLoss, Loss, MSELoss


class Curve(nnx.Module):
    """A small network from one number to one number."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(1, 64, rngs=rngs)
        self.out = nnx.Linear(64, 1, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.out(jnp.tanh(self.hidden(x)))


def data(points: int = 400) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Places, the true curve there, and what was measured: a tenth of it far too high."""
    places, noise, spoilt = jax.random.split(jax.random.key(0), 3)
    x = jax.random.uniform(places, (points, 1), minval=-1.0, maxval=1.0)
    truth = jnp.sin(3 * x)
    measured = truth + 0.1 * jax.random.normal(noise, x.shape)
    return x, truth, measured + 5.0 * jax.random.bernoulli(spoilt, 0.1, x.shape)


def train(loss: Loss, x: jax.Array, y: jax.Array, steps: int = 500) -> Curve:
    model = Curve(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)

    @nnx.jit
    def step(model: Curve, optimizer: nnx.Optimizer) -> None:
        gradient = nnx.grad(lambda model: loss(model(x), y))(model)
        optimizer.update(model, gradient)

    for _ in range(steps):
        step(model, optimizer)
    return model


def main() -> None:
    x, truth, measured = data()
    errors = {}
    for name, loss in {"squared": MSELoss(), "huber": HuberLoss(delta=0.2)}.items():
        errors[name] = float(mse_loss(train(loss, x, measured)(x), truth)) ** 0.5
    print(f"distance from the true curve: {errors['squared']:.3f} with squared error, {errors['huber']:.3f} with Huber")


if __name__ == "__main__":
    main()
