"""``python -m ecosim``: the same command as the console script."""

from ecosim.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
