"""The agents beside Claude Code, the real programs in the real box, against doubles of their APIs on loopback. Each is
started, works without a question, is told where it is, and finds its login; what is on the host stays there."""

import dataclasses
import json
import pathlib
import shutil
import subprocess

import pytest

from agents_double import GEMINI, AgentsDouble, TlsTrap
from api_double import REPLY
from conftest import fetch_agent, need

KEY = "sk-fake-from-a-variable"
FILE_KEY = "sk-fake-from-a-file"
HOST_KEY = "sk-fake-of-the-host"


@dataclasses.dataclass
class Kind:
    """How one agent is used: what the user has, and what is typed after "--"."""
    name: str
    prompt: tuple[str, ...]  # the arguments in front of a prompt
    variable: str
    login: str  # the file that holds a login, below home
    memory: str
    state: str
    prompt_line: str  # what an interactive one shows when it may be typed at, unattended
    questions: tuple[str, ...]

    def login_text(self, key: str) -> str:
        if self.name == "codex":
            return json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": key})
        if self.name == "gemini":
            return json.dumps({"access_token": f"ya29.FAKE-{key}", "token_type": "Bearer", "refresh_token": "FAKE",
                               "scope": "https://www.googleapis.com/auth/cloud-platform", "expiry_date": 4102444800000})
        return json.dumps({"openai": {"type": "api", "key": key}})


KINDS = {kind.name: kind for kind in (
    Kind("codex", ("exec", "-c", "model_provider=fake", "-c", "PROVIDER"), "CODEX_API_KEY", ".codex/auth.json",
         ".codex/AGENTS.md", ".codex", r"permissions: YOLO mode", (r"Sign in", r"(?i)trust")),
    Kind("gemini", ("-m", GEMINI, "-p"), "GEMINI_API_KEY", ".gemini/oauth_creds.json", ".gemini/GEMINI.md", ".gemini",
         r"Authenticated with gemini-api-key[\s\S]*YOLO", (r"(?i)do you trust", r"(?i)how would you like to")),
    Kind("opencode", ("run", "-m", "openai/gpt-5"), "OPENAI_API_KEY", ".local/share/opencode/auth.json",
         ".config/opencode/AGENTS.md", ".config/opencode", r"Build auto", (r"(?i)allow once",)),
)}


class Agent:
    """A real agent on the test's host, pointed at the double."""

    def __init__(self, host, kind: Kind, double: AgentsDouble):
        self.host, self.kind, self.api = host, kind, double
        program = pathlib.Path(fetch_agent(kind.name))
        (host.home / f".local/bin/{kind.name}").symlink_to(program)
        node = next(parent for parent in program.parents if parent.name == "node_modules") / "node/bin/node"
        if node.exists():  # the system's is too old for it: as nvm would lay it out
            place = host.home / ".nvm/versions/node/v22/bin"
            place.mkdir(parents=True)
            shutil.copy(node, place / "node")
            host.env["PATH"] = f"{place}:{host.env['PATH']}"
        self.options = ["--agent", kind.name, "--network", "full"]
        if kind.name == "codex":
            host.write(".codex/config.toml", 'model = "gpt-5"\n')
        elif kind.name == "gemini":
            self.options += ["--env", f"GOOGLE_GEMINI_BASE_URL={double.url}"]
        else:
            host.write(".config/opencode/opencode.json", json.dumps(
                {"provider": {"openai": {"options": {"baseURL": f"{double.url}/v1"}}}}))
        host.write(kind.memory, "The word-of-the-user.\n")
        host.write(kind.login, kind.login_text(HOST_KEY), 0o600)

    def __call__(self, prompt: str, *options: str) -> subprocess.CompletedProcess:
        provider = ('model_providers.fake={name="fake",wire_api="responses",requires_openai_auth=true,'
                    f'base_url="{self.api.url}/v1"}}')
        words = [provider if word == "PROVIDER" else word for word in self.kind.prompt]
        return self.host.box("--yes", *self.options, *options, "--", *words, prompt, timeout=120)

    def by_variable(self, prompt: str) -> subprocess.CompletedProcess:
        return self(prompt, "--env", f"{self.kind.variable}={KEY}")

    def sh(self, script: str, **more) -> subprocess.CompletedProcess:
        return self.host.sh(script, options=("--agent", self.kind.name), **more)

    def log_in(self) -> None:
        """As a login in the box would leave it."""
        done = self.sh(f'mkdir -p "$(dirname ~/{self.kind.login})" && umask 077 && cat > ~/{self.kind.login}',
                       stdin=None, input=self.kind.login_text(FILE_KEY))
        assert done.returncode == 0, done.stderr


