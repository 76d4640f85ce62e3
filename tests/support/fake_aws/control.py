# SPDX-License-Identifier: Apache-2.0
"""The stand-in's own port: what it received, and orders to misbehave, as JSON over HTTP.

GET /requests, GET /stats, POST /fault {"match": "PUT /*", "script": "status=503:SlowDown", "times": 2},
POST /clear.
"""
import http.server
import json
import threading


def summary(record):
    verdict = record.verdict
    return {"connection": record.connection, "method": record.method, "target": record.target,
            "fields": list(record.fields), "length": record.length, "sha256": record.sha256,
            "status": record.status, "refused": record.refused,
            "signed_by": verdict and verdict.access_key, "service": verdict and verdict.service,
            "region": verdict and verdict.region, "signed": verdict and verdict.signed}


def serve_control(server, port=0):
    """Starts it on a thread of its own; returns its port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self, value):
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            if self.path == "/requests":
                self.reply([summary(r) for r in list(server.requests)])
            elif self.path == "/stats":
                self.reply(server.stats)
            else:
                self.send_error(404)

        def do_POST(self):
            data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path == "/fault":
                server.faults.add(**json.loads(data))
            elif self.path == "/clear":
                server.clear()
            else:
                self.send_error(404)
                return
            self.reply({})

        def log_message(self, *_):
            pass

    control = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    return control.server_address[1]
