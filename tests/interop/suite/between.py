"""A server on loopback before a real one: it lets so many answers through, then does what it is told."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Between:
    """Forwards to `target`, one request after the other. What is posted is counted.

    `after(count)` is called when so many posts have been answered by the target: what it returns is whether this
    very answer is sent on, or lost on the way.
    """

    def __init__(self, world, target: str, after: Callable[[int], bool]):
        self.target = target
        self.after = after
        self.posted = 0
        self.one_by_one = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Forward,), {"between": self}))
        self.url = f"http://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        world.on_exit(self.close)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def config(self, world, signing_config: Path) -> Path:
        """The signing config with this in the log's place."""
        config = json.loads(signing_config.read_text())
        config["rekorTlogUrls"][0]["url"] = self.url
        return world.new_file("signing_config.json", json.dumps(config).encode())


class Forward(BaseHTTPRequestHandler):
    between: Between

    def do_GET(self) -> None:
        self.forward(None)

    def do_POST(self) -> None:
        self.forward(self.rfile.read(int(self.headers["Content-Length"])))

    def forward(self, body: bytes | None) -> None:
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
        with self.between.one_by_one:
            request = urllib.request.Request(self.between.target + self.path, body, headers)
            try:
                answer = urllib.request.urlopen(request, timeout=30)
            except urllib.error.HTTPError as error:
                answer = error
            except OSError:
                return  # nobody is there: nor are we
            with answer:
                content = answer.read()
            if body is not None:
                self.between.posted += 1
                if not self.between.after(self.between.posted):
                    return
        self.send_response(answer.status)
        for name in ("Content-Type", "Location", "X-Log-Index"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass
