# SPDX-License-Identifier: GPL-3.0-or-later
"""fill_follows.py DATABASE CHANNEL COUNT SMALL_CHANNEL SMALL_COUNT: gives two channels of a stopped server's SQLite database
followers, who are new users. All in one transaction; a million take ten to thirty seconds."""
import sqlite3
import sys
import time

FIRST_ID = 10_000_000  # far below the ids of registered users


def users_insert(db):
    """A statement that fills what a user must have, whatever newer schemas ask for besides."""
    given = {
        "id": "?1", "username": "'bench' || ?1", "username_key": "'bench' || ?1", "email": "'bench' || ?1",
        "email_key": "'bench' || ?1", "username_skeleton": "'bench' || ?1", "password_hash": "'*'", "is_administrator": "0",
        "created_at": "0", "sealed_stream_key": "x''", "stream_key_digest": "CAST('bench' || ?1 AS BLOB)",
    }
    columns = db.execute("PRAGMA table_info(users)").fetchall()
    there = {name: given[name] for _, name, *_ in columns if name in given}
    missing = [name for _, name, _, needed, default, _ in columns if needed and default is None and name not in given]
    if missing:
        sys.exit(f"users has columns that this script does not know: {missing}")
    return f"INSERT INTO users ({', '.join(there)}) VALUES ({', '.join(there.values())})"


def main():
    path, channel, count, small_channel, small_count = sys.argv[1], *map(int, sys.argv[2:])
    db = sqlite3.connect(path)
    ids = [(FIRST_ID + i,) for i in range(count)]
    begin = int(time.time() * 1e6) - count
    with db:
        db.executemany(users_insert(db), ids)
        for who, total in ((channel, count), (small_channel, small_count)):
            db.executemany(
                "INSERT INTO follow (follower_id, channel_id, created_at) VALUES (?, ?, ?)",
                ((follower, who, begin + i) for i, (follower,) in enumerate(ids[:total])))
            db.execute("INSERT INTO follower_count (user_id, total) VALUES (?, ?)", (who, total))
        db.execute(
            "INSERT INTO following_count (user_id, total) SELECT follower_id, COUNT(*) FROM follow GROUP BY follower_id")
    db.close()


main()
