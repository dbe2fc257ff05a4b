"""What the live server bounds, and where it listens by default.

Clients share the frames that wait for them, so the bounds of a backlog are about those of the
whole server's memory, and not of each client's.
"""

from __future__ import annotations

from typing import Final

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8765

#: Ticks a second.
DEFAULT_RATE: Final = 10.0
HIGHEST_RATE: Final = 1000.0

#: WebSockets open at once.
MOST_CLIENTS: Final = 256
#: Bytes of one incoming message.
LARGEST_MESSAGE: Final = 4096
#: Incoming messages that are read of one client, a second; as many may come at once.
MESSAGES_PER_SECOND: Final = 100

#: Frames and bytes that may wait for one client before it is dropped. One frame may be larger, and
#: a whole replay fits.
MOST_WAITING_FRAMES: Final = 2000
MOST_WAITING_BYTES: Final = 64 * 2**20

#: Samples kept for clients that come late.
DEFAULT_REPLAY: Final = 100
LARGEST_REPLAY: Final = 1000
LARGEST_REPLAY_BYTES: Final = 32 * 2**20

#: Seconds after which a silent client is asked whether it is there.
HEARTBEAT_S: Final = 30.0
#: Seconds that clients are given to take the last frames and to say goodbye.
GOODBYE_S: Final = 2.0
