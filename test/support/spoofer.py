"""Sends datagrams with any source address, and forged ICMP messages: one JSON object a line on stdin. Hears nothing.

{"src": [address, port], "dst": [address, port], "hex": "…"}
{"icmp": [type, code, mtu], "from": address, "src": [address, port], "dst": [address, port]}: from `from` to `src`, about a datagram of
256 bytes that `src` sent to `dst`.

Prints `ready`, then `sent N` after each empty line: N datagrams and messages in all.
"""

import json
import socket
import struct
import sys


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(protocol, source, target, body):
    """Linux fills in length, id and checksum of the header."""
    head = (0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
    return struct.pack("!BBHHHBBH4s4s", *head) + body


def udp(source, target, payload):
    """Without a checksum, which IPv4 allows."""
    return struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def icmp(kind, code, mtu, source, target):
    quoted = ip_packet(socket.IPPROTO_UDP, source[0], target[0], udp(source, target, bytes(256)))[:28]
    quoted = quoted[:10] + struct.pack("!H", checksum(quoted[:20])) + quoted[12:]
    body = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quoted
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
print("ready", flush=True)
sent = 0
for line in sys.stdin:
    if line.strip() == "":
        print("sent", sent, flush=True)
        continue
    order = json.loads(line)
    source, target = tuple(order["src"]), tuple(order["dst"])
    if "icmp" in order:
        packet = ip_packet(socket.IPPROTO_ICMP, order["from"], source[0], icmp(*order["icmp"], source, target))
        raw.sendto(packet, (source[0], 0))
    else:
        packet = ip_packet(socket.IPPROTO_UDP, source[0], target[0], udp(source, target, bytes.fromhex(order["hex"])))
        raw.sendto(packet, (target[0], 0))
    sent += 1
