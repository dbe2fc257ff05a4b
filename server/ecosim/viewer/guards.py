"""Who may ask: checks of the ``Host`` and the ``Origin`` of a request.

A page from elsewhere runs in the user's browser and so reaches loopback. Two headers that a page
cannot change tell it from the server's own: ``Origin`` says whose page asks, and ``Host`` by
which name it got here, which gives away a name of its own that it has pointed at loopback.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

_LOOPBACK_NAME: Final = "localhost"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_loopback(name: str) -> bool:
    """Return whether a host name or an address is this machine's loopback."""
    if name.lower() == _LOOPBACK_NAME:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def normal_origin(text: str) -> str | None:
    """Return an origin as a browser would send it, or None for what is none.

    ``http://Localhost:80`` is ``http://localhost``.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return f"{parts.scheme}://{_place(parts.hostname, port, parts.scheme)}"


def make_guard(host: str, allowed_origins: Collection[str]) -> Middleware:
    """Return the middleware that turns away who may not ask, with 403 and a reason.

    Parameters
    ----------
    host : str
        The address that the server listens on.
    allowed_origins : collection of str
        Origins of other pages that may ask, as :func:`normal_origin` returns them.
    """
    only_loopback = is_loopback(host)
    allowed = frozenset(allowed_origins)

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if only_loopback and not _names_loopback(request.headers.get("Host", "")):
            raise web.HTTPForbidden(text="Host: expected a name of loopback, such as localhost")
        steers = request.method not in ("GET", "HEAD") or "Upgrade" in request.headers
        origin = request.headers.get("Origin")
        if steers and origin is not None and not _is_own(origin, request.headers.get("Host", "")):
            known = normal_origin(origin)
            if known is None or known not in allowed:
                raise web.HTTPForbidden(
                    text="Origin: expected this server's own page, or an origin that it was "
                    "started with (--allow-origin)"
                )
        return await handler(request)

    return guard


def _is_own(origin: str, host: str) -> bool:
    """Return whether an origin is the place that the request was sent to.

    The scheme is the page's own to choose: a proxy in between may speak TLS.
    """
    known = normal_origin(origin)
    if known is None:
        return False
    scheme = known.partition("://")[0]
    return known == normal_origin(f"{scheme}://{host}")


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)


def _place(name: str, port: int | None, scheme: str) -> str:
    shown = f"[{name}]" if ":" in name else name
    return shown if port in (None, _DEFAULT_PORTS[scheme]) else f"{shown}:{port}"
