"""How close two results are."""

from __future__ import annotations

import numpy as np


def assert_close_by_rows(found: np.ndarray, expected: np.ndarray, tolerance: float, name: str = "value") -> None:
    """Equal to within `tolerance` of the largest number in the same row (axis 0): no large row hides a small one."""
    assert found.shape == expected.shape, name
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite], err_msg=name)
    found, expected = (
        np.where(finite, array, 0.0).reshape(len(array) if array.ndim else 1, -1) for array in (found, expected)
    )
    wrong = abs(found - expected) > tolerance * abs(expected).max(1, keepdims=True, initial=0.0)
    assert not wrong.any(), f"{name}: found {found[wrong]}, expected {expected[wrong]}"
