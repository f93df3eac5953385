"""The client of klive against servers on the local host."""

import json
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from lightloom.flows import show


@contextmanager
def server(*answer: bytes, hang_up: bool = False):
    """Takes one line; answers in pieces. Yields the port and what was asked."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            line, _ = listening.accept()
            with line:
                data = b""
                while not data.endswith(b"\n"):
                    data += line.recv(4096)
                asked.append(data.decode())
                for piece in answer:
                    line.sendall(piece)
                if not hang_up:
                    line.recv(1)  # klive waits for the client to leave

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], asked
        thread.join(10)
        assert not thread.is_alive()


def test_a_layout_and_its_findings_are_sent(tmp_path: Path) -> None:
    gds, findings = tmp_path / "a b.gds", tmp_path / "drc.lyrdb"
    answer = json.dumps({"version": "0.4.1", "type": "open", "file": str(gds)}).encode()
    with server(answer[:9], answer[9:]) as (port, asked):
        assert show.send(gds, findings, port) == "opened in KLayout, klive 0.4.1"
    assert asked[0].count("\n") == 1
    assert json.loads(asked[0]) == {
        "gds": str(gds),
        "keep_position": True,
        "lyrdb": str(findings),
    }


def test_a_layout_that_was_open_is_loaded_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with server(b'{"version": "0.2.2", "type": "reload"}') as (port, asked):
        monkeypatch.setattr(show, "PORT", port)
        assert show.send(Path("chip.gds")) == "loaded again in KLayout, klive 0.2.2"
    assert json.loads(asked[0]) == {"gds": str(tmp_path / "chip.gds"), "keep_position": True}


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = show.send(tmp_path / "chip.gds", port=port)
    assert said == f"not shown: no KLayout with klive is listening on 127.0.0.1:{port}"


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[1, 2]", b"7", b"\xff\xfe"]
)
def test_another_server_answers(tmp_path: Path, answer: bytes) -> None:
    with server(answer, hang_up=True) as (port, _):
        said = show.send(tmp_path / "chip.gds", port=port)
    assert said == f"sent to 127.0.0.1:{port}, which gave no answer that klive gives"


def test_a_silent_server_is_not_waited_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(show, "ANSWER_S", 0.2)
    with server() as (port, _):
        assert "gave no answer" in show.send(tmp_path / "chip.gds", port=port)


def test_an_endless_answer_is_cut(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(show, "MAX_ANSWER", 8192)
    with server(b'"' + b"x" * 20000, hang_up=True) as (port, _):
        assert "gave no answer" in show.send(tmp_path / "chip.gds", port=port)
