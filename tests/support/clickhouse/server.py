"""ClickHouse's engine (chdb) behind as much of its HTTP interface as @clickhouse/client speaks.

What is real here is the engine: SQL, types, formats, tables on disk, errors. The HTTP side is this file's: no
authentication, compression, sessions or roles. Each request gets a connection of its own from a pool.

usage: server.py DIRECTORY [PORT]; the port is printed on standard output, it serves until standard input ends, and removes
the directory then.
"""

import os
import re
import shutil
import sys
import tempfile
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, LifoQueue
from urllib.parse import parse_qsl, urlsplit

import chdb

DIRECTORY = sys.argv[1]
# A server's default. The engine alone has 2, of which a mutation takes both, and then pauses for up to a second before it
# goes on with the next parts: deletes took seconds.
DATABASE = f"{DIRECTORY}?background_pool_size=16"
# Parameters of the HTTP interface itself, which are no settings of the query.
INTERFACE = {"query", "query_id", "database", "session_id", "wait_end_of_query", "role", "compress", "decompress"}
INSERT = re.compile(r"^\s*INSERT\s+INTO\b.*?\bFORMAT\s+(\w+)\s*$", re.S | re.I)
INPUT = re.compile(r"\binput\('((?:[^'\\]|\\.)*)'\)")
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.S | re.I)
KILL = re.compile(r"^\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([\w-]+)'", re.I)

idle = LifoQueue()


class Pooled:
    """A connection, and what was set on it last."""

    def __init__(self):
        self.connection = chdb.connect(DATABASE)
        self.database = "default"
        self.settings = {}

    def prepare(self, database, settings):
        if database != self.database:
            self.connection.query(f"USE `{database}`")
            self.database = database
        for name in self.settings.keys() - settings.keys():
            self.connection.query(f"SET {name} = DEFAULT")
        for name, value in settings.items():
            if self.settings.get(name) != value:
                text = value.replace("\\", "\\\\").replace("'", "\\'")
                self.connection.query(f"SET {name} = '{text}'")
        self.settings = settings


def take():
    try:
        return idle.get_nowait()
    except Empty:
        return Pooled()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        if urlsplit(self.path).path == "/ping":
            return self.answer(200, b"Ok.\n")
        self.run()

    def do_POST(self):
        self.run()

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            part = self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return b"".join(parts)
            parts.append(part)

    def run(self):
        url = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True, errors="surrogateescape"))
        body = self.body()
        if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
            head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
            for part in BytesParser().parsebytes(head + body).get_payload():
                name = part.get_param("name", header="content-disposition")
                url[name] = part.get_payload(decode=True).decode(errors="surrogateescape")
            body = b""
        if "query" in url:
            query, data = url["query"], body
        else:
            query, data = body.decode(errors="surrogateescape"), b""
        settings = {k: v for k, v in url.items() if k not in INTERFACE and not k.startswith("param_")}
        params = {k[len("param_"):]: v for k, v in url.items() if k.startswith("param_")}
        pooled = take()
        try:
            pooled.prepare(url.get("database", "default"), settings)
            self.execute(pooled.connection, query, data, params, url.get("query_id", ""))
            idle.put(pooled)
        except (BrokenPipeError, ConnectionResetError):
            pooled.connection.close()
            self.close_connection = True
        except Exception as error:  # the engine's errors come as ChdbError and RuntimeError
            pooled.connection.close()
            self.fail(str(error))

    def execute(self, connection, query, data, params, query_id):
        # The engine makes up query ids of its own: ours stands in a comment, by which it can be found.
        mark = f"/* query_id={query_id} */ "
        kill = KILL.match(query)
        if kill:
            query = f"KILL QUERY WHERE query LIKE '/* query_id={kill[1]} *%' ASYNC"
        insert = INSERT.match(query)
        if insert and (data or INPUT.search(query)):
            self.insert(connection, mark, query, insert[1], data, params)
            return self.answer(200, b"")
        form = FORMAT.search(query)
        name = form[1] if form else "TabSeparated"
        if form:
            query = query[: form.start()]
        if not re.match(r"\s*(SELECT|WITH)\b", query, re.I):
            return self.answer(200, connection.query(mark + query, name, params).bytes())
        stream = connection.send_query(mark + query, name, params=params)
        chunks = iter(stream)
        try:
            first = next(chunks, None)
            if first is None:
                return self.answer(200, b"")
            self.head(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.chunk(first.bytes())
            for part in chunks:
                self.chunk(part.bytes())
            self.wfile.write(b"0\r\n\r\n")
        finally:
            stream.close()

    def insert(self, connection, mark, query, name, data, params):
        if not INPUT.search(query):
            statement = query[: query.upper().rindex("FORMAT")]
            with connection.send_insert(mark + statement, name) as inserter:
                inserter.append(data)
                inserter.finish()
            return
        # The engine alone has no input(): the same rows come from a file.
        with tempfile.NamedTemporaryFile(dir=DIRECTORY, suffix=".insert") as file:
            file.write(data)
            file.flush()
            statement = query[: query.upper().rindex("FORMAT")]
            statement = INPUT.sub(lambda m: f"file('{file.name}', '{name}', '{m[1]}')", statement)
            connection.query(mark + statement, "CSV", params)

    def head(self, status):
        self.started = True
        self.send_response(status)

    def chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def answer(self, status, data, headers=()):
        self.head(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    started = False

    def handle_one_request(self):
        self.started = False
        super().handle_one_request()

    def fail(self, message):
        if self.started:
            # The rest cannot come: the connection ends in the middle of the answer.
            self.close_connection = True
            return
        code = re.search(r"Code: (\d+)", message)
        number = code[1] if code else "1001"
        text = message if code else f"Code: {number}. DB::Exception: {message} (STD_EXCEPTION)"
        self.answer(500, text.encode(errors="surrogateescape") + b"\n", [("X-ClickHouse-Exception-Code", number)])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


idle.put(Pooled())
server = Server(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
shutil.rmtree(DIRECTORY, ignore_errors=True)
os._exit(0)
