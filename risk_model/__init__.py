"""Features to score, tier and explanation."""

import os

# Before any library that reports usage is imported. Both compare with the word "true".
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
