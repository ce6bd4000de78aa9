# SPDX-License-Identifier: Apache-2.0
"""Writes through the entry as an application does, inside the cluster's network, until its standard input ends.

usage: writer.py postgres URI TABLE FILE
       writer.py redis URL KEY FILE

Each acknowledged write is one line in FILE: its number and the time (CLOCK_MONOTONIC) at which the acknowledgement
came. A write that failed or whose answer was lost is not in FILE; it may or may not have happened. A broken
connection is made again at once.
"""

import sys
import threading
import time

import psycopg
import redis

PAUSE = 0.01
stop = threading.Event()


def write_postgres(uri, table, next_number, acknowledge):
    with psycopg.connect(uri, autocommit=True, connect_timeout=2) as connection:
        while not stop.is_set():
            number = next_number()
            connection.execute(f"INSERT INTO {table} (number) VALUES (%s)", (number,))
            acknowledge(number)
            time.sleep(PAUSE)


def write_redis(url, key, next_number, acknowledge):
    with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=2, retry=None) as connection:
        while not stop.is_set():
            number = next_number()
            connection.zadd(key, {str(number): number})
            acknowledge(number)
            time.sleep(PAUSE)


def main():
    kind, address, target, path = sys.argv[1:]
    write = {"postgres": write_postgres, "redis": write_redis}[kind]
    count = 0
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    with open(path, "w", encoding="ascii", buffering=1) as file:

        def next_number():
            nonlocal count
            count += 1
            return count

        def acknowledge(number):
            file.write(f"{number} {time.monotonic():.3f}\n")

        while not stop.is_set():
            try:
                write(address, target, next_number, acknowledge)
            except (psycopg.Error, redis.RedisError, OSError) as error:
                print(f"{time.monotonic():.3f} {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr,
                      flush=True)
                time.sleep(0.05)


main()
