# A caller in Python: reads one request a line, sends it with urllib or requests, writes one answer a line.
import json
import sys
import urllib.error
import urllib.request


def by_urllib(ask):
    body = ask["body"].encode() if ask["body"] is not None else None
    request = urllib.request.Request(ask["url"], data=body, headers=ask["headers"], method=ask["method"])
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, list(answer.headers.items()), answer.read().decode()


def by_requests(ask):
    import requests

    answer = requests.request(ask["method"], ask["url"], headers=ask["headers"], data=ask["body"], timeout=20)
    return answer.status_code, list(answer.headers.items()), answer.text


send = {"urllib": by_urllib, "requests": by_requests}[sys.argv[1]]
for line in sys.stdin:
    status, headers, text = send(json.loads(line))
    print(json.dumps({"status": status, "headers": headers, "text": text}), flush=True)
