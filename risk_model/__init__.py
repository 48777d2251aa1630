"""Features to score, tier and explanation."""

import os

# Threads of LightGBM that wait must not spin: on a machine that does other work they would slow it, and
# themselves, many times over.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Before any library that reports usage is imported. Both compare with the word "true".
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