def assert_worked(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def api():
    double = AgentsDouble()
    double.start()
    yield double
    double.stop()


@pytest.fixture(params=list(KINDS))
def agent(request, host, api):
    return Agent(host, KINDS[request.param], api)


# --- what it does --------------------------------------------------------------------------------------------------


def test_works_unattended_and_is_told_where_it_is(agent):
    done = assert_worked(agent.by_variable("RUN:expr 20 + 22 > made; touch /usr/not-here"))
    assert REPLY in done.stdout
    assert (agent.host.project / "made").read_text() == "42\n"
    assert "Read-only file system" in agent.api.tool_results[0]
    said = agent.api.said()
    assert "You run in a sandbox (claudebox)" in said
    assert f"`{agent.host.project}` is the project" in said
    assert "word-of-the-user" in said


def test_finds_a_login_in_a_variable(agent):
    assert_worked(agent.by_variable("hi"))
    (credential,) = agent.api.credentials()
    assert credential in (KEY, f"Bearer {KEY}")


@pytest.mark.parametrize("agent", ["codex", "opencode"], indirect=True)
def test_finds_a_login_in_its_instance(agent):
    agent.log_in()
    assert_worked(agent("hi"))
    assert agent.api.credentials() == {f"Bearer {FILE_KEY}"}


@pytest.mark.parametrize("agent", ["gemini"], indirect=True)
def test_finds_a_google_login_in_its_instance(agent, tmp_path):
    """It shows the token to Google before it uses it, which is as far as a test goes."""
    certificate, key = tmp_path / "authority.pem", tmp_path / "key.pem"
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=fake Google of the tests", "-keyout", key, "-out", certificate,
                    "-addext", "subjectAltName=DNS:oauth2.googleapis.com"], check=True, capture_output=True)
    agent.host.write(".gemini/settings.json", '{"security": {"auth": {"selectedType": "oauth-personal"}}}')
    agent.host.env["NODE_EXTRA_CA_CERTS"] = str(certificate)
    trap = TlsTrap(str(certificate), str(key))
    try:
        agent("hi", "--env", f"HTTPS_PROXY={trap.url}")
        assert trap.told == [], "the host's login is not in the box"
        agent.log_in()
        agent("hi", "--env", f"HTTPS_PROXY={trap.url}")
    finally:
        trap.stop()
    told = [text for host, text in trap.told if host == "oauth2.googleapis.com:443"]
    assert told and f"ya29.FAKE-{FILE_KEY}" in told[0]


def test_an_interactive_one_asks_nothing(agent, terminal):
    """Codex takes no key from a variable here; the other two do."""
    if agent.kind.name == "codex":
        agent.log_in()
    terminal.start(agent.host.binary, "--yes", "--quiet", "--agent", agent.kind.name, "--network", "offline",
                   *(() if agent.kind.name == "codex" else ("--env", f"{agent.kind.variable}={KEY}")))
    terminal.wait_for(agent.kind.prompt_line, timeout=60)
    for question in agent.kind.questions:
        assert not terminal.sees(question, timeout=0.5), terminal.screen()


# --- what it has ---------------------------------------------------------------------------------------------------


