"""Nearest neighbours by scipy's k-d tree, for points in host memory, where scipy is installed."""

# scipy has no annotations of its own.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np

DIMENSIONS = 8  # beyond, a tree visits most of its points
PAIRS = 1 << 17  # below, looking at every pair is as fast

Array = np.ndarray[Any, Any]


def nearest_by_tree(x: Array, y: Array, keep: Array | None) -> Array | None:
    """For each of `x` (…, n, d) the index of its nearest among those of `y` (…, m, d) that `keep` has, or None: look at
    every pair. Of several equally near it is any one.
    """
    (n, d), m = x.shape[-2:], y.shape[-2]
    if d > DIMENSIONS or n * m < PAIRS or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    try:
        from scipy.spatial import KDTree
    except ImportError:
        return None
    clouds = zip(x.reshape(-1, n, d), y.reshape(-1, m, d), strict=True)
    kept: Any = [None] * (x.size // (n * d)) if keep is None else keep.reshape(-1, m)
    found: list[Array] = []
    for (points, others), which in zip(clouds, kept, strict=True):
        positions = None if which is None else np.flatnonzero(which)
        if positions is not None and len(positions) == 0:
            return None
        tree: Any = KDTree(others if positions is None else others[positions])
        index: Array = tree.query(points)[1]
        if (index == tree.n).any():  # no distance that float64 can hold
            return None
        found.append(index if positions is None else positions[index])
    return np.stack(found).reshape(x.shape[:-1]).astype(np.int64, copy=False)
