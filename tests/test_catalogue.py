"""The grid out of samples/ and fixtures/: what is read, and what is said of files that don't fit together."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from builders import REPOSITORY, real

from harness.catalogue import catalogue, command_of, filled, matches, matching, names_of
from harness.errors import CatalogueErrors, UsageError

LANGUAGE = """\
title: Ruby
source: "src/{scenario}.rb"
run: [ruby, "{source}"]
api_key_header: authorization
entra: provider
prints: text
setup_files: [Gemfile]
setup:
  - [bundle, install]
path: [bin]
build:
  - [ruby, -c, "{source}"]
environment:
  SSL_CERT_FILE: "{ca_pem}"
toolchains:
  - name: Ruby
    version_command: [ruby, --version]
    version_pattern: 'ruby (\\d+(?:\\.\\d+)+)'
    at_least: "3.2"
    get: https://www.ruby-lang.org/
"""
KEY, ENTRA = "responses_api_key", "responses_entra_id"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A language and two scenarios that are right."""
    folder = tmp_path / "samples" / "ruby"
    folder.mkdir(parents=True)
    (folder / "language.yaml").write_text(LANGUAGE)
    (folder / "Gemfile").touch()
    for name in (KEY, ENTRA):
        scenario = tmp_path / "fixtures" / "scenarios" / name
        shutil.copytree(REPOSITORY / "fixtures" / "scenarios" / name, scenario)
        head, _, _ = (scenario / "recording.yaml").read_text().rpartition("      body:\n        id:")
        (scenario / "recording.yaml").write_text(head + "      body: {output: []}\n")  # the long part, read in no time
    return tmp_path


def message(root: Path) -> str:
    """What is said of everything under `root`, without its path."""
    with pytest.raises(CatalogueErrors) as caught:
        catalogue(root)
    return str(caught.value).replace(f"{root}/", "").replace(str(root), "ROOT")


def edited(root: Path, file: str, old: str, new: str) -> None:
    """Replace what stands in a file once."""
    text = (root / file).read_text()
    assert text.count(old) == 1, (old, text.count(old))
    (root / file).write_text(text.replace(old, new))


LANGUAGE_FILE = "samples/ruby/language.yaml"
SCENARIO_FILE = f"fixtures/scenarios/{KEY}/scenario.yaml"
ENTRA_FILE = f"fixtures/scenarios/{ENTRA}/scenario.yaml"
RECORDING_FILE = f"fixtures/scenarios/{KEY}/recording.yaml"
ENDPOINT = "endpoint: https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/"
ENDPOINT_SHOULD = "https://HOST/PATH/, ending in a slash, without port and query"
ENDPOINT_TRY = "write it as readers do: https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/"
PATTERN_TRY = r"write it as in 'v(\d+(?:\.\d+)*)'; a group that is not the version is (?:…)"


def endpoint_fault(address: str, problem: str, expected: str = ENDPOINT_SHOULD) -> tuple[str, str, str, str]:
    said = f"{SCENARIO_FILE}:3: {problem}\n  expected: {expected}\n  got: {address}\n  try: {ENDPOINT_TRY}"
    return SCENARIO_FILE, ENDPOINT, f"endpoint: {address}", said


NO_BASE = "endpoint is not the base address of an API"

