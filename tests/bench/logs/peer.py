#!/usr/bin/env python3
"""What an import by a script costs: a regular expression a line, an insert a row, one transaction. peer.py LOG DATABASE"""
import re
import sqlite3
import sys

LINE = re.compile(
    r"^(\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}):\d{3} \w USGTRACING\s+(Grant|Detachment|TimeOut)!!([^!]+)!([^!]+)!([^!]+)!"
)

log, database = sys.argv[1:]
db = sqlite3.connect(database)
db.execute("create table history (id integer primary key, at text, event text, feature text, host text, user text)")
rows = 0
with open(log, encoding="utf-8", errors="replace") as lines:
    for line in lines:
        found = LINE.search(line)
        if found:
            db.execute("insert into history (at, event, feature, host, user) values (?, ?, ?, ?, ?)", found.groups())
            rows += 1
db.commit()
print(rows)
