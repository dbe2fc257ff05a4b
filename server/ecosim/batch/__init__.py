"""Batches: a parameter space sampled into a design, and one run of a world for each row of it.

Importing this package loads nothing. :mod:`ecosim.batch.runner` runs a batch,
:mod:`ecosim.batch.space` reads spaces, :mod:`ecosim.batch.design` samples them,
:mod:`ecosim.batch.layout` names every file of the folder that comes out.
"""
