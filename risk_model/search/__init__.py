"""Search for settings and features of the learner: on earlier times only, within bounds."""

from risk_model.search.bounds import Bounds
from risk_model.search.cutoffs import Fold, inner_folds
from risk_model.search.searching import Found, Trial, search
from risk_model.search.stability import Stability, select

__all__ = ["Bounds", "Fold", "Found", "Stability", "Trial", "inner_folds", "search", "select"]
