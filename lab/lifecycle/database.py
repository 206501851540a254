"""Scripts that read a product's SQLite file from beside the product, with nothing but the platform's own Python."""

QUERY_SCRIPT = """
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
rows = db.execute(sys.argv[2]).fetchall()
db.commit()
print(json.dumps(rows, default=repr))
"""

LEDGER_SCRIPT = """
import hashlib, json, os, sqlite3, sys
path, most = sys.argv[1], int(sys.argv[2])
if not os.path.exists(path):
    sys.exit("there is no database file at " + path)
db = sqlite3.connect("file:" + path + "?mode=ro", uri=True, timeout=10)
quote = lambda name: '"' + name.replace('"', '""') + '"'
digest = lambda values: hashlib.sha256(repr(values).encode()).hexdigest()[:16]
tables = {}
names = "select name from sqlite_master where type = 'table' and name not like 'sqlite|_%' escape '|' order by name"
for (table,) in db.execute(names).fetchall():
    columns = db.execute("pragma table_info(%s)" % quote(table)).fetchall()
    key = [column[1] for column in sorted(columns, key=lambda column: column[5]) if column[5]]
    count = db.execute("select count(*) from %s" % quote(table)).fetchone()[0]
    wanted = ", ".join(map(quote, key)) or "*"
    keys = None
    if count <= most:
        keys = sorted(digest(row) for row in db.execute("select %s from %s" % (wanted, quote(table))))
    tables[table] = {"rows": count, "columns": [column[1] for column in columns], "key": key, "keys": keys}
sound = [row[0] for row in db.execute("pragma integrity_check").fetchall()]
orphans = len(db.execute("pragma foreign_key_check").fetchall())
print(json.dumps({"tables": tables, "integrity": "; ".join(sound), "foreign_key_orphans": orphans}))
"""

MOST_KEYS = 5000
"""Rows of a table whose keys are kept; of a larger one only the number is."""
