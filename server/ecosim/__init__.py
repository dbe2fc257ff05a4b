"""EcoSim: an ecosystem engine, the telemetry that watches it, and the batches that run it.

Importing this package loads nothing; import the module you need:
``ecosim.telemetry`` (standard library alone), ``ecosim.engine`` (numpy), ``ecosim.batch`` (SALib).
"""

__version__ = "0.1.0"
