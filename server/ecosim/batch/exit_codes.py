"""The exit codes of every command."""

from typing import Final

EXIT_DONE: Final = 0
EXIT_ERROR: Final = 1
EXIT_MISTAKE: Final = 2
EXIT_SOME_FAILED: Final = 3
EXIT_INTERRUPTED: Final = 130

#: What each means, for the help and the pages.
MEANINGS: Final = {
    EXIT_DONE: "done as asked; of a batch: every run is done",
    EXIT_ERROR: "it could not be done, or stopped on an error such as a full disk",
    EXIT_MISTAKE: "the options, space, world or engine are mistaken; nothing was written",
    EXIT_SOME_FAILED: "some runs of the batch failed and were set aside; the others are done",
    EXIT_INTERRUPTED: "interrupted; what is there is whole, and a batch goes on with --resume",
}
