"""A layout in a running KLayout: the client side of its klive plug-in.

klive listens on the local port 8082 for one line of JSON that names a file, opens it or loads it
again, and answers with JSON that says which (klive's README; gdsfactory's `show` speaks the same).
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

PORT = 8082
HOST = "127.0.0.1"
CONNECT_S, ANSWER_S = 0.5, 5.0
MAX_ANSWER = 1 << 16
"""Longer answers are not read on."""


def send(gds: Path, findings: Path | None = None, port: int | None = None) -> str:
    """Ask a running KLayout to show a layout; return in a line what came of it.

    It is no error when there is none.

    Args:
        gds: layout file.
        findings: report database to open beside it.
        port: that klive listens on; `PORT` when absent.
    """
    where = f"{HOST}:{port or PORT}"
    asked = {"gds": str(gds.resolve()), "keep_position": True}
    if findings is not None:
        asked["lyrdb"] = str(findings.resolve())
    try:
        with socket.create_connection((HOST, port or PORT), timeout=CONNECT_S) as line:
            line.settimeout(ANSWER_S)
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = _answer(line)
    except ConnectionRefusedError:
        return f"not shown: no KLayout with klive is listening on {where}"
    except OSError as error:
        return f"not shown: {where}: {error.strerror or error}"
    if answer is None:
        return f"sent to {where}, which gave no answer that klive gives"
    version = str(answer.get("version", "of unknown version"))[:20]
    done = "loaded again" if answer.get("type") == "reload" else "opened"
    return f"{done} in KLayout, klive {version}"


def _answer(line: socket.socket) -> dict[str, object] | None:
    """The first JSON object that comes; None when none does in time."""
    data = b""
    while len(data) < MAX_ANSWER:
        try:
            more = line.recv(4096)
        except TimeoutError:
            return None
        if not more:
            return None
        data += more
        try:
            found = json.loads(data)
        except ValueError:
            continue
        return found if isinstance(found, dict) else None
    return None
