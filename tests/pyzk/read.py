"""Reads a clock with pyzk and prints what it holds as one line of JSON.

Usage: read.py HOST PORT KEY
"""

import json
import sys
from datetime import datetime

from zk import ZK

NOW = datetime(2024, 2, 29, 23, 59, 58)


def main() -> None:
    host, port, key = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # The ping before connecting needs a program of that name, which a build machine may lack.
    clock = ZK(host, port=port, timeout=30, password=key, ommit_ping=True).connect()
    try:
        clock.disable_device()
        clock.set_time(NOW)
        seconds_later = (clock.get_time() - NOW).total_seconds()
        users = [
            {"sn": user.uid, "code": user.user_id, "name": user.name, "privilege": user.privilege}
            for user in clock.get_users()
        ]
        rows = [
            {
                "code": row.user_id,
                "sn": row.uid,
                "time": row.timestamp.strftime("%Y-%m-%d %H:%M:%S"),
                "status": row.status,
                "punch": row.punch,
            }
            for row in clock.get_attendance()
        ]
        print(
            json.dumps(
                {
                    "serial": clock.get_serialnumber(),
                    "firmware": clock.get_firmware_version(),
                    "counted": clock.records,
                    "seconds_later": seconds_later,
                    "users": users,
                    "rows": rows,
                }
            )
        )
        clock.enable_device()
    finally:
        clock.disconnect()


if __name__ == "__main__":
    main()
