"""What the port answers to plain requests: the state, the page's files, and who may ask."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import numpy as np
import pytest
from serve_cases import Server, serving, talk

from ecosim.engine import EcosystemEngine
from ecosim.viewer.guards import is_loopback, normal_origin
from ecosim.viewer.server import page_address
from ecosim.viewer.static_files import page_files, read_files


def raw_get(server: Server, path: str, headers: str = "Host: localhost") -> tuple[int, bytes]:
    """Send a path as it stands, which a client's library would tidy up first."""
    with server.raw() as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        answer = b""
        while more := connection.recv(65536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


# ---- the state -----------------------------------------------------------------------------------


def test_the_state_is_that_of_the_engine(paused_server: Server) -> None:
    state = paused_server.json("/state")
    engine = EcosystemEngine("minimal", telemetry=False)
    assert state["entities"] == list(engine.entities.values())
    assert {one["name"] for one in state["species"]} == set(engine.entity_columns().species_names)
    assert (state["world"], state["biome"], state["seed"]) == ("minimal", "TEMPERATE", engine.seed)
    assert (state["tick"], state["time"], state["paused"]) == (0, 0.0, True)
    assert state["layers"] == list(engine.voxel_grid)
    grid = engine.world["environment"]["voxel_grid"]
    assert (state["dimensions"], state["cell_size"]) == (grid["dimensions"], grid["cell_size"])
    ponds = engine.world["environment"]["water_sources"]
    assert [(one["position"], one["radius"], one["level"]) for one in state["water_sources"]] == [
        (one["position"], one["radius"], 1.0) for one in ponds
    ]
    status = paused_server.json("/status")
    assert status.keys() < state.keys()
    assert {key: state[key] for key in status} == status


def test_a_layer_is_its_surface_row_by_row(paused_server: Server) -> None:
    engine = EcosystemEngine("minimal", telemetry=False)
    for name, cells in engine.voxel_grid.items():
        layer = paused_server.json(f"/layers/{name}")
        nx, nz = layer["dimensions"]
        assert (layer["name"], layer["y"]) == (name, 0)
        assert np.array(layer["values"]).reshape(nx, nz) == pytest.approx(cells[:, 0, :], abs=6e-5)


def test_an_unknown_layer_gets_404_and_the_names(paused_server: Server) -> None:
    status, text = paused_server.get("/layers/gold")
    assert status == 404
    assert "expected one of nutrients_fast, nutrients_slow, moisture" in text


def test_the_rate_can_be_changed_and_a_mistake_changes_nothing(paused_server: Server) -> None:
    assert paused_server.get("/rate", "PUT", data='{"rate": 25}') == (200, '{"rate":25.0}')
    for body in ('{"rate": 0}', "", b"\xff", '{"rate": 25, "x": 1}', "[" * 4000):
        status, text = paused_server.get("/rate", "PUT", data=body)
        assert status == 400
        assert '"type":"error"' in text
    assert paused_server.get("/rate", "PUT", data=b"x" * 5000)[0] == 413
    assert paused_server.json("/status")["rate"] == 25


# ---- the files -----------------------------------------------------------------------------------


def test_the_page_and_every_file_of_it_are_served(paused_server: Server) -> None:
    assert paused_server.get("/")[1].encode() == page_files()["index.html"].content
    for name, file in page_files().items():
        status, body = raw_get(paused_server, f"/static/{name}")
        assert (status, body) == (200, file.content)


def test_an_upgrade_to_something_else_still_gets_the_page(paused_server: Server) -> None:
    headers = "Host: localhost\r\nUpgrade: h2c"
    assert raw_get(paused_server, "/", headers)[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static", "/static/../server.py", "/static/%2e%2e/server.py",
     "/static//etc/passwd", "/static/..%2fserver.py", "/static/%252e%252e/server.py",
     "/static/....//server.py",
     "/static/%5c..%5cserver.py", "/static/index.html%00.png", "/static/js/../../server.py",
     "/static/C:/windows", "/static/index.html/", "/static/js", "/static/INDEX.HTML",
     "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/%ff%fe", "/etc/passwd"],
)  # fmt: skip
def test_nothing_else_can_be_asked_for(paused_server: Server, path: str) -> None:
    status, body = raw_get(paused_server, path)
    assert status == 404
    assert b"root:" not in body
    assert b"import" not in body


