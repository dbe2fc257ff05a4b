"""The exit codes of the command.

====  ==========================================================
code  meaning
====  ==========================================================
0     every run is done
1     the batch could not be run, or stopped on an error
2     the options, the space, the world or the engine are mistaken
3     some runs failed and were set aside; the others are done
130   interrupted; ``--resume`` continues
====  ==========================================================
"""

from typing import Final

EXIT_DONE: Final = 0
EXIT_ERROR: Final = 1
EXIT_MISTAKE: Final = 2
EXIT_SOME_FAILED: Final = 3
EXIT_INTERRUPTED: Final = 130
