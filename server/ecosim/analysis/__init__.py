"""What the runs of a batch came to, and which parameters it depends on.

:mod:`ecosim.analysis.outcomes` makes one row a run from the dataset;
:mod:`ecosim.analysis.sensitivity` ranks the parameters of a batch by an outcome.
"""
