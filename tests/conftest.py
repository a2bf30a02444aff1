"""Settings that hold for every test."""

import os

# Two test processes share two cores; threads of torch would fight over them. Set before anything
# imports torch, and inherited by the observer.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

# A test that fails only now and then tells a reader nothing: in CI the examples are fixed.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
