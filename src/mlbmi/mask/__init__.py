"""Which pixels of a scene are usable: its numbers and its scene classification → a mask and the causes of loss."""

from mlbmi.mask.clear import clear_mask
from mlbmi.mask.dilation import dilate
from mlbmi.mask.edges import DN_CAUSES, RINGING_PX, dn_edges

__all__ = ["DN_CAUSES", "RINGING_PX", "clear_mask", "dilate", "dn_edges"]
