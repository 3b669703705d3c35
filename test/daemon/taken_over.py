"""taken_over.py SOCKET - the daemon's side of the launcher's socket, in the hands of somebody else.

Run with the daemon's own rights.  Reads one JSON list from stdin, an attempt to start something each:
    {"job", "attempt", "task", "ticket" (hexadecimal), "request": [[key, value], ...]}
and prints what came of each: {"type", "error", "stage"} of the launcher, and "failed" with the stage and errno of the
supervisor if there was one.
"""
import array
import json
import os
import socket
import struct
import sys

MAGIC, VERSION, LAUNCH, READY = 0x726C6F65, 2, 1, 64
BOUNDS = 56  # bytes of struct guard_bounds: none
WIRE_MAGIC, WIRE_FAILED, WIRE_RUNNING, WIRE_ENDED = 0x6C756F65, 4, 2, 3
REQUEST_MAGIC = 0x71726F65


def sealed(records):
    import fcntl
    body = b""
    for key, value in records:
        record = key.encode() + b"\0" + value.encode() + b"\0"
        body += struct.pack("=I", len(record)) + record
    fd = os.memfd_create("eoul-request", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, struct.pack("=4I", REQUEST_MAGIC, 1, len(body), len(records)) + body)
    fcntl.fcntl(fd, 1033, 0xF)  # F_ADD_SEALS, all of them
    return fd


def start(launcher, ask):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fd = sealed(ask["request"])
    record = struct.pack("=6IiIiI16s", MAGIC, VERSION, LAUNCH, ask["job"], ask["attempt"], 0, 0, 0, 0, 0, os.urandom(16))
    if ask["ticket"] is not None:
        record += struct.pack("=II", ask["task"], 0) + bytes(BOUNDS) + bytes.fromhex(ask["ticket"])
    launcher.sendmsg([record], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd, theirs.fileno()]))])
    os.close(fd)
    theirs.close()
    answer = launcher.recv(4096)
    _, _, kind, _, _, _, error, stage, pid = struct.unpack_from("=6IiIi", answer)
    said = {"type": kind, "error": error, "stage": stage, "pid": pid}
    ours.settimeout(60)
    while True:  # until its supervisor is gone
        words = ours.recv(4096)
        if not words:
            return said
        if struct.unpack_from("=3I", words)[2] == WIRE_FAILED:
            said["failed"] = struct.unpack_from("=IIi", words, 32)[1:]


def main():
    launcher = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    launcher.settimeout(60)
    launcher.connect(sys.argv[1])
    ready = launcher.recv(4096)
    assert struct.unpack_from("=3I", ready)[2] == READY, ready
    json.dump([start(launcher, ask) for ask in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
