#!/usr/bin/env python3
"""fake_eould.py SOCKET ANSWERS.json REQUESTS.log: a daemon that says what a test wrote down.

ANSWERS maps "METHOD PATH" (the query included, or left out to match any) to an answer: {"status": 200,
"body": ...} or a bare body; a list gives one answer a request, the last one for ever.  "body_text" sends text as it is.
"touch": {"path", "text"} appends to a file before answering; "chunked", "close" (answer, then close),
"drop" (close without an answer) and "hang" do what they say.  Prints "ready" once it listens; ends with
its standard input, so that no test leaves it behind.
"""
import json
import os
import socket
import sys
import threading


def read_request(stream):
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {}
    while True:
        line = stream.readline().decode().rstrip("\r\n")
        if not line:
            break
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return method, path, headers, body


class Fake:
    def __init__(self, answers, log):
        self.answers, self.log, self.lock = answers, log, threading.Lock()

    def find(self, method, path):
        for key in (f"{method} {path}", f"{method} {path.split('?')[0]}"):
            if key in self.answers:
                with self.lock:
                    answer = self.answers[key]
                    if isinstance(answer, list):
                        answer = answer.pop(0) if len(answer) > 1 else answer[0]
                return answer
        return {"status": 404, "body": {"error": {"code": "not-found", "message": f"The fake knows no {method} {path}."}}}

    def serve(self, connection):
        stream = connection.makefile("rb")
        while True:
            request = read_request(stream)
            if not request:
                return
            method, path, headers, body = request
            with self.lock, open(self.log, "a", encoding="utf-8") as log:
                log.write(f"{method} {path} {headers.get('accept-language', '-')} {body.decode('utf-8', 'replace')}\n")
            answer = self.find(method, path)
            if not isinstance(answer, dict) or not ({"status", "body", "body_text", "drop", "hang", "raw"} & set(answer)):
                answer = {"body": answer}
            if "touch" in answer:
                with open(answer["touch"]["path"], "a", encoding="utf-8") as file:
                    file.write(answer["touch"]["text"])
            if answer.get("drop"):
                connection.shutdown(socket.SHUT_RDWR)
                return
            if answer.get("hang"):
                continue
            if "raw" in answer:
                connection.sendall(answer["raw"].encode())
                connection.shutdown(socket.SHUT_RDWR)
                return
            data = answer["body_text"].encode() if "body_text" in answer else json.dumps(answer.get("body", {})).encode()
            head = f"HTTP/1.1 {answer.get('status', 200)} X\r\nContent-Type: application/json\r\n"
            if answer.get("close"):
                head += "Connection: close\r\n"
            if answer.get("chunked"):
                half = len(data) // 2
                parts = [data[:half], data[half:]]
                payload = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts if p) + b"0\r\n\r\n"
                connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + payload)
            else:
                connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + data)
            if answer.get("close"):
                connection.shutdown(socket.SHUT_RDWR)
                return


def main():
    path, answers, log = sys.argv[1:4]
    with open(answers, encoding="utf-8") as file:
        fake = Fake(json.load(file), log)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=fake.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
