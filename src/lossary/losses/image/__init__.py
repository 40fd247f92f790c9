"""Losses that see an image as an image: neighbours, edges, windows, decibels."""

from __future__ import annotations

from .edges import laplacian_loss as laplacian_loss
from .edges import sobel_loss as sobel_loss
from .psnr import psnr_loss as psnr_loss
from .similarity import ms_ssim_loss as ms_ssim_loss
from .similarity import ssim_loss as ssim_loss
from .variation import total_variation_loss as total_variation_loss

__all__ = ["psnr_loss", "ssim_loss", "ms_ssim_loss", "sobel_loss", "laplacian_loss", "total_variation_loss"]
