"""Losses of a discriminator (or critic) and of the generator against it, and penalties on the critic's slope."""

from .penalties import gradient_penalty as gradient_penalty
from .penalties import r1_penalty as r1_penalty
from .relativistic import relativistic_discriminator_loss as relativistic_discriminator_loss
from .relativistic import relativistic_generator_loss as relativistic_generator_loss
from .scores import hinge_discriminator_loss as hinge_discriminator_loss
from .scores import hinge_generator_loss as hinge_generator_loss
from .scores import least_squares_discriminator_loss as least_squares_discriminator_loss
from .scores import least_squares_generator_loss as least_squares_generator_loss
from .scores import vanilla_discriminator_loss as vanilla_discriminator_loss
from .scores import vanilla_generator_loss as vanilla_generator_loss
from .scores import wasserstein_discriminator_loss as wasserstein_discriminator_loss
from .scores import wasserstein_generator_loss as wasserstein_generator_loss

__all__ = [
    "vanilla_generator_loss",
    "vanilla_discriminator_loss",
    "least_squares_generator_loss",
    "least_squares_discriminator_loss",
    "wasserstein_generator_loss",
    "wasserstein_discriminator_loss",
    "hinge_generator_loss",
    "hinge_discriminator_loss",
    "relativistic_generator_loss",
    "relativistic_discriminator_loss",
    "gradient_penalty",
    "r1_penalty",
]
