"""Run a batch: ``ecosim batch`` as a script. ``--help`` lists the options."""

import sys

from ecosim.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["batch", *sys.argv[1:]]))
