"""`python -m reference_agents` is `reference-agents`."""

from reference_agents.cli import main

raise SystemExit(main())
