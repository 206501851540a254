"""The service's own tests: `python -m pytest --pyargs reference_agents.tests`, with the extra `test`."""