#: What is wrong → file, what stands there, what is written instead, and the whole message.
EDITS = {
    "run is empty": (
        LANGUAGE_FILE,
        'run: [ruby, "{source}"]',
        "run: []",
        """\
samples/ruby/language.yaml:3: run is empty
  expected: the command that runs one sample
  got: []
  try: run: [PROGRAM, '{source}']""",
    ),
    "empty build command": (
        LANGUAGE_FILE,
        '[ruby, -c, "{source}"]',
        "[]",
        """\
samples/ruby/language.yaml:12: build: an empty command
  expected: [PROGRAM, ARGUMENT, …]
  got: []
  try: remove it; build: [] where there is none""",
    ),
    "unknown placeholder in source": (
        LANGUAGE_FILE,
        "src/{scenario}.rb",
        "src/{scenaro}.rb",
        """\
samples/ruby/language.yaml:2: unknown placeholder {scenaro} in source
  expected: placeholders: {scenario}, {Scenario}
  got: src/{scenaro}.rb
  try: did you mean {scenario}?""",
    ),
    "placeholder of another place": (
        LANGUAGE_FILE,
        'run: [ruby, "{source}"]',
        'run: [ruby, "{ca_pem}"]',
        """\
samples/ruby/language.yaml:3: unknown placeholder {ca_pem} in run
  expected: placeholders: {scenario}, {Scenario}, {source}
  got: {ca_pem}
  try: remove {ca_pem}""",
    ),
    "placeholder in set-up": (
        LANGUAGE_FILE,
        "[bundle, install]",
        '[bundle, install, "{scenario}"]',
        """\
samples/ruby/language.yaml:9: unknown placeholder {scenario} in setup
  expected: placeholders: none
  got: {scenario}
  try: remove {scenario}""",
    ),
    "unknown placeholder in environment": (
        LANGUAGE_FILE,
        "{ca_pem}",
        "{ca_file}",
        """\
samples/ruby/language.yaml:14: unknown placeholder {ca_file} in environment
  expected: placeholders: {ca_pem}, {proxy_host}, {proxy_port}, {workspace}
  got: {ca_file}
  try: did you mean {ca_pem}?""",
    ),
    "one source for all": (
        LANGUAGE_FILE,
        "src/{scenario}.rb",
        "sample.rb",
        """\
samples/ruby/language.yaml:2: source is the same for every scenario
  expected: a path with {scenario} or {Scenario} in it
  got: sample.rb
  try: write {scenario} where the file's name tells the scenario""",
    ),
    "source outside": (
        LANGUAGE_FILE,
        "src/{scenario}.rb",
        "../{scenario}.rb",
        """\
samples/ruby/language.yaml:2: source: '../{scenario}.rb' leaves the folder
  expected: a path below the folder
  got: ../{scenario}.rb
  try: keep it in the folder of language.yaml""",
    ),
    "set-up file outside": (
        LANGUAGE_FILE,
        "[Gemfile]",
        "[Gemfile, ../Gemfile]",
        """\
samples/ruby/language.yaml:7: setup_files: '../Gemfile' leaves the folder
  expected: a path below the folder
  got: ../Gemfile
  try: keep it in the folder of language.yaml""",
    ),
    "set-up file missing": (
        LANGUAGE_FILE,
        "[Gemfile]",
        "[Gemfile, Gemfile.lock]",
        """\
samples/ruby/language.yaml:7: setup_files: no file 'Gemfile.lock'
  expected: a file in samples/ruby
  got: Gemfile, language.yaml
  try: add it, or correct the name""",
    ),
    "path outside": (
        LANGUAGE_FILE,
        "[bin]",
        "[bin, /usr/bin]",
        """\
samples/ruby/language.yaml:10: path: '/usr/bin' leaves the folder
  expected: a path below the folder
  got: /usr/bin
  try: keep it in the folder of language.yaml""",
    ),
    "version pattern that is none": (
        LANGUAGE_FILE,
        r"'ruby (\d+(?:\.\d+)+)'",
        "'ruby (['",
        f"""\
samples/ruby/language.yaml:18: version_pattern: unterminated character set at position 6
  expected: a regular expression
  got: ruby ([
  try: {PATTERN_TRY}""",
    ),
    "version pattern without group": (
        LANGUAGE_FILE,
        r"'ruby (\d+(?:\.\d+)+)'",
        r"'ruby \d+'",
        f"""\
samples/ruby/language.yaml:18: version_pattern has 0 groups
  expected: one group, which is the version
  got: ruby \\d+
  try: {PATTERN_TRY}""",
    ),
    "version pattern with two groups": (
        LANGUAGE_FILE,
        r"'ruby (\d+(?:\.\d+)+)'",
        r"'(ruby) (\d+)'",
        f"""\
samples/ruby/language.yaml:18: version_pattern has 2 groups
  expected: one group, which is the version
  got: (ruby) (\\d+)
  try: {PATTERN_TRY}""",
    ),
    "version that is none": (
        LANGUAGE_FILE,
        'at_least: "3.2"',
        "at_least: v3.2",
        """\
samples/ruby/language.yaml:19: at_least is no version
  expected: numbers with dots between them
  got: v3.2
  try: write the version alone, in quotes: "22.21\"""",
    ),
    "no version command": (
        LANGUAGE_FILE,
        "[ruby, --version]",
        "[]",
        """\
samples/ruby/language.yaml:17: version_command is empty
  expected: a command that prints the version
  got: []
  try: version_command: [PROGRAM, --version]""",
    ),
    "no time": (
        LANGUAGE_FILE,
        "prints: text",
        "prints: text\nrun_timeout_s: 0",
        """\
samples/ruby/language.yaml:7: run_timeout_s is out of range
  expected: seconds, above 0, at most 3600
  got: 0
  try: write a number such as run_timeout_s: 60""",
    ),
    "endless time": (
        LANGUAGE_FILE,
        "prints: text",
        "prints: text\nbuild_timeout_s: 1e999",
        """\
samples/ruby/language.yaml:7: build_timeout_s is out of range
  expected: seconds, above 0, at most 3600
  got: inf
  try: write a number such as build_timeout_s: 60""",
    ),
    "endpoint without slash": endpoint_fault("https://x.example/openai/v1", NO_BASE),
    "endpoint by http": endpoint_fault("http://x.example/openai/v1/", NO_BASE),
    "endpoint with port": endpoint_fault("https://x.example:8443/openai/v1/", NO_BASE),
    "endpoint with query": endpoint_fault("https://x.example/openai/v1/?a=/", NO_BASE),
    "endpoint with fragment": endpoint_fault("https://x.example/openai/v1/#/", NO_BASE),
    "endpoint with a name": endpoint_fault("https://me@x.example/openai/v1/", NO_BASE),
    "endpoint without host": endpoint_fault("https:///openai/v1/", NO_BASE),
    "endpoint without scheme": endpoint_fault("x.example/openai/v1/", NO_BASE),
    "endpoint with odd port": endpoint_fault(
        "https://x.example:https/openai/v1/", "endpoint: Port could not be cast to integer value as 'https'"
    ),
    "endpoint that DNS can't hold": endpoint_fault(
        "https://<your_resource>.openai.azure.com/openai/v1/",
        "endpoint: a host name holds letters, digits and hyphens, not '<' '>' '_' as in '<your_resource>'",
        "a host name that DNS can hold",
    ),
    "scope with a key": (
        SCENARIO_FILE,
        "sign_in: api_key",
        "sign_in: api_key\nscope: https://ai.azure.com/.default",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:5: scope, but sign_in is api_key
  expected: a scope with sign_in: entra_id, none with sign_in: api_key
  got: sign_in: api_key, scope: https://ai.azure.com/.default
  try: remove scope, or write sign_in: entra_id""",
    ),
    "no scope": (
        ENTRA_FILE,
        "scope: https://cognitiveservices.azure.com/.default\n",
        "",
        """\
fixtures/scenarios/responses_entra_id/scenario.yaml:4: scope is missing
  expected: a scope with sign_in: entra_id, none with sign_in: api_key
  got: sign_in: entra_id, no scope
  try: add scope: https://cognitiveservices.azure.com/.default""",
    ),
    "unknown sign-in": (
        SCENARIO_FILE,
        "sign_in: api_key",
        "sign_in: api-key",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:4: sign_in: unknown value 'api-key'
  expected: one of api_key, entra_id
  got: api-key
  try: did you mean 'api_key'?""",
    ),
    "unknown credential": (
        SCENARIO_FILE,
        '"{api_key}"',
        '"{apikey}"',
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:6: unknown placeholder {apikey} in environment
  expected: placeholders: {api_key}, {tenant_id}, {client_id}, {client_secret}, {given_token}
  got: {apikey}
  try: did you mean {api_key}?""",
    ),
    "whole path": (
        SCENARIO_FILE,
        "path: responses",
        "path: /openai/v1/responses",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:9: request.path is not below the endpoint
  expected: the path's end alone, such as responses
  got: /openai/v1/responses
  try: leave out the endpoint's own path, and any query""",
    ),
    "path with query": (
        SCENARIO_FILE,
        "path: responses",
        "path: responses?api-version=preview",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:9: request.path is not below the endpoint
  expected: the path's end alone, such as responses
  got: responses?api-version=preview
  try: leave out the endpoint's own path, and any query""",
    ),
    "path of no operation": (
        SCENARIO_FILE,
        "path: responses",
        "path: response",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:9: request.path: Resource not found: 'response' is no path of \
the API; known: POST responses, POST chat/completions
  expected: a request of the v1 API
  got: response
  try: correct it: every sample is held to this request""",
    ),
    "method of no operation": (
        SCENARIO_FILE,
        "method: POST",
        "method: post",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:8: request.method: Method not allowed: responses takes POST, not post
  expected: a request of the v1 API
  got: post
  try: correct it: every sample is held to this request""",
    ),
    "body that the API refuses": (
        SCENARIO_FILE,
        "model: gpt-4.1-nano",
        "modell: gpt-4.1-nano",
        """\
fixtures/scenarios/responses_api_key/scenario.yaml:10: request.body: Missing required parameter: 'model'
  expected: a request of the v1 API
  got: {"modell": "gpt-4.1-nano", "input": "How do you say good morning in French, German and Japanese?"}
  try: correct it: every sample is held to this request""",
    ),
    "recording of another path": (
        RECORDING_FILE,
        "path: /openai/v1/responses",
        "path: /openai/v1/chat/completions",
        """\
fixtures/scenarios/responses_api_key/recording.yaml:7: exchange 1 was recorded for another request than \
scenario.yaml documents
  expected: POST /openai/v1/responses
  got: POST /openai/v1/chat/completions
  try: record it again, or correct the request in scenario.yaml""",
    ),
    "recording of another body": (
        RECORDING_FILE,
        "input: How do you say good morning in French, German and Japanese?",
        "input: How do you say good evening?",
        """\
fixtures/scenarios/responses_api_key/recording.yaml:10: exchange 1 was recorded for another request than \
scenario.yaml documents: body.input[0].content[0].text
  expected: "How do you say good morning in French, German and Japanese?"
  got: "How do you say good evening?"
  try: record it again, or correct the request in scenario.yaml""",
    ),
    "header that is no text": (
        RECORDING_FILE,
        "x-ratelimit-limit-requests: '250'",
        "x-ratelimit-limit-requests: 250",
        """\
fixtures/scenarios/responses_api_key/recording.yaml:26: \
exchanges[0].response.headers.x-ratelimit-limit-requests: wrong type
  expected: text
  got: 250, a whole number
  try: put quotes around it: "250\"""",
    ),
}


