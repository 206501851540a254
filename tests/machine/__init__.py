"""A machine that is reached over SSH: a container that runs systemd and sshd."""
