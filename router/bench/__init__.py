"""Measures every place of every model with the same prompts.

from router import load_router
from router.bench import benchmark

async with load_router("router.yaml") as router:
found = await benchmark(router)
"""

from router.bench.figures import Benchmark, Measured, Run
from router.bench.measure import Plan, benchmark, measure, planned, summed
from router.bench.prompts import BUILT_IN, Prompt, read_prompts
from router.bench.report import as_mapping, run_as_mapping

__all__ = [
    "BUILT_IN",
    "Benchmark",
    "Measured",
    "Plan",
    "Prompt",
    "Run",
    "as_mapping",
    "benchmark",
    "measure",
    "planned",
    "read_prompts",
    "run_as_mapping",
    "summed",
]