@pytest.mark.parametrize("fault", EDITS)
def test_fault_is_explained(root, fault):
    """A message names file and line, what was expected, what was there, and what to try."""
    file, old, new, expected = EDITS[fault]
    edited(root, file, old, new)
    assert message(root) == expected


def test_message_has_four_parts():
    """No message lacks one of its parts."""
    for _, _, _, said in EDITS.values():
        place, *rest = said.splitlines()
        assert re.match(r"[\w/]+\.yaml:\d+: ", place)
        assert [line.partition(":")[0].strip() for line in rest] == ["expected", "got", "try"]


def no_exchanges(root: Path) -> None:
    text = (root / RECORDING_FILE).read_text()
    (root / RECORDING_FILE).write_text(text[: text.index("exchanges:")] + "exchanges: []\n")


def no_samples(root: Path) -> None:
    shutil.rmtree(root / "samples")


def no_scenarios(root: Path) -> None:
    shutil.rmtree(root / "fixtures")


def nothing(root: Path) -> None:
    no_samples(root)
    no_scenarios(root)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no exchange": (
        no_exchanges,
        """\
fixtures/scenarios/responses_api_key/recording.yaml:6: no exchange is recorded
  expected: at least one exchange
  got: []
  try: add the answer to the request that scenario.yaml documents""",
    ),
    "no recording": (
        lambda root: (root / RECORDING_FILE).unlink(),
        """\
fixtures/scenarios/responses_api_key/recording.yaml: no such file
  expected: a file recording.yaml
  got: scenario.yaml, stdout.txt
  try: add recording.yaml""",
    ),
    "no output": (
        lambda root: (root / "fixtures" / "scenarios" / KEY / "stdout.txt").unlink(),
        """\
fixtures/scenarios/responses_api_key/stdout.txt: no such file
  expected: a file stdout.txt
  got: recording.yaml, scenario.yaml
  try: add stdout.txt""",
    ),
    "language with a space": (
        lambda root: (root / "samples" / "ruby").rename(root / "samples" / "Visual Basic"),
        """\
samples/Visual Basic/language.yaml: folder name 'Visual Basic' can't be part of an id
  expected: letters, digits and _ . + -
  got: Visual Basic
  try: rename the folder""",
    ),
    "scenario with a star": (
        lambda root: (root / "fixtures" / "scenarios" / KEY).rename(root / "fixtures" / "scenarios" / "chat*"),
        """\
fixtures/scenarios/chat*/scenario.yaml: folder name 'chat*' can't be part of an id
  expected: letters, digits and _ . + -
  got: chat*
  try: rename the folder""",
    ),
    "no language": (
        no_samples,
        """\
ROOT: no language here
  expected: at least one samples/*/language.yaml
  got: none
  try: name the folder that holds samples/ and fixtures/ with --root DIR""",
    ),
    "no scenario": (
        no_scenarios,
        """\
ROOT: no scenario here
  expected: at least one fixtures/scenarios/*/scenario.yaml
  got: none
  try: name the folder that holds samples/ and fixtures/ with --root DIR""",
    ),
    "nothing": (
        nothing,
        """\
ROOT: no language here
  expected: at least one samples/*/language.yaml
  got: none
  try: name the folder that holds samples/ and fixtures/ with --root DIR""",
    ),
}


