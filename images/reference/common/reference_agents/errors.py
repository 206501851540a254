"""Why the service refuses to start."""


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""

    exit_code = 1


class SettingsError(StartError):
    """A setting is missing or cannot be understood."""

    exit_code = 2


class SchemaTooNewError(StartError):
    """A later version has migrated this database."""

    exit_code = 3