def test_a_link_among_the_files_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "static"
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "a.js").write_text("1")
    (folder / "link.txt").symlink_to(tmp_path / "secret")
    (folder / "way").symlink_to(tmp_path)
    found = read_files(folder)
    assert {name: file.content_type for name, file in found.items()} == {
        "js/a.js": "text/javascript"
    }


def test_the_headers_keep_the_page_to_itself(paused_server: Server) -> None:
    with paused_server.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[0]
    assert b"Content-Security-Policy: default-src 'none'; script-src 'self'" in head
    assert b"X-Content-Type-Options: nosniff" in head
    assert b"Content-Type: text/html; charset=utf-8" in head


# ---- who may ask ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws", "/telemetry", "/"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "x", "", "https://localhost.evil.example",
     "http://me@127.0.0.1"],
)  # fmt: skip
def test_a_page_from_elsewhere_may_not_connect(
    paused_server: Server, path: str, origin: str
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        talk(paused_server, lambda client: client.receive(), path, origin=origin)
    assert refused.value.status == 403


def test_a_page_from_elsewhere_may_not_change_the_rate(paused_server: Server) -> None:
    before = paused_server.json("/status")["rate"]
    status, text = paused_server.get(
        "/rate", "PUT", data='{"rate": 3}', headers={"Origin": "http://evil.example"}
    )
    assert status == 403
    assert text.startswith("Origin: expected this server's own page")
    assert paused_server.json("/status")["rate"] == before


def test_the_own_page_may_connect_by_every_name_of_loopback(paused_server: Server) -> None:
    port = paused_server.port
    for name in (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        "LOCALHOST:9999",
        "[::1]:80",
        "127.1.2.3",
    ):
        host = {"Host": name, "Origin": f"http://{name}"}
        assert paused_server.get("/status", headers=host)[0] == 200
        assert paused_server.get("/rate", "PUT", data='{"rate": 7}', headers=host)[0] == 200
        talk(
            paused_server,
            lambda client: client.close(),
            headers={"Host": name},
            origin=host["Origin"],
        )


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "192.168.0.1", "", "[::1", "evil.example@127.0.0.1x",
     "0.0.0.0"],
)  # fmt: skip
def test_another_name_for_loopback_is_refused(paused_server: Server, host: str) -> None:
    for path in ("/", "/state", "/static/index.html", "/nothing"):
        status, body = raw_get(paused_server, path, f"Host: {host}")
        assert status == 403
        assert body == b"Host: expected a name of loopback, such as localhost"


def test_an_allowed_origin_may_connect(tmp_path: Path) -> None:
    words = ("--paused", "--no-telemetry", "--allow-origin", "http://Localhost:80/",
             "--allow-origin", "https://lab.example:8443")  # fmt: skip
    with serving(*words, folder=tmp_path) as server:
        for origin in ("http://localhost", "https://lab.example:8443"):
            talk(server, lambda client: client.close(), origin=origin)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            talk(server, lambda client: client.close(), origin="https://lab.example")


def test_off_loopback_any_name_will_do_and_the_origin_is_still_checked(tmp_path: Path) -> None:
    with serving("--paused", "--no-telemetry", "--host", "0.0.0.0", folder=tmp_path) as server:
        named = {"Host": "ecosim.lab.example"}
        assert server.get("/status", headers=named)[0] == 200
        talk(server, lambda client: client.close(), headers=named,
             origin="https://ecosim.lab.example")  # fmt: skip
        with pytest.raises(aiohttp.WSServerHandshakeError):
            talk(server, lambda client: client.close(), headers=named, origin="http://evil.example")


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:80/"), ("::1", "http://[::1]:80/"), ("::", "http://[::]:80/")],
)
def test_an_address_is_written_so_that_a_browser_reads_it(host: str, address: str) -> None:
    assert page_address(host, 80) == address


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://LocalHost:80", "http://localhost"),
        ("https://a.b:443/", "https://a.b"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("ws://a", None),
        ("http://a/b", None),
        ("http://a?b", None),
        ("http://u:p@a", None),
        ("http://a:99999", None),
        ("http://[", None),
        ("null", None),
        ("", None),
    ],
)
def test_origins_are_compared_in_one_form(text: str, origin: str | None) -> None:
    assert normal_origin(text) == origin


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False),
     ("example.org", False), ("", False)],
)  # fmt: skip
def test_loopback_is_known_by_name_and_number(name: str, expected: bool) -> None:
    assert is_loopback(name) is expected
