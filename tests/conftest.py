"""Settings that hold for every test."""

import os

from hypothesis import HealthCheck, settings

# Tests that use ONNX Runtime as an oracle import it themselves; it must not report from here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Numba compiles on first use, and nothing here is timed.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("project")
