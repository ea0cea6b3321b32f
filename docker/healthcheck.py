"""`healthcheck.py PORT PATH` ends with 0 when a server on this machine answers PATH with 200, else with 1."""

import http.client
import sys


def healthy(port: int, path: str, host: str = "127.0.0.1") -> str:
    """Empty when `path` answers with 200 within 4 seconds, else what went wrong."""
    connection = http.client.HTTPConnection(host, port, timeout=4)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{host}:{port}{path}: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"{host}:{port}{path} answered {status}"


if __name__ == "__main__":
    reason = healthy(int(sys.argv[1]), sys.argv[2])
    print(reason or "healthy")
    sys.exit(1 if reason else 0)
