"""Run checks through Great Expectations and collect their outcomes with the ids of failing rows."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.checks.tables.expectations import TableCheck
from touchline.errors import InputError

SAMPLE_IDS = 5


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one check on one table."""

    table: str
    says: str
    expectation: str
    column: str
    severity: str
    passed: bool
    observed: str
    rows: int
    failing: tuple[str, ...]  # ids of the rows that fail, in order; () for table-wide checks


class ExpectationRunner:
    """Great Expectations in memory; create it once per stage, because it takes seconds to start."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import: it asks at once
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        self.gx = gx
        self.context: Any = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self.source = self.context.data_sources.add_pandas("records")

    def run_checks(
        self, table: str, rows: Sequence[Mapping[str, Any]], checks: Sequence[TableCheck]
    ) -> list[CheckOutcome]:
        """One outcome per check, in order. On an empty table all checks pass except row counts."""
        import pandas as pd

        columns = sorted({"id", *(check.column for check in checks if check.column)})
        frame = pd.DataFrame([[row[c] for c in columns] for row in rows], columns=columns)
        applicable = [check for check in checks if len(rows) or not check.column]
        results = self._validate_table(table, frame, applicable) if applicable else []
        outcomes = {
            check.says: _build_outcome(table, check, result, len(rows))
            for check, result in zip(applicable, results, strict=True)
        }
        return [outcomes.get(check.says) or _pass_empty_table(table, check) for check in checks]

    def _validate_table(
        self, table: str, frame: Any, checks: Sequence[TableCheck]
    ) -> list[dict[str, Any]]:
        batch = self.source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        suite = self.gx.ExpectationSuite(
            table, [self._build_expectation(c, i) for i, c in enumerate(checks)]
        )
        definition = self.gx.ValidationDefinition(
            name=table, data=batch, suite=self.context.suites.add(suite)
        )
        result = self.context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": frame},
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["id"]},
        )
        order = {r.expectation_config.meta["place"]: r.describe_dict() for r in result.results}
        return [order[place] for place in range(len(checks))]

    def _build_expectation(self, check: TableCheck, place: int) -> Any:
        column = {"column": check.column} if check.column else {}
        return getattr(self.gx.expectations, check.kind)(
            **column,
            **check.settings,
            severity=check.severity,
            description=check.says,
            meta={"place": place},
        )


def _build_outcome(
    table: str, check: TableCheck, validation: Mapping[str, Any], rows: int
) -> CheckOutcome:
    result = validation["result"]
    if not result:  # it raised: a column of a type that cannot be compared
        raise InputError(
            f"{table}.{check.column}", f"could not check that {check.says}", "report this bug"
        )
    failing = tuple(str(row["id"]) for row in result.get("unexpected_index_list") or ())
    return CheckOutcome(
        table=table,
        says=check.says,
        expectation=validation["expectation_type"],
        column=check.column,
        severity=check.severity,
        passed=validation["success"],
        observed=_describe_observed(result),
        rows=rows,
        failing=failing,
    )


def _describe_observed(result: Mapping[str, Any]) -> str:
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} fail"
    if result.get("partial_missing_list"):
        return f"missing: {', '.join(map(str, result['partial_missing_list']))}"
    value = result.get("observed_value")
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)


def _pass_empty_table(table: str, check: TableCheck) -> CheckOutcome:
    return CheckOutcome(
        table=table,
        says=check.says,
        expectation="",
        column=check.column,
        severity=check.severity,
        passed=True,
        observed="no rows",
        rows=0,
        failing=(),
    )


def collect_drop_reasons(outcomes: Sequence[CheckOutcome]) -> dict[str, str]:
    """{row id: reason} of the rows that fail an info check."""
    reasons: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.severity == "info":
            for row in outcome.failing:
                reasons.setdefault(row, []).append(f"not so: {outcome.says}")
    return {row: "; ".join(why) for row, why in reasons.items()}


def raise_on_failed_checks(outcomes: Sequence[CheckOutcome], fail_on: str) -> None:
    """Raise an `InputError` that names the first failed check, its count and its first rows, if a
    check of severity `fail_on` or above failed.
    """
    fatal = ("critical",) if fail_on == "critical" else ("critical", "warning")
    failed = [o for o in outcomes if not o.passed and o.severity in fatal]
    if not failed:
        return
    first, more = failed[0], len(failed) - 1
    ids = ", ".join(first.failing[:SAMPLE_IDS])
    wrong = f"it is not so that {first.says}: {first.observed}{' (' + ids + ')' if ids else ''}"
    others = f" and {more} more gates failed" if more else ""
    place = f"{first.table}.{first.column}" if first.column else first.table
    raise InputError(
        place, f"{wrong} [{first.expectation}]{others}", "correct the stage that made them"
    )
