"""A model of MLflow that explains what it predicts, as one writes it with what LightGBM brings along."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import mlflow
import numpy as np


class Explaining(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]
    """Margins and what each feature adds to them."""

    def load_context(self, context: Any) -> None:
        """Load the trees."""
        self.booster = lgb.Booster(model_file=context.artifacts["booster"])

    def predict(self, context: Any, model_input: Any, params: Any = None) -> dict[str, Any]:
        """Predict and explain."""
        rows = model_input.to_numpy(np.float64)
        return {
            "margin": np.asarray(self.booster.predict(rows, raw_score=True)).tolist(),
            "contributions": np.asarray(self.booster.predict(rows, pred_contrib=True)).tolist(),
        }


mlflow.models.set_model(Explaining())
