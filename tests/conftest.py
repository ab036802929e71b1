"""Settings that hold for every test."""

from hypothesis import HealthCheck, settings

# Numba compiles on first use, and nothing here is timed.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("project")