@pytest.mark.parametrize("fault", FILES)
def test_files_that_are_not_there(root, fault):
    """What is missing, or can't be named, is told in the same way."""
    change, expected = FILES[fault]
    change(root)
    assert message(root) == expected


def test_every_wrong_file_is_told_at_once(root):
    """One look shows the first fault of each wrong file; nobody mends one to be told of the next."""
    edited(root, LANGUAGE_FILE, "title: Ruby", "titel: Ruby")
    edited(root, SCENARIO_FILE, "sign_in: api_key", "sign_in: key")
    (root / "fixtures" / "scenarios" / ENTRA / "stdout.txt").unlink()
    assert [line for line in message(root).splitlines() if not line.startswith(" ")] == [
        "samples/ruby/language.yaml:1: unknown key 'titel'",
        "fixtures/scenarios/responses_api_key/scenario.yaml:4: sign_in: unknown value 'key'",
        "fixtures/scenarios/responses_entra_id/stdout.txt: no such file",
    ]


# ---------------------------------------------------------------- what is right


def test_grid(root):
    """Languages × scenarios, by name, also where the sample's file is not there yet."""
    found = catalogue(root)
    assert [one.id for one in found.samples] == [f"ruby/{KEY}", f"ruby/{ENTRA}"]
    assert found.samples[0].path == root / "samples" / "ruby" / "src" / f"{KEY}.rb"
    assert found.languages[0].title == "Ruby"
    assert found.scenarios[0].stdout == (root / "fixtures" / "scenarios" / KEY / "stdout.txt").read_text()


