"""Schema version 1: sessions with their messages, MCP servers with their agents."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

_schema = MetaData()

sessions = Table(
    "sessions",
    _schema,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("agent_name", String(100), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

messages = Table(
    "messages",
    _schema,
    Column("id", Integer, primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

mcp_servers = Table(
    "mcp_servers",
    _schema,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("server_type", String(20), nullable=False),
    Column("command", JSON, nullable=False),
    Column("env", JSON, nullable=False),
    Column("http_url", Text),
    Column("auto_start", Boolean, nullable=False),
    Column("max_retries", Integer, nullable=False),
    Column("timeout_seconds", Float, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

agent_mcp_servers = Table(
    "agent_mcp_servers",
    _schema,
    Column("server_id", ForeignKey("mcp_servers.id", ondelete="CASCADE"), primary_key=True),
    Column("agent_name", String(100), primary_key=True),
)


def apply(connection: Connection) -> None:
    """Make the tables; versions before 0.1.4 made the same ones and did not note it."""
    _schema.create_all(connection, checkfirst=True)
