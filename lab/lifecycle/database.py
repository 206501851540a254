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
# A key that changes its type, 7 to "7", is the same key; bytes that are no text must not stop the count.
text = lambda value: value.decode("utf8", "backslashreplace") if isinstance(value, bytes) else str(value)
digest = lambda values: hashlib.sha256(json.dumps([text(value) for value in values]).encode()).hexdigest()[:16]
db.text_factory = bytes


def ledger(table):
    columns = [[text(each[1]), each[5]] for each in db.execute("pragma table_info(%s)" % quote(table))]
    key = [name for name, place in sorted(columns, key=lambda column: column[1]) if place]
    count = db.execute("select count(*) from %s" % quote(table)).fetchone()[0]
    keys = None
    if count <= most:
        wanted = ", ".join(map(quote, key)) or "*"
        keys = sorted(digest(row) for row in db.execute("select %s from %s" % (wanted, quote(table))))
    return {"rows": count, "columns": [name for name, _ in columns], "key": key, "keys": keys}


tables, unreadable = {}, {}
names = "select name from sqlite_master where type = 'table' and name not like 'sqlite|_%' escape '|' order by name"
for (name,) in db.execute(names).fetchall():
    try:
        tables[text(name)] = ledger(text(name))
    except sqlite3.Error as error:
        unreadable[text(name)] = str(error)
sound = [text(row[0]) for row in db.execute("pragma integrity_check").fetchall()]
orphans = len(db.execute("pragma foreign_key_check").fetchall())
facts = {"tables": tables, "unreadable": unreadable, "integrity": "; ".join(sound), "foreign_key_orphans": orphans}
print(json.dumps(facts))
"""

MOST_KEYS = 5000
"""Rows of a table whose keys are kept; of a larger one only the number is."""
