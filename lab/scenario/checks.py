"""The checks of the scenario language: what may be asked of a trial's history."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from lab.strict import Seconds, Strict, Text


class InstallCheck(Strict):
    """The installer succeeded, or refused as the version's requires-python says it must."""

    check: Literal["install"]


class HealthCheck(Strict):
    """The product became healthy, in time, with the body that its definition promises."""

    check: Literal["health"]


class ContainerCheck(Strict):
    """The product's own image declares a health check that turned healthy, and does not run as root."""

    check: Literal["container"]


class VersionCheck(Strict):
    """Every proof of the running version names the expected one, and the two artifacts differ."""

    check: Literal["version"]
    proofs: Annotated[int, Field(ge=1, le=3)] = 1
    """How many independent proofs there must be at least."""


class DataCheck(Strict):
    """What was seeded or acknowledged reads back the same."""

    check: Literal["data"]


class ExerciseCheck(Strict):
    """What users do with the product works, on every version that was exercised."""

    check: Literal["exercise"]


class HonestHealthCheck(Strict):
    """The product says that it is unhealthy while its database is stopped, and recovers when it is back."""

    check: Literal["honest-health"]


class RefusalCheck(Strict):
    """Where it cannot work, the product ends by itself, soon, with an error code, and leaves its data alone."""

    check: Literal["refusal"]
    within: Seconds = 10
    """Seconds within which it must have ended."""


class OrphansCheck(Strict):
    """The product leaves no process behind when it stops."""

    check: Literal["orphans"]


class RowsCheck(Strict):
    """No table lost rows that no other table gained, and the database is sound."""

    check: Literal["rows"]


class GracefulStopCheck(Strict):
    """Each stop was graceful: alive before, request answered, in budget, right exit code, no SIGKILL."""

    check: Literal["graceful-stop"]


class ApiSurfaceCheck(Strict):
    """What the old version served, the new one serves, or the removal is announced."""

    check: Literal["api-surface"]


class ConfigurationCheck(Strict):
    """The configuration is untouched and in force."""

    check: Literal["configuration"]


class SuiteCheck(Strict):
    """The product's own tests pass, but for failures that its definition allows with a reason."""

    check: Literal["suite"]
    min_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the tests that must pass, of those that were neither skipped nor allowed to fail."""


class Allowance(Strict):
    """Something outside that may be asked for, and why."""

    name: Text
    """A name or an address; `*` stands for any letters, as in `*.example.org`."""
    reason: Text
    """Why it may be asked for."""


class EgressCheck(Strict):
    """On a sealed network, nothing outside was asked for: no name, no address."""

    check: Literal["egress"]
    allow: list[Allowance] = []
    """What may be asked for all the same; it is not answered either."""


class UnitCheck(Strict):
    """The product's systemd unit comes up, stays up, ends as systemd calls success, comes back with the machine."""

    check: Literal["unit"]


class PrivateCheck(Strict):
    """No other user of the machine can read configuration, environment, database or a secret of the product's."""

    check: Literal["private"]


class LeaksCheck(Strict):
    """Nothing of this host's proxies, certificates and indexes, handed to installers, stays behind."""

    check: Literal["leaks"]


class LeftoversCheck(Strict):
    """Uninstalling leaves no file, account, unit, port or process behind, but for configuration and data."""

    check: Literal["leftovers"]


class TidyCheck(Strict):
    """The running product writes nowhere but into its own folders."""

    check: Literal["tidy"]


class UnchangedCheck(Strict):
    """Installing the same version again changes nothing: neither the installed files, nor configuration, nor data."""

    check: Literal["unchanged"]


class RollbackCheck(Strict):
    """Going back to the old version does what the new one promises of it: works, refuses, or works after a restore."""

    check: Literal["rollback"]


class LlmAnswersCheck(Strict):
    """The product presents what each model says, whole and with the results of its tools, while nothing goes wrong."""

    check: Literal["llm-answers"]


class LlmRoutingCheck(Strict):
    """Each conversation reached the provider and the model that it named, and nothing else was asked of any."""

    check: Literal["llm-routing"]


class LlmFaultsCheck(Strict):
    """A failing model is told as such, in time, and no broken answer is presented as a whole one."""

    check: Literal["llm-faults"]


class LlmRetriesCheck(Strict):
    """A failing provider is asked again as often as promised at most, after a pause, and not before its Retry-After."""

    check: Literal["llm-retries"]
    pause: Seconds = 0.1
    """Seconds that must lie between a failure and the next try at least."""


class LlmLogCheck(Strict):
    """Of each provider that failed, the product's log tells at least once for each conversation that it failed in."""

    check: Literal["llm-log"]


class LlmKeysCheck(Strict):
    """No key of a provider, and no secret of the definition, stands in the product's log or in its answers."""

    check: Literal["llm-keys"]


class DurationsCheck(Strict):
    """Steps stay within budgets, in seconds."""

    check: Literal["durations"]
    install: Seconds | None = None
    """Seconds for each install and each upgrade; without it they are not judged."""
    ready: Seconds | None = None
    """Seconds from each start to the last of the good answers in a row; without it they are not judged."""
    stop: Seconds | None = None
    """Seconds from each stop to the end of the process; without it they are not judged."""


class MemoryCheck(Strict):
    """The product's memory at rest stays within a budget, in megabytes (10^6 bytes)."""

    check: Literal["memory"]
    max_mb: PositiveFloat
    """Megabytes that the product may hold at each `inspect` step."""


Check = Annotated[
    InstallCheck
    | HealthCheck
    | ContainerCheck
    | VersionCheck
    | DataCheck
    | ExerciseCheck
    | HonestHealthCheck
    | RefusalCheck
    | OrphansCheck
    | RowsCheck
    | GracefulStopCheck
    | ApiSurfaceCheck
    | ConfigurationCheck
    | SuiteCheck
    | EgressCheck
    | LeaksCheck
    | UnitCheck
    | PrivateCheck
    | LeftoversCheck
    | TidyCheck
    | UnchangedCheck
    | RollbackCheck
    | LlmAnswersCheck
    | LlmRoutingCheck
    | LlmFaultsCheck
    | LlmRetriesCheck
    | LlmLogCheck
    | LlmKeysCheck
    | DurationsCheck
    | MemoryCheck,
    Field(discriminator="check"),
]
