"""The systemd unit of the service."""

import sys
from pathlib import Path

from reference_agents.version import DISTRIBUTION

UNIT = """\
[Unit]
Description=A small agent service
After=network-online.target

[Service]
Type=exec
ExecStart="{program}" serve
KillMode=mixed
TimeoutStopSec=30
Restart=on-failure
RestartSec=1
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
CapabilityBoundingSet=
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def unit_text() -> str:
    """Return a unit that runs this very installation; the operator adds user, folder and environment."""
    program = Path(sys.prefix) / "bin" / DISTRIBUTION
    return UNIT.format(program=str(program).replace("%", "%%"))
