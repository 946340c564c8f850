"""A follower of RRCC in Python, from the schema alone: speaks over standard input and output, or serves one connection of TCP.

    follower.py FOLDER_OF_RRCC_PB2 stdio|tcp

Methods: double (each byte of the parameters times two), fail. `die` ends the worker of the first execution without an answer.
"""
import socket
import struct
import sys

sys.path.insert(0, sys.argv[1])
import rrcc_pb2 as rrcc  # noqa: E402


class Follower:
    def __init__(self, read, write):
        self.read, self.write, self.records = read, write, {}

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.read(count - len(data))
            if not more:
                sys.exit(0)
            data += more
        return data

    def receive(self):
        (length,) = struct.unpack(">I", self.exactly(4))
        if not 1 <= length <= 1048576:
            sys.exit(4)
        envelope = rrcc.Envelope()
        envelope.ParseFromString(self.exactly(length))
        return envelope

    def answer(self, heard, message_id):
        envelope = rrcc.Envelope(version=1, exchange_id=heard.exchange_id, message_id=message_id)
        envelope.attempt, envelope.round = heard.attempt, heard.round
        return envelope

    def send(self, envelope):
        data = envelope.SerializeToString()
        self.write(struct.pack(">I", len(data)) + data)

    def confirm(self, heard, state):
        envelope = self.answer(heard, 2 * heard.round - 1)
        envelope.confirm.confirms, envelope.confirm.state = heard.message_id, state
        self.send(envelope)

    def respond(self, heard, status, result=b"", error=""):
        envelope = self.answer(heard, 2 * heard.round)
        envelope.response.in_reply_to, envelope.response.status = heard.message_id, status
        envelope.response.result, envelope.response.error = result, error
        self.records[heard.exchange_id]["response"] = envelope
        self.send(envelope)

    def execute(self, heard, params):
        record = self.records[heard.exchange_id]
        record["message_id"], record["response"] = heard.message_id, None
        self.confirm(heard, rrcc.ACCEPTED)
        if record["method"] == "double":
            self.respond(heard, rrcc.OK, bytes(2 * byte % 256 for byte in params))
        elif record["method"] == "die" and record.setdefault("deaths", 0) == 0:
            record["deaths"] = 1
        elif record["method"] == "die":
            self.respond(heard, rrcc.OK, b"alive")
        else:
            self.respond(heard, rrcc.FAILED, error="boom")

    def run(self):
        while True:
            heard = self.receive()
            record = self.records.get(heard.exchange_id)
            body = heard.WhichOneof("body")
            if body == "request" and record is None:
                self.records[heard.exchange_id] = {"method": heard.request.method}
                self.execute(heard, heard.request.params)
            elif record is not None and heard.message_id == record["message_id"]:
                if record["response"] is None:
                    self.execute(heard, heard.request.params)
                else:
                    self.confirm(heard, rrcc.DONE)
                    self.send(record["response"])
            elif body == "confirm_continue" and record is not None and getattr(heard.confirm_continue, "continue"):
                self.execute(heard, heard.confirm_continue.params)


if sys.argv[2] == "stdio":
    out = sys.stdout.buffer

    def write(data):
        out.write(data)
        out.flush()

    Follower(sys.stdin.buffer.read, write).run()
else:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    Follower(connection.recv, connection.sendall).run()
