"""The formulas: pure functions, one module a family."""

FAMILIES = (
    "regression",
    "classification",
    "likelihood",
    "divergence",
    "transport",
    "adversarial",
    "metric_learning",
    "contrastive",
    "segmentation",
    "boxes",
    "image",
    "perceptual",
    "geometry",
)
