"""Which pixels of a scene are usable: its scene classification → a mask and the causes of loss."""

from mlbmi.mask.clear import clear_mask
from mlbmi.mask.dilation import dilate

__all__ = ["clear_mask", "dilate"]
