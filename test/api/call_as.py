"""call_as.py SOCKET - read [[method, path, body], ...] from stdin, print [[status, text], ...].

Started under another user's rights (setpriv) by tests that ask what somebody else may see.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Unix  # noqa: E402


def main():
    answers = []
    for method, path, body in json.load(sys.stdin):
        c = Unix(sys.argv[1])
        c.request(method, path, body=None if body is None else json.dumps(body))
        r = c.getresponse()
        answers.append([r.status, r.read().decode()])
        c.close()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
