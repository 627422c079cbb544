"""Reads a clock's whole log with pyzk and prints how many rows came and how long the reading alone took."""

import json
import sys
import time

from zk import ZK

host, port = sys.argv[1].rsplit(":", 1)
connection = ZK(host, port=int(port), timeout=120, ommit_ping=True).connect()
start = time.monotonic()
rows = connection.get_attendance()
took = time.monotonic() - start
connection.disconnect()
print(json.dumps({"records": len(rows), "micros": int(took * 1_000_000)}))