def test_the_hosts_login_is_not_in_the_box(agent):
    done = agent.sh(f"cat ~/{agent.kind.login}; grep -rs {HOST_KEY} ~ /etc /run; env")
    assert HOST_KEY not in done.stdout and "FAKE" not in done.stdout
    assert f"{agent.kind.login}: No such file" in done.stderr


def test_its_memory_is_read_only_and_the_users_own_stays(agent):
    done = agent.sh(f"cat ~/{agent.kind.memory}; echo more >> ~/{agent.kind.memory}")
    assert done.stdout.startswith("The word-of-the-user.\n\n# You run in a sandbox (claudebox)")
    assert "Permission denied" in done.stderr
    assert (agent.host.home / agent.kind.memory).read_text() == "The word-of-the-user.\n"


def test_a_login_stays_in_its_instance(agent):
    agent.log_in()
    assert FILE_KEY in assert_worked(agent.sh(f"cat ~/{agent.kind.login}")).stdout
    other = agent.host.sh(f"cat ~/{agent.kind.login}", options=("--agent", agent.kind.name, "--instance", "other"))
    assert other.returncode != 0 and FILE_KEY not in other.stdout
    assert (agent.host.home / agent.kind.login).read_text() == agent.kind.login_text(HOST_KEY)


def test_its_name_works_in_a_shell(agent):
    done = assert_worked(agent.sh(f"{agent.kind.name} --version"))
    assert done.stdout.strip()


def test_the_audit_names_it(agent):
    audit = agent.host.box("plan", "--agent", agent.kind.name)
    text = audit.stdout + audit.stderr
    assert f"agent          {agent.kind.name}" in text
    record = json.loads(agent.host.box("plan", "--json", "--agent", agent.kind.name).stdout)
    assert record["agent"] == agent.kind.name
    assert HOST_KEY not in text + json.dumps(record)


# --- one agent's own -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["codex"], indirect=True)
def test_codex_starts_no_daemon_and_copies_nothing_of_itself(agent, terminal):
    agent.log_in()
    terminal.start(agent.host.binary, "--yes", "--quiet", "--agent", "codex", "--network", "offline")
    terminal.wait_for(agent.kind.prompt_line, timeout=60)
    assert not [command for command in agent.host.processes().values() if "app-server" in command]
    (instance,) = agent.host.instances()
    assert not (instance / "home/.codex/packages").exists()


@pytest.mark.parametrize("agent", ["opencode"], indirect=True)
def test_opencodes_configuration_comes_in_without_keys(agent):
    settings = {"provider": {"openai": {"options": {"baseURL": f"{agent.api.url}/v1", "apiKey": HOST_KEY}},
                             "mine": {"options": {"apiKey": "{env:MY_KEY}"}}}, "permission": {"bash": "ask"}}
    agent.host.write(".config/opencode/opencode.json", json.dumps(settings))
    done = assert_worked(agent.by_variable("RUN:cat ~/.config/opencode/opencode.json; echo made > made"))
    assert REPLY in done.stdout
    assert (agent.host.project / "made").exists(), "what the user's settings ask about is not asked"
    assert HOST_KEY not in agent.api.said()
    assert "{env:MY_KEY}" in agent.api.tool_results[0]


@pytest.mark.parametrize("agent", ["gemini"], indirect=True)
def test_geminis_own_sandbox_is_not_looked_for(agent):
    """Its settings may ask for one in Docker, which no box has."""
    agent.host.write(".gemini/settings.json", '{"tools": {"sandbox": true}}')
    done = agent.host.box("--yes", "--agent", "gemini", "--network", "full", "--env", f"GEMINI_API_KEY={KEY}", "--env",
                          f"GOOGLE_GEMINI_BASE_URL={agent.api.url}", "--", *agent.kind.prompt, "hi", timeout=120)
    assert REPLY in assert_worked(done).stdout