def test_folder_without_its_file_is_none(root):
    """A folder of samples/ is a language when it holds its file; other folders are nobody's business."""
    (root / "samples" / "node_modules").mkdir()
    assert len(catalogue(root).samples) == 2


def test_nothing_stays_unseen(root):
    """A sample of no scenario, and a folder of scenarios without its file, would never be run: both are errors."""
    (root / "fixtures" / "scenarios" / "draft").mkdir()
    path = root / "samples" / "ruby" / "src"
    path.mkdir()
    (path / f"{KEY}s.rb").touch()
    (path / "rubocop.config.rb").touch()  # no scenario can have this name
    with pytest.raises(CatalogueErrors) as caught:
        catalogue(root)
    assert str(caught.value).replace(str(root), "ROOT") == (
        "ROOT/fixtures/scenarios/draft: no scenario.yaml here\n"
        "  expected: one in each folder\n"
        "  got: an empty folder\n"
        "  try: add it\n"
        f"ROOT/samples/ruby/src/{KEY}s.rb: a sample of no scenario\n"
        "  expected: a scenario's name in place of {scenario} in src/{scenario}.rb\n"
        f"  got: {KEY}s\n"
        f"  try: did you mean '{KEY}'?"
    )


def test_seventh_language_is_one_folder(root):
    """A language more is a folder more."""
    shutil.copytree(root / "samples" / "ruby", root / "samples" / "crystal")
    assert [one.name for one in catalogue(root).languages] == ["crystal", "ruby"]


