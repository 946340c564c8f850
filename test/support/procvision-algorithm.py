"""An algorithm in Python's standard library alone, with the manners that its first argument names."""

import json
import os
import signal
import struct
import sys
import time

OUT = os.fdopen(os.dup(1), "wb", buffering=0)


def send(body):
    data = json.dumps(body, ensure_ascii=False).encode()
    OUT.write(struct.pack(">I", len(data)) + data)


def receive():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        return None
    return json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))


def hello(**other):
    names = ["ping", "call", "shutdown", "shared_memory:v1", "execute"]
    send({"type": "hello", "sdk_version": "unknown", "timestamp_ms": 1, "capabilities": names, **other})


def result(call, **data):
    head = {"type": "result", "request_id": call["request_id"], "timestamp_ms": 2}
    send({**head, "status": "OK", "message": "", "data": {"step_index": 1, **data}})


def error(request_id, code, message):
    head = {"type": "error", "request_id": request_id, "timestamp_ms": 2}
    send({**head, "status": "ERROR", "message": message, "error_code": code})


def image(call):
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in call["data"]["cur_image_shm_id"])
    with open(os.path.join(os.environ["PROC_SHM_DIR"], name + ".npy"), "rb") as file:
        file.seek(8)
        size = struct.unpack("<H", file.read(2))[0]
        shape = eval(file.read(size))["shape"]
        return shape, file.read()


def main(mode):
    if mode == "silent":
        time.sleep(60)
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        time.sleep(60)
    if mode == "litters":
        # They hold its pipes and memory of their own, which takes the system time to take apart.
        for _ in range(20):
            if os.fork() == 0:
                ballast = bytearray(os.urandom(4096) * 2048)
                time.sleep(60)
                os._exit(len(ballast) % 2)
    if mode == "early":
        send({"type": "pong", "request_id": None})
        time.sleep(60)
    if mode == "bad-hello":
        send({"type": "hello", "sdk_version": 3, "capabilities": "all"})
        time.sleep(60)
    if mode == "flood":
        hello()
        while True:
            os.write(1, b"a line that is no frame\n" * 1000)
    if mode == "frame-flood":
        hello()
        body = json.dumps({"type": "noise", "request_id": "n"}).encode()
        frame = struct.pack(">I", len(body)) + body
        for _ in range(200):
            OUT.write(frame * 100)
    elif mode == "half":
        hello()
        OUT.write(b"\x00\x00\x00\x40{\"type\":")
        sys.exit(0)
    elif mode == "four-gib":
        hello()
        OUT.write(b"\xff\xff\xff\xff")
        time.sleep(60)
    elif mode == "entry":
        hello()
        error(None, "1004", "entry_point not found")
        sys.exit(0)
    elif mode == "logs":
        print("x" * 100000, file=sys.stderr)
        print(json.dumps({"level": "info", "message": "ready"}), file=sys.stderr, flush=True)
        hello()
    elif mode == "v02":
        hello(capabilities=["ping", "call", "shutdown", "shared_memory:v1", "info", "setup"])
    else:
        hello()
    while True:
        message = receive()
        if message is None:
            return
        kind = message["type"]
        if kind == "ping" and mode != "no-pong":
            send({"type": "pong", "request_id": message.get("request_id"), "timestamp_ms": 3, "status": "OK"})
        elif kind == "shutdown":
            if mode == "dies-in-shutdown":
                os.kill(os.getpid(), signal.SIGKILL)
            if mode == "no-shutdown":
                time.sleep(60)
            send({"type": "shutdown", "timestamp_ms": 4, "status": "OK"})
            return
        elif kind == "call":
            answer(mode, message)


def answer(mode, call):
    if mode == "hang":
        time.sleep(60)
    elif mode == "slow":
        time.sleep(0.4)
        result(call, result_status="OK")
    elif mode == "crash":
        print("about to fail", file=sys.stderr, flush=True)
        os._exit(3)
    elif mode == "wrong-id":
        result({"request_id": "someone else's"}, result_status="OK")
    elif mode == "recovers" and call["request_id"] != "r3":
        error(call["request_id"], "1005", "too slow this time")
    elif mode == "v02":
        result(call, result_status="OK", asked=call["data"])
    elif mode == "nan":
        data = b'{"type":"result","request_id":"%s","status":"OK","data":{"score":NaN}}' % call["request_id"].encode()
        OUT.write(struct.pack(">I", len(data)) + data)
    elif mode == "technical":
        head = {"type": "result", "request_id": call["request_id"], "timestamp_ms": 2}
        send({**head, "status": "ERROR", "message": "no GPU", "error_code": "1004", "data": {}})
    elif mode == "not-json":
        OUT.write(b"\x00\x00\x00\x04{]}{")
        time.sleep(60)
    elif mode == "image":
        shape, pixels = image(call)
        result(call, result_status="NG", ng_reason="划痕", shape=list(shape), total=sum(pixels))
    else:
        result(call, result_status="OK", pid=os.getpid())


main(sys.argv[1] if len(sys.argv) > 1 else "good")
