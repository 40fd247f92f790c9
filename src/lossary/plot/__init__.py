"""Pictures of losses. Each function returns a figure and shows nothing: save it with `fig.savefig("losses.png")`.

A notebook shows the figure that ends a cell. To see it in a pyplot window, draw on pyplot's axes:
`fig, axes = plt.subplots(1, 2); plot_losses(ax=axes); plt.show()`.
"""

from __future__ import annotations

from lossary.plot.curves import plot_losses
from lossary.plot.focal import plot_focal
from lossary.plot.maps import plot_loss_map

__all__ = ["compare_regression_losses", "plot_focal", "plot_loss_map", "plot_losses", "visualize_focal_loss"]

compare_regression_losses = plot_losses  # also known as
visualize_focal_loss = plot_focal  # also known as
