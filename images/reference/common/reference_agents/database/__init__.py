"""The database: how it is opened, how it is migrated, what is kept in it."""
