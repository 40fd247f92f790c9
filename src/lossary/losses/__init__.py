"""The formulas: pure functions, one module a family."""

FAMILIES = (
    "regression",
    "classification",
    "likelihood",
    "divergence",
    "transport",
    "contrastive",
    "segmentation",
    "boxes",
    "geometry",
)