def test_recording_may_spell_the_request_otherwise(root):
    """A recording answers the documented request also where a typed client spelled it out."""
    recording = yaml.safe_load((root / RECORDING_FILE).read_text())
    body = recording["exchanges"][0]["request"]["body"]
    part = {"type": "input_text", "text": body["input"]}
    body["input"] = [{"role": "user", "content": [part]}]
    recording["provenance"]["date"] = str(recording["provenance"]["date"])
    (root / RECORDING_FILE).write_text(yaml.safe_dump(recording))
    assert len(catalogue(root).samples) == 2


def test_braces_that_are_no_placeholder_are_text(root):
    """A brace around anything but a word is the command's own."""
    edited(root, LANGUAGE_FILE, "[ruby, -c,", "[ruby, -e, '{ |x| p x }', '{}', '{', '${1:-a}',")
    assert catalogue(root).languages[0].build[0][2:6] == ("{ |x| p x }", "{}", "{", "${1:-a}")


def test_the_repository_is_right():
    """The repository's own data files can be read, and every sample is one of the grid."""
    assert len(real().samples) == len(real().languages) * len(real().scenarios)


@pytest.mark.parametrize(
    ("name", "camel"),
    [
        ("responses_api_key", "ResponsesApiKey"),
        ("chat", "Chat"),
        ("chat-entra_id", "ChatEntraId"),
        ("chat__x", "ChatX"),
        ("gpt4o_mini", "Gpt4oMini"),
    ],
)
def test_names_of_a_scenario(name, camel):
    """{scenario} is the folder's name, {Scenario} the same in CamelCase."""
    assert names_of(name) == {"scenario": name, "Scenario": camel}


def test_command_is_filled(root):
    """A command's placeholders stand for the sample's own; other braces stay."""
    sample = catalogue(root).samples[0]
    command = ("run", "{source}", "{Scenario}.class", "--json={x}", "{")
    assert command_of(sample, command) == ("run", f"src/{KEY}.rb", "ResponsesApiKey.class", "--json={x}", "{")


def test_filled_text_is_not_filled_again():
    """What a placeholder stands for is taken as it is."""
    assert filled("{a} {b}", {"a": "{b}", "b": "x"}) == "{b} x"


# ---------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("go", True),
        ("go/chat_api_key", True),
        ("go/*", True),
        ("*/chat_*", True),
        ("*", True),
        ("g?/chat_api_ke[xyz]", True),
        ("G*", False),
        ("chat_api_key", False),
        ("go/chat", False),
        ("go/", False),
        ("golang", False),
        ("", False),
    ],
)
def test_matches(pattern, matched):
    """A pattern is over LANGUAGE/SCENARIO, in this case, whole; without a slash it names a language."""
    assert matches("go/chat_api_key", pattern) == matched


def test_matching_keeps_order_and_names_each_once(root):
    """The samples come in the catalogue's order, each once, whatever the order of the patterns."""
    samples = catalogue(root).samples
    assert matching(samples, ()) == samples
    assert matching(samples, (f"*/{ENTRA}", "ruby")) == samples
    assert matching(samples, (f"ruby/{ENTRA}",)) == samples[1:]


def test_pattern_that_matches_nothing(root):
    """A pattern that matches nothing is an error, though another matches: a typo must not pass as a green run."""
    with pytest.raises(UsageError) as caught:
        matching(catalogue(root).samples, ("ruby", "rubby/*"))
    assert str(caught.value) == (
        """\
no sample matches 'rubby/*'
  expected: a pattern over LANGUAGE/SCENARIO, such as 'ruby/*' or '*/responses_api_key'
  got: rubby/*
  try: `conform list` shows the id of every sample"""
    )


def test_pattern_over_no_samples():
    """Also where there is no sample the error is told."""
    with pytest.raises(UsageError, match=re.escape("no sample matches 'go'")):
        matching((), ("go",))
