"""Scripts that read a product's database, with what its place has: SQLite in any Python, psycopg2 beside a server."""

NO_SERVER = 75
"""Exit code of a script that could not reach the server: the service beside the product is the lab's."""
NO_FILE = "there is no database file"
"""What the ledger says where a product has not made its file yet."""
BUSY = ("is locked", "lock timeout", "attempt to write a readonly database")
"""What is said of a database that cannot be looked at now and may be sound: another has locked it, or one that was
killed in the middle of a change left a journal, by which only a writer puts the file in order."""
DAMAGED = ("file is not a database", "database disk image is malformed", "malformed database schema")
"""What SQLite says of a file that is no sound database, whatever part of it is read."""
SQLITE_QUERY = """
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
rows = db.execute(sys.argv[2]).fetchall()
db.commit()
print(json.dumps(rows, default=repr))
"""
SQLITE_LEDGER = """
import hashlib, json, os, sqlite3, sys
path, most = sys.argv[1], int(sys.argv[2])
if not os.path.exists(path):
    sys.exit("NO_FILE at " + path)
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
    keys = content = None
    names = [name for name, _ in columns]
    if count <= most:
        rows = db.execute("select %s from %s" % (", ".join(map(quote, names)), quote(table))).fetchall()
        keys = sorted(digest([row[names.index(name)] for name in key or names]) for row in rows)
        content = digest(sorted(digest(row) for row in rows))
    return {"rows": count, "columns": names, "key": key, "keys": keys, "content": content}


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
""".replace("NO_FILE", NO_FILE)
CONNECT = f"""
import hashlib, json, sys
import psycopg2
from psycopg2 import sql
try:
    db = psycopg2.connect(dbname=sys.argv[1], user=sys.argv[2])
except psycopg2.OperationalError as error:
    print(error, file=sys.stderr)
    # A server that answers and refuses, for want of the database or of connections, is there.
    refused = "FATAL:" in str(error) and "the database system is" not in str(error)
    sys.exit(1 if refused else {NO_SERVER})
db.autocommit = True


def ask(statement, *values):
    with db.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
"""
POSTGRESQL_QUERY = (
    CONNECT
    + """
plain = lambda value: "\\\\x" + value.hex() if isinstance(value, memoryview) else str(value)
try:
    rows = ask(sys.argv[3])
except psycopg2.Error as error:
    sys.exit(str(error).splitlines()[0])  # what follows only shows where in the statement
print(json.dumps(rows, default=plain))
"""
)
POSTGRESQL_LEDGER = (
    CONNECT  # noqa: S608 - names come from the catalogue and are quoted there
    + """
most = int(sys.argv[3])
# What a product may set for its database must not change how a key reads; a table that is locked is not waited for.
ask("set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; set bytea_output = 'hex'; "
    "set extra_float_digits = 1; set lock_timeout = '2s'")
ask("set enable_indexonlyscan = off")  # every page of a table is read, and its checksum compared
digest = lambda values: hashlib.sha256(json.dumps([str(value) for value in values]).encode()).hexdigest()[:16]
listed = sql.SQL(", ").join


def ledger(table, oid):
    columns = [name for name, in ask(
        "select attname from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped "
        "order by attnum", oid)]
    key = [name for name, in ask(
        "select a.attname from pg_index i, unnest(i.indkey) with ordinality k(place, nth), pg_attribute a "
        "where i.indrelid = %s and i.indisprimary and a.attrelid = i.indrelid and a.attnum = k.place "
        "order by k.nth", oid)]
    count = ask(sql.SQL("select count(*) from {}").format(table))[0][0]
    keys = content = None
    if count <= most:
        wanted = listed(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns) or sql.SQL("1")
        rows = ask(sql.SQL("select {} from {}").format(wanted, table))
        keys = sorted(digest([row[columns.index(name)] for name in key or columns]) for row in rows)
        content = digest(sorted(digest(row) for row in rows))
    return {"rows": count, "columns": columns, "key": key, "keys": keys, "content": content}


def orphans(name, child, parent, child_columns, parent_columns):
    columns = zip(child_columns, parent_columns)
    pairs = [(sql.Identifier("c", mine), sql.Identifier("p", theirs)) for mine, theirs in columns]
    both = sql.SQL(" and ")
    return ask(sql.SQL("select count(*) from {} c where {} and not exists (select 1 from {} p where {})").format(
        sql.Identifier(*child), both.join(sql.SQL("{} is not null").format(mine) for mine, _ in pairs),
        sql.Identifier(*parent), both.join(sql.SQL("{} = {}").format(mine, theirs) for mine, theirs in pairs)))[0][0]


tables, unreadable, broken = {}, {}, []


def note(what, error):
    said = str(error).splitlines()[0]
    no_file = (error.pgcode or "").startswith("58") and ('file "base/' in said or 'file "pg_tblspc/' in said)
    if (error.pgcode or "").startswith("XX") or no_file:
        broken.append("%s: %s" % (what, said))
    else:
        unreadable[what] = said


for schema, name, oid in ask(
    "select n.nspname, c.relname, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|information_schema$)' "
    "order by 1, 2"):
    shown = name if schema == "public" else schema + "." + name
    try:
        tables[shown] = ledger(sql.Identifier(schema, name), oid)
    except psycopg2.Error as error:
        note(shown, error)
broken += ["the index %s is not valid" % name for name, in ask(
    "select indexrelid::regclass::text from pg_index where not indisvalid order by 1")]
attributes = ("array(select a.attname::text from unnest(k.{0}) with ordinality u(place, nth) "
              "join pg_attribute a on a.attrelid = k.{1} and a.attnum = u.place order by u.nth)")
parts = ask("select k.conname, array[n.nspname::text, c.relname::text], array[m.nspname::text, p.relname::text], "
    + attributes.format("conkey", "conrelid") + ", " + attributes.format("confkey", "confrelid")
    + " from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace "
    "join pg_class p on p.oid = k.confrelid join pg_namespace m on m.oid = p.relnamespace where k.contype = 'f' "
    "and k.convalidated and k.conparentid = 0")  # not the copies that partitions have of their table's constraints
lost = 0
for part in parts:
    try:
        lost += orphans(*part)
    except psycopg2.Error as error:
        note("the foreign key " + part[0], error)
facts = {"tables": tables, "unreadable": unreadable, "integrity": "; ".join(broken) or "ok",
         "foreign_key_orphans": lost}
print(json.dumps(facts))
"""
)
