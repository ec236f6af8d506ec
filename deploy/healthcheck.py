"""Ask a Liaison process in this container whether it is ready: `python healthcheck.py [PORT]`.

The image has neither curl nor wget. Exit status 0: ready; 1: not, with the answer on stdout.
"""

from __future__ import annotations

import http.client
import sys

PORT = 8000
TIMEOUT_S = 4.0
"""Longer than the 2 s in which each part of a process has to answer, shorter than the engine's patience."""


def main(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        print(answer.status, answer.read(2_000).decode(errors="replace"))
    except OSError as error:
        print(f"no answer on port {port}: {error}")
        return 1
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
