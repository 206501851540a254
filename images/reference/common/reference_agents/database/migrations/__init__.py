"""Every change of the schema, one numbered module each; a released one is never edited.

The tables are defined by the migration that made them, and the rest of the service imports them from there.
"""
