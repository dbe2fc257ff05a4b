"""One dataset from the runs of a batch: :func:`ecosim.datasets.collect.collect` builds it,
:func:`ecosim.datasets.open` reads it.
"""

from ecosim.datasets.reader import Dataset, open

__all__ = ["Dataset", "open"]
