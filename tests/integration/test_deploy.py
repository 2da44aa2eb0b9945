"""The files of jobs/deploy: each is what its tool takes, and calls bulkseg as bulkseg is called."""

import re
import runpy
import shlex
import subprocess
import sys
import types

import kubernetes_validate
import pytest
import yaml
from typer.main import get_command

from bulkseg import afterwards
from bulkseg.cli import app
from bulkseg.eloqua.sources import CREDENTIALS
from bulkseg.job.limits import Limits
from tests.integration.commands import ROOT, bulkseg, sandbox

DEPLOY = ROOT / "jobs" / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())
# Of the Kubernetes that cronjob.yaml says it is for, and of the newest one that is known.
KUBERNETES = ["1.31", kubernetes_validate.latest_version()]
ANYWHERE = "/opt/bulkseg/bin/bulkseg"


def manifests(file="cronjob.yaml"):
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / file).read_text())}


def pod(file="cronjob.yaml", kind="CronJob"):
    spec = manifests(file)[kind]["spec"]
    return (spec["jobTemplate"]["spec"] if kind == "CronJob" else spec)["template"]["spec"]


# The file, and the kind, of each pod.
PODS = [("cronjob.yaml", "CronJob"), ("fleet.yaml", "Deployment"), ("fleet.yaml", "CronJob")]


def cron_line():
    lines = (DEPLOY / "crontab").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    (line,) = (line for line in lines if re.match(r"[\d*]", line))
    return settings, *re.fullmatch(r"((?:\S+ ){5}) *(.*)", line).groups()


def command_lines():
    """Every call of bulkseg in these files, in comments too."""
    for path in FILES:
        for call in re.findall(rf"{ANYWHERE} ([^\n\">]+)", path.read_text()):
            yield pytest.param(call, id=f"{path.name}: {call.split()[0]}")
    for file, kind in PODS:
        spec = pod(file, kind)
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            call = shlex.join(container["args"])
            yield pytest.param(call, id=f"{file}: {call}")


@pytest.mark.parametrize("call", list(command_lines()))
def test_a_call_of_bulkseg_is_one_that_it_takes(call):
    name, *arguments = shlex.split(call.replace("%i", "nightly"))
    command = get_command(app).commands[name]
    if hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    assert command.make_context(f"bulkseg {name}", arguments)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_what_to_change_and_how_to_install_it_and_names_variables_that_there_are(path):
    text = path.read_text()
    assert re.match('# A|# When|"""A', text)
    assert re.search(r"^(# )?Change: ", text, re.MULTILINE)
    assert re.search(r"^(# )?To install it: ?", text, re.MULTILINE) or "To install it, as root" in text
    known = {f"ELOQUA_{end}" for end in (*CREDENTIALS, "SECRETS_DIR", "TOKEN_FILE")}
    named = re.findall(r"ELOQUA_[A-Z_]+", text)
    assert {re.sub("__ACME__", "_", name) for name in named} <= known


@pytest.mark.needs("systemd-analyze")
def test_systemd_has_nothing_to_say_against_its_units(tmp_path):
    for path in DEPLOY.glob("bulkseg@.*"):
        unit = tmp_path / path.name.replace("@", "@nightly")
        unit.write_text(path.read_text().replace(ANYWHERE, sys.executable))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *tmp_path.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.needs("systemd-analyze")
def test_the_timer_names_a_time_of_each_night():
    (when,) = re.findall(r"^OnCalendar=(.+)$", (DEPLOY / "bulkseg@.timer").read_text(), re.MULTILINE)
    command = ["systemd-analyze", "calendar", when]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "Normalized form: *-*-* 02:30:00" in done.stdout


@pytest.mark.parametrize(("file", "kind"), [*PODS, ("cronjob.yaml", "PersistentVolumeClaim")])
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_the_manifest_and_knows_every_key_of_it(file, kind, version):
    kubernetes_validate.validate(manifests(file)[kind], version, strict=True)


@pytest.mark.parametrize(("file", "kind"), PODS)
def test_a_pod_is_the_user_of_the_dockerfile_and_may_nothing_that_it_need_not(file, kind):
    spec = pod(file, kind)
    security = spec["securityContext"]
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}\n" in (ROOT / "Dockerfile").read_text()
    assert spec["automountServiceAccountToken"] is False
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        confined = container["securityContext"]
        assert (confined["readOnlyRootFilesystem"], confined["capabilities"]) == (True, {"drop": ["ALL"]})
        assert container["resources"]["limits"]["memory"]


def test_all_pods_of_a_fleet_have_one_database_and_only_workers_have_credentials():
    worker, submit = pod("fleet.yaml", "Deployment"), pod("fleet.yaml", "CronJob")
    containers = [*worker["initContainers"], *worker["containers"], *submit["containers"]]
    variables = [{one["name"]: one for one in each["env"]} for each in containers]
    assert len({each["BULKSEG_DATABASE"]["value"] for each in variables}) == 1
    assert [("ELOQUA_SECRETS_DIR" in each) for each in variables] == [False, True, False]
    mounts = {one["name"]: one["mountPath"] for one in worker["containers"][0]["volumeMounts"]}
    assert variables[1]["ELOQUA_SECRETS_DIR"]["value"] == mounts["secrets"]
    (claim,) = (one["persistentVolumeClaim"] for one in submit["volumes"] if "persistentVolumeClaim" in one)
    assert claim["claimName"] == manifests()["PersistentVolumeClaim"]["metadata"]["name"]


