"""Search for settings of the learner: on earlier times only, within bounds of cost and calibration."""

from risk_model.search.bounds import Bounds
from risk_model.search.cutoffs import Fold, inner_folds
from risk_model.search.searching import Found, Trial, search

__all__ = ["Bounds", "Fold", "Found", "Trial", "inner_folds", "search"]
