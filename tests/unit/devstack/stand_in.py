"""A tiny service for the tests of devstack: answers on a port, and ends as its environment says."""

import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType


class Handler(BaseHTTPRequestHandler):
    """Ready from the start; says which greeting it was given."""

    def do_GET(self) -> None:
        """Answer any path."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ.get("GREETING", "").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Keep the log for what the test looks for."""


def main() -> None:
    """Serve until told to stop."""
    if os.environ.get("FAIL"):
        sys.exit("stand-in: told to fail")
    server = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)

    def stop(_number: int, _frame: FrameType | None) -> None:
        print("stand-in: stopping", flush=True)
        if not os.environ.get("STUBBORN"):
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print("stand-in: serving", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