def test_the_pod_has_the_folder_of_the_dockerfile_and_keeps_what_has_to_be_kept():
    dockerfile = (ROOT / "Dockerfile").read_text()
    (container,) = pod()["containers"]
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    assert f"WORKDIR {mounts['jobs']['mountPath']}\n" in dockerfile
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["ELOQUA_SECRETS_DIR"] == mounts["secrets"]["mountPath"]
    assert variables["TMPDIR"] == mounts["scratch"]["mountPath"]
    assert variables["ELOQUA_TOKEN_FILE"].startswith(mounts["jobs"]["mountPath"])
    (claim,) = (one["persistentVolumeClaim"] for one in pod()["volumes"] if "persistentVolumeClaim" in one)
    assert claim["claimName"] == manifests()["PersistentVolumeClaim"]["metadata"]["name"]


def test_whoever_stops_it_waits_for_what_is_under_way_and_for_the_command_of_its_end():
    longest = Limits().timeout + afterwards.PATIENCE + afterwards.GRACE
    (service,) = re.findall(
        r"^TimeoutStopSec=(\d+)s$", (DEPLOY / "bulkseg@.service").read_text(), re.MULTILINE
    )
    assert int(service) > longest
    assert pod()["terminationGracePeriodSeconds"] > longest


def test_cron_mails_only_when_somebody_has_to_look(tmp_path):
    settings, _, command = cron_line()
    called = command.replace(ANYWHERE, shlex.join([sys.executable, "-m", "bulkseg"]))
    jobs = {"well": "name\nA\n", "refused": "name,source_id\nB,4711\n", "password": "name\nC\n"}
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    said = {}
    with sandbox(cwd=tmp_path) as site:
        for name, text in jobs.items():
            (tmp_path / f"{name}.csv").write_text(text)
            password = "wrong" if name == "password" else site["ELOQUA_PASSWORD"]
            for end, value in (site | {"ELOQUA_PASSWORD": password}).items():
                (secrets / end).write_text(value + "\n")
            # cron gives a command little of what a shell has
            variables = {"PYTHONPATH": str(ROOT), **settings, "ELOQUA_SECRETS_DIR": str(secrets)}
            ours = called.replace("/var/lib/bulkseg/nightly.toml", f"{tmp_path}/{name}.csv")
            process = subprocess.run(
                ["sh", "-c", ours], env=variables, capture_output=True, text=True, timeout=60, check=False
            )
            said[name] = (process.returncode, process.stdout, process.stderr)
    assert said["well"] == (0, "", "")
    assert (said["refused"][0], "spec_failed" in said["refused"][2]) == (1, True)
    assert (said["password"][0], "does not let" in said["password"][2]) == (3, True)


class Skipped(Exception):
    pass


class Failed(Exception):
    pass


class Bash:
    """As much of Airflow's BashOperator as is built upon: it leaves with an exception for some statuses."""

    def __init__(self, *, bash_command, skip_on_exit_code, **arguments):
        self.bash_command, self.skipped, self.arguments = bash_command, skip_on_exit_code, arguments

    def execute(self, context):
        if context["status"] in self.skipped:
            raise Skipped("exit code")
        if context["status"]:
            raise RuntimeError("retried")


class Dag:
    def __init__(self, **arguments):
        assert (arguments["max_active_runs"], arguments["catchup"]) == (1, False)
        assert arguments["default_args"]["retries"] > 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def operator(monkeypatch):
    """The DAG's operator, with a stand-in for Airflow, which is too big to be installed for this."""
    modules = {
        "airflow": {},
        "airflow.providers": {},
        "airflow.providers.standard": {},
        "airflow.providers.standard.operators": {},
        "airflow.providers.standard.operators.bash": {"BashOperator": Bash},
        "airflow.sdk": {"DAG": Dag},
        "airflow.sdk.exceptions": {"AirflowFailException": Failed, "AirflowSkipException": Skipped},
    }
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return runpy.run_path(str(DEPLOY / "airflow_dag.py"))["BulksegRun"](bash_command="bulkseg run x")


@pytest.mark.parametrize(
    ("status", "error"), [(1, Failed), (2, Failed), (3, Failed), (4, RuntimeError), (143, RuntimeError)]
)
def test_airflow_tries_again_only_what_did_not_end_by_itself(operator, status, error):
    with pytest.raises(error):
        operator.execute({"status": status})
    operator.execute({"status": 0})


def test_a_second_run_after_status_1_ends_with_0_so_that_a_retry_would_hide_what_failed(tmp_path):
    (tmp_path / "one.csv").write_text("name,source_id\nB,4711\n")
    with sandbox(cwd=tmp_path) as site:
        statuses = [bulkseg("run", "one.csv", cwd=tmp_path, site=site).status for _ in range(2)]
    assert statuses == [1, 0]
