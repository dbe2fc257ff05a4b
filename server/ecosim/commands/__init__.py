"""The commands of ``ecosim``, one module each; a module's ``COMMAND`` is its entry in the tree."""
