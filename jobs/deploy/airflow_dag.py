"""A DAG for Airflow 3 that runs a job every night, on a worker that has bulkseg, the job and its secrets.

Change: the paths, the schedule, the queue. The job's folder lies on a disk of the worker, for there is its
checkpoint: with several workers, give the task a `queue` that only one of them serves.

To install it: copy it into your folder of DAGs. The provider `standard`, which it takes, comes with Airflow.

A retry is safe: a run goes on from its checkpoint, and what may have been sent is looked for, never sent
again blindly. Only a run that did not end by itself is retried, though. After status 1 a second one may end
with 0, for it leaves alone what was refused, and nobody would look; 2 is a wrong job; after 3 the password
may be wrong, and trying it again locks the user. What is left is a worker that died, and 4: the run before
is still at it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException


class BulksegRun(BashOperator):
    """A run, which is not retried where it ended by itself. A task that is killed has SIGTERM sent to it."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(skip_on_exit_code=[1, 2, 3], append_env=True, **arguments)

    def execute(self, context: Any) -> Any:
        """Runs it, and fails for good with what would else have counted as skipped."""
        try:
            return super().execute(context)
        except AirflowSkipException as error:
            raise AirflowFailException(f"{error} What it says is above.") from None


with DAG(
    dag_id="bulkseg_nightly",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # one run makes all that is not done, however many nights were missed
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
    tags=["eloqua"],
):
    BulksegRun(
        task_id="run",
        bash_command="exec /opt/bulkseg/bin/bulkseg run /var/lib/bulkseg/nightly.toml --log-format json",
        env={"ELOQUA_SECRETS_DIR": "/etc/bulkseg/secrets"},
    )
