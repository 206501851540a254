"""A small agent service with sessions, messages and MCP configuration."""
