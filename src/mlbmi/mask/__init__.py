"""Which pixels are usable: the scene classification → a mask and the causes of loss; and what does not fit its series."""

from mlbmi.mask.clear import clear_mask
from mlbmi.mask.dilation import dilate
from mlbmi.mask.outlier_dates import DateDeviation, date_deviations
from mlbmi.mask.outliers import find_outliers

__all__ = ["DateDeviation", "clear_mask", "date_deviations", "dilate", "find_outliers"]
