"""Settings from all their places: which one wins, where each came from, what is refused."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobstore import EngineOptions
from jobstore.errors import InvalidSettings
from jobstore.settings.loading import Origin, load
from jobstore.settings.sections import Settings
from tests.fixtures.cases import each_case
from tests.unit.operations.configurations import loaded, refused

KEY = "age1" + "q" * 58


def test_nothing_said_means_development_in_this_folder(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert found.settings == Settings()
    assert found.files == ()
    assert found.origins["store.url"] == Origin("default", "default")
    assert found.origins["logging.format"] == Origin("default", "default of development")
    assert found.settings.logging.format == "readable"
    assert found.settings.deployment.sample_data
    assert found.settings.store.options == EngineOptions()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_other_environments_have_the_plain_defaults(tmp_path: Path, environment: str) -> None:
    found = loaded(tmp_path, f"environment: {environment}").settings
    assert (found.logging.format, found.deployment.sample_data) == ("json", False)


def test_later_places_win_setting_by_setting(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "store: {url: 'sqlite:///a.db', readers: 2, queue_size: 2, busy_timeout: 2}\n",
        "JOBSTORE_URL=sqlite:///b.db\nJOBSTORE_READERS=3\nJOBSTORE_QUEUE_SIZE=3\n",
        {"JOBSTORE_URL": "sqlite:///c.db", "JOBSTORE_READERS": "4"},
        {"store.url": "sqlite:///d.db"},
    )
    store, origins = found.settings.store, found.origins
    assert (store.url, store.readers, store.queue_size) == ("sqlite:///d.db", 4, 3)
    assert (store.busy_timeout, store.read_timeout) == (2.0, 30.0)
    assert [
        (origins[f"store.{name}"].kind, origins[f"store.{name}"].where.replace(f"{tmp_path}/", ""))
        for name in ("url", "readers", "queue_size", "busy_timeout", "read_timeout")
    ] == [
        ("flag", "--store"),
        ("environment", "JOBSTORE_READERS"),
        ("dotenv", ".env, line 3: JOBSTORE_QUEUE_SIZE"),
        ("file", "config.yaml, line 1"),
        ("default", "default"),
    ]
    assert found.files == (tmp_path / "config.yaml", tmp_path / ".env")


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("store: {readers: 1}")
    (tmp_path / "two.yaml").write_text("store: {readers: 2}")
    one, two = (str(tmp_path / name) for name in ("one.yaml", "two.yaml"))
    dotenv = f"JOBSTORE_CONFIG={one}"
    assert loaded(tmp_path, dotenv=dotenv).settings.store.readers == 1
    process = {"JOBSTORE_CONFIG": two}
    assert loaded(tmp_path, dotenv=dotenv, environment=process).settings.store.readers == 2
    flag = load(one, environment=process, folder=tmp_path)
    assert flag.settings.store.readers == 1


def test_the_process_environment_is_read_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBSTORE_ENVIRONMENT", "staging")
    monkeypatch.setenv("JOBSTORE_LOGGING__LEVEL", "debug")
    found = load().settings
    assert (found.environment, found.logging.level) == ("staging", "debug")


def test_lists_and_mappings_are_json_in_variables(tmp_path: Path) -> None:
    environment = {
        "JOBSTORE_BACKUP__PLACES": '["s3://bucket/a", "/mnt/b"]',
        "JOBSTORE_BACKUP__RECIPIENTS": f'["{KEY}"]',
        "JOBSTORE_BACKUP__PLACE_OPTIONS": '{"s3://bucket/a": {"region": "eu-1"}}',
        "JOBSTORE_ALERTS__RULES": '[{"name": "restore-test-age", "enabled": false}]',
    }
    found = loaded(tmp_path, environment=environment).settings
    assert found.backup.places == ("s3://bucket/a", "/mnt/b")
    assert found.backup.recipients == (KEY,)
    assert found.backup.place_options["s3://bucket/a"]["region"].get_secret_value() == "eu-1"
    assert [rule.name for rule in found.alerts.rules if not rule.enabled] == ["restore-test-age"]


@pytest.mark.parametrize("text", ["s3://bucket", "[", "[" * 100_000, "5", "null", '{"a": 1}'])
def test_what_is_no_list_is_refused_in_a_variable(tmp_path: Path, text: str) -> None:
    (fault,) = refused(tmp_path, environment={"JOBSTORE_BACKUP__PLACES": text})
    assert fault.startswith("backup.places: must be ")
    assert "(JOBSTORE_BACKUP__PLACES)" in fault


def test_a_list_in_a_later_place_replaces_the_earlier_one(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "backup: {places: [/a, /b]}", None, {"JOBSTORE_BACKUP__PLACES": '["/c"]'}
    )
    assert found.settings.backup.places == ("/c",)


def test_an_empty_section_an_empty_file_and_an_empty_variable_say_nothing(tmp_path: Path) -> None:
    yaml, environment = "store:\nhealth: null\n", {"JOBSTORE_READERS": ""}
    nothing = Settings().model_dump()
    assert loaded(tmp_path, yaml, "JOBSTORE_URL=\n", environment).settings.model_dump() == nothing
    assert loaded(tmp_path, "").settings.model_dump() == nothing
    assert loaded(tmp_path, "# nothing\n---\n").settings.model_dump() == nothing


def test_values_of_the_file_may_stand_in_the_environment(tmp_path: Path) -> None:
    yaml = (
        "logging: {level: '${LEVEL}', slow_ms: '${SLOW}'}\n"
        "alerts:\n  sinks:\n    - type: webhook\n      url: https://example.com/\n"
        "      secret: ${JOBSTORE_HOOK_SECRET}\n"
        "backup: {folder: /mnt/$HOME, places: ['/a/${b}']}\n"
    )
    found = loaded(
        tmp_path, yaml, "LEVEL=debug\nSLOW=7.5\n", {"JOBSTORE_HOOK_SECRET": "x", "LEVEL": "error"}
    ).settings
    assert (found.logging.level, found.logging.slow_ms) == ("error", 7.5)
    (sink,) = found.alerts.sinks
    assert sink.secret.get_secret_value() == "x"
    assert (str(found.backup.folder), found.backup.places) == ("/mnt/$HOME", ("/a/${b}",))


def test_a_value_that_is_not_set_is_named_once(tmp_path: Path) -> None:
    yaml = "logging:\n  slow_ms: ${SLOW}\nalerts:\n  sinks:\n    - type: ${KIND}\n"
    assert refused(tmp_path, yaml) == [
        "logging.slow_ms: takes SLOW, which is not set (config.yaml, line 2)",
        "alerts.sinks[0].type: takes KIND, which is not set (config.yaml, line 5)",
        "alerts.sinks[0]: must have a type: log, webhook, heartbeat, email or command "
        "(config.yaml, line 5)",
    ]


@each_case(
    ("yaml", "told"),
    [
        ("store: {reader: 3}", "store.reader: is no setting; did you mean readers?"),
        ("store: {slow_ms: 3}", "store.slow_ms: is no setting; did you mean logging.slow_ms?"),
        ("health: {xyzzy: 3}", "health.xyzzy: is no setting; there are timeout, disk_warn_percent"),
        ("stor: {}", "stor: is no setting; did you mean store?"),
        ("7: {}", "7: is no setting; there are environment, store, sources, paths"),
        ("environment: prod", "environment: must be development, staging or production"),
        ("environment: {a: b}", "environment: must be development, staging or production"),
        ("environment: ", "environment: must be development, staging or production"),
        ("store: 5", "store: must have keys and values"),
        ("store: 0", "store: must have keys and values"),
        ("store: false", "store: must have keys and values"),
        ("store: ''", "store: must have keys and values"),
        ("store: []", "store: must have keys and values"),
        ("store: [a]", "store: must have keys and values"),
        ("store: {readers: 0}", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: 65}", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: 2.5}", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: true}", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: }", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: [3]}", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: hunter2}", "store.readers: must be a whole number, 1 to 64"),
        ("store: {readers: 99999999999999999999999}", "store.readers: must be a whole number"),
        (
            "store: {busy_timeout: 0}",
            "store.busy_timeout: must be a number above 0, at most 86,400",
        ),
        ("store: {busy_timeout: nan}", "store.busy_timeout: must be a number above 0"),
        ("store: {busy_timeout: .inf}", "store.busy_timeout: must be a number above 0"),
        ("store: {busy_timeout: 1e999}", "store.busy_timeout: must be a number above 0"),
        ("store: {synchronous: off}", "store.synchronous: must be full or normal"),
        ("store: {url: jobs.db}", "store.url: The store's URL does not begin with sqlite:///"),
        ("store: {url: 'mysql://ann:hunter2@h/d'}", "cannot open mysql databases"),
        (
            f"store: {{url: 'sqlite:///{'x' * 5000}'}}",
            "store.url: must be at most 4,096 characters",
        ),
        (
            "logging: {level: INFO}",
            "logging.level: must be debug, info, warning, error or critical",
        ),
        ("logging: {level: 3}", "logging.level: must be debug"),
        ("monitoring: {enabled: 7}", "monitoring.enabled: must be true or false"),
        (
            "monitoring: {keep_days: 1}",
            "monitoring.keep_days: must be a whole number, 30 to 36,500",
        ),
        ("health: {disk_fail_percent: 30}", "disk_fail_percent must not be above disk_warn"),
        ("health: {wal_warn_mib: 2000}", "wal_fail_mib must not be below wal_warn_mib"),
        ("paths: {state: ''}", "paths.state: a path must not be empty"),
        ("paths: {state: 7}", "paths.state: a path must be text"),
        ('paths: {state: "a\\0b"}', "paths.state: a path must not be empty, nor contain a NUL"),
        ("schedule: {backup_at: 24:00}", "schedule.backup_at: must be a time of day, 00:00 to"),
        ("schedule: {backup_at: 230}", "schedule.backup_at: must be a time of day"),
        ("backup: {places: /mnt}", "backup.places: must be a list, each a folder"),
        ("backup: {places: [5]}", "backup.places[0]: must be a folder, or an s3://"),
        ("backup: {places: ['']}", "backup.places[0]: a place must not be empty"),
        ("backup: {places: ['ftp://a']}", "backup.places[0]: a place must be a folder, or begin"),
        ("backup: {places: ['s3://k:hunter2@b']}", "backup.places[0]: a place must not carry"),
        ("backup: {places: ['s3://b?k=hunter2']}", "a place must be s3://BUCKET or s3://BUCKET/"),
        ("backup: {places: ['s3://']}", "a place must be s3://BUCKET or s3://BUCKET/FOLDER"),
        (f"backup: {{places: [{','.join('abcdefghijklmnopqrstu')}]}}", "a list of at most 20"),
        ("backup: {place_options: {a: {b: c}}}", "backup: place_options must name places"),
        ("backup: {place_options: {a: {b: 7}}}", "backup.place_options.a.b: must be text"),
        ("backup: {place_options: [a]}", "backup.place_options: must be a mapping, key: value"),
        ("backup: {recipients: [AGE-SECRET-KEY-1HUNTER2]}", "this is a secret key; a recipient is"),
        ("backup: {recipients: [age1short]}", "a recipient must be an age public key"),
        ("alerts: {repeat_minutes: 0}", "alerts.repeat_minutes: must be a number above 0"),
        ("alerts: {rules: 5}", "alerts.rules: must be a list"),
        ("alerts: {rules: [5]}", "alerts.rules[0]: must have keys and values"),
        ("alerts: {rules: [{name: a}]}", "alerts.rules[0].measure: must be given"),
        ("alerts: {rules: [{name: A}]}", "alerts.rules[0].name: must be a name of small letters"),
        (
            "alerts: {rules: [{name: a, measure: error_percent}]}",
            "alerts.rules[0]: a rule of error_percent needs above",
        ),
        (
            "alerts: {rules: [{name: disk-free, above: 5}]}",
            "the limits of checks are set in health",
        ),
        ("alerts: {rules: [{name: disk-free, below: 9}]}", "alerts.rules[0].below: is no setting"),
        ("alerts: {rules: [{name: backup-age, clear: 9}]}", "the limits of checks are set in"),
        ("alerts: {rules: [{name: latency-warning, clear: 51}]}", "must lie on the good side"),
        ("alerts: {rules: [{name: errors-warning, checks: [disk]}]}", "go with measure: checks"),
        ("alerts: {rules: [{name: disk-free, checks: ['a b']}]}", "must be a check of 'jobstore"),
        ("alerts: {rules: [{name: a}, {name: a}]}", "alerts.rules: two rules have the same name"),
        ("alerts: {sinks: [{type: slack}]}", "alerts.sinks[0]: must have a type: log, webhook"),
        ("alerts: {sinks: [hunter2]}", "alerts.sinks[0]: must have a type: log, webhook, heart"),
        ("alerts: {sinks: [{type: log}, {type: log}]}", "alerts.sinks: two sinks have the same"),
        (
            "alerts: {sinks: [{type: webhook, url: 'ftp://hunter2/'}]}",
            "alerts.sinks[0].url: must be",
        ),
        ("alerts: {sinks: [{type: webhook, url: 'http://[hunter2'}]}", "must be an address that"),
        ("alerts: {sinks: [{type: webhook, url: 7}]}", "alerts.sinks[0].url: must be text"),
        ("alerts: {sinks: [{type: command, command: []}]}", "must be a list of at least one"),
        ("alerts: {sinks: [{type: command, command: ['']}]}", "command[0]: must not be empty"),
        (
            "alerts: {sinks: [{type: email, host: h, sender: s, recipients: [r], username: u}]}",
            "alerts.sinks[0]: username and password go together",
        ),
        (
            "alerts: {sinks: [{type: email, host: h, sender: s, recipients: [r], tls: none,"
            " username: u, password: hunter2}]}",
            "alerts.sinks[0]: a password is not sent without tls",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_is_allowed(
    tmp_path: Path, yaml: str, told: str
) -> None:
    faults = refused(tmp_path, f"\n{yaml}\n")
    assert told in faults[0]
    assert all(fault.endswith("(config.yaml, line 2)") for fault in faults)
    assert "hunter2" not in "".join(faults).lower()


def test_every_fault_of_every_place_is_named_at_once(tmp_path: Path) -> None:
    assert refused(
        tmp_path,
        "store:\n  readers: 99\nhealth:\n  timeout: x\n  disk_warn_percent: 5\n",
        "# a comment\n\n\nJOBSTORE_QUEUE_SIZE=0\n",
        {"JOBSTORE_LOGGING__LEVEL": "loud", "JOBSTORE_HEALTH__DISK_FAIL_PERCENT": "101"},
        {"store.url": "nowhere"},
    ) == [
        "store.url: The store's URL does not begin with sqlite:///; write sqlite:///jobs.db, or "
        "sqlite:////full/path/jobs.db for an absolute path, or postgresql://user@host/jobs for one "
        "on a server. (--store)",
        "store.readers: must be a whole number, 1 to 64 (config.yaml, line 2)",
        "store.queue_size: must be a whole number, 1 to 1,000,000 "
        "(.env, line 4: JOBSTORE_QUEUE_SIZE)",
        "logging.level: must be debug, info, warning, error or critical (JOBSTORE_LOGGING__LEVEL)",
        "health.timeout: must be a number above 0, at most 86,400 (config.yaml, line 4)",
        "health.disk_fail_percent: must be a number, 0 to 100 (JOBSTORE_HEALTH__DISK_FAIL_PERCENT)",
    ]


def test_what_two_places_make_wrong_together_is_told_with_both(tmp_path: Path) -> None:
    yaml, environment = (
        "health: {disk_warn_percent: 5}",
        {"JOBSTORE_HEALTH__DISK_FAIL_PERCENT": "6"},
    )
    assert refused(tmp_path, yaml, None, environment) == [
        "health: disk_fail_percent must not be above disk_warn_percent "
        "(config.yaml, line 1; JOBSTORE_HEALTH__DISK_FAIL_PERCENT)"
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("JOBSTORE_TYPO__X", "is no setting; 'jobstore config keys' lists all"),
        ("JOBSTORE_LOGGING__LEVL", "is no setting; did you mean JOBSTORE_LOGGING__LEVEL?"),
        ("JOBSTORE_STORE__READERS", "is no setting; did you mean JOBSTORE_READERS?"),
        ("JOBSTORE_CONFG", "is no setting; did you mean JOBSTORE_CONFIG?"),
        ("JOBSTORE_ULR", "is no setting; did you mean JOBSTORE_URL?"),
        ("JOBSTORE_READER", "is no setting; did you mean JOBSTORE_READERS?"),
    ],
)
def test_a_variable_that_means_no_setting_is_refused(tmp_path: Path, name: str, told: str) -> None:
    assert refused(tmp_path, environment={name: "hunter2"}) == [f"{name}: {told}"]
    assert refused(tmp_path, dotenv=f"{name}=hunter2") == [f".env, line 1: {name}: {told}"]


def test_variables_of_others_are_let_alone(tmp_path: Path) -> None:
    environment = {"JOBSTORE_PORT": "tcp://10.0.0.1:80", "JOBSTORE_SERVICE_HOST": "10.0.0.1"}
    assert loaded(tmp_path, environment=environment | {"READERS": "x"}).settings == Settings()


def test_folders_and_files_of_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = loaded(tmp_path, f"store: {{url: 'sqlite:///{tmp_path}/data/jobs.db'}}").settings
    state = tmp_path / "data" / "jobs.ops"
    assert found.state_folder == state
    assert found.logs_folder == state / "logs"
    assert found.backups_folder == state / "backups"
    assert found.deployments_folder == state / "deployments"
    assert found.operations_db == state / "operations.db"
    moved = loaded(tmp_path, "paths: {state: ~/ops}\nbackup: {folder: copies}").settings
    assert moved.operations_db == tmp_path / "ops" / "operations.db"
    assert moved.backups_folder == Path("copies").absolute()


def test_a_default_rule_is_changed_by_its_name_and_others_stay(tmp_path: Path) -> None:
    yaml = (
        "alerts:\n  rules:\n    - {name: mine, measure: error_percent, above: 0}\n"
        "    - {name: latency-warning, above: 40}\n    - {name: disk-free, severity: warning}\n"
    )
    rules = {rule.name: rule for rule in loaded(tmp_path, yaml).settings.alerts.rules}
    assert list(rules)[-1] == "mine"
    assert len(rules) == len(Settings().alerts.rules) + 1
    latency = rules["latency-warning"]
    # The old one's way back, 45, would lie beyond the new limit.
    assert (latency.above, latency.clear, latency.min_count) == (40, None, 20)
    assert (rules["disk-free"].checks, rules["disk-free"].verdict) == (("disk:free",), "fail")
    assert (rules["disk-free"].severity, rules["disk-free"].rank) == ("warning", 1)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().store.readers = 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.binary(max_size=200) | st.text("sto re:[]{}&*!|>-'\"\n\t#%@,.~0x", max_size=60))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / ".env").write_bytes(path.read_bytes())
    for config in (path, None):
        with suppress(InvalidSettings):
            load(config, environment={}, folder=tmp_path if config is None else Path(os.devnull))


def test_a_wrong_address_is_one_fault_and_an_empty_secret_is_named(tmp_path: Path) -> None:
    sinks = (
        "{type: email, host: h, sender: a@b.c, recipients: ['a@b, c@d']}",
        "{type: webhook, url: 'https://x.example', secret: ''}",
    )
    assert refused(tmp_path, f"alerts: {{sinks: [{', '.join(sinks)}]}}") == [
        "alerts.sinks[0].recipients[0]: must be a mail address, such as ops@example.com "
        "(config.yaml, line 1)",
        "alerts.sinks[1].secret: must not be empty (config.yaml, line 1)",
    ]
    none = "alerts: {sinks: [{type: email, host: h, sender: a@b.c, recipients: []}]}"
    assert "recipients: must be a list of at least one" in refused(tmp_path, none)[0]
