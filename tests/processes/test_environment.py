"""Plugin code sees what the platform and its libraries need, and no credentials."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio_worker_core.config.settings import PluginSettings
from studio_worker_core.engine_setup import EngineSetup
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import ChatMessage, LlmTask
from studio_worker_core.processes.environment import passed_on, plugin_environment
from tests.support.fault_answers import said_text
from tests.support.lane_bench import LaneBench, answer_of
from tests.support.plugin_builder import HEAD, PluginSite

NEEDED = [
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "HIP_VISIBLE_DEVICES"),
    *("ROCR_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM", "TRANSFORMERS_CACHE"),
    *("PYTHONPATH", "PYTHONUNBUFFERED", "SystemRoot", "USERPROFILE", "STUDIO_WORKER_MAX_SIDE"),
]
KEPT_BACK = [
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY"),
    *("AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_SECRET"),
    *("OPENAI_API_KEY", "STUDIO_OPERATOR_TOKEN", "STUDIO_WORKER_TOKEN", "GITHUB_TOKEN"),
    *("SSH_AUTH_SOCK", "DATABASE_URL", "PGPASSWORD", "NVIDIA_API_KEY", "CUDA_PASSWORD"),
    *("HTTPS_PROXY", "KUBECONFIG", "DBUS_SESSION_BUS_ADDRESS"),
]


@pytest.mark.parametrize("name", NEEDED)
def test_what_libraries_need_is_passed_on(name: str) -> None:
    assert passed_on(name)


@pytest.mark.parametrize("name", KEPT_BACK)
def test_credentials_are_kept_back(name: str) -> None:
    assert not passed_on(name)
    assert name in plugin_environment({name: "x"}, extra=[name])


def test_another_python_finds_its_own_packages() -> None:
    found = plugin_environment({"PYTHONPATH": "/ours", "PYTHONHOME": "/ours"}, foreign=True)
    assert found == {}


def test_the_config_names_more_for_one_engine_or_for_all() -> None:
    settings = PluginSettings(environment=("coqui:A", "*:B", "other:C", "coqui:", "nonsense"))
    assert settings.variables_for("coqui") == ("A", "B")
    assert settings.variables_for("fault") == ("B",)


SPY = """
import os
class Spy(Engine):
    def generate(self, job):
        message = {"content": " ".join(sorted(os.environ))}
        return {"choices": [{"message": message}]}
"""
PLUGIN = (
    HEAD + "@hookimpl\ndef studio_worker_engines(host):\n"
    "    return [EngineSpec(name='spy', models={TaskKind.LLM: ['spy']},\n"
    "                       factory='spy_engine:Spy')]\n"
)


@pytest.fixture
def spy(site: PluginSite) -> PluginSite:
    site.add("spy", PLUGIN)
    (site.root / "spy_engine.py").write_text(
        "from studio_worker_core.plugin import Engine\n" + SPY, "utf-8"
    )
    return site


def seen(bench: LaneBench, site: PluginSite) -> set[str]:
    task = LlmTask(messages=[ChatMessage("user", "what do you see?")])
    result = bench.run(task, model="spy", entry=site.entry("spy"))
    assert isinstance(result, Result)
    return set(said_text(answer_of(result)).split())


def test_an_engine_sees_no_credentials_of_the_worker(
    bench: LaneBench, spy: PluginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEPT_BACK:
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    names = seen(bench, spy)
    assert not names & set(KEPT_BACK)
    assert {"PATH", "OMP_NUM_THREADS"} <= names
    assert "HF_TOKEN" in os.environ


def test_an_engine_sees_what_the_config_names_for_it(
    bench: LaneBench, spy: PluginSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert tmp_path.exists()
    monkeypatch.setenv("HF_TOKEN", "wanted")
    bench.lanes.close()
    given = PluginSettings(environment=("spy:HF_TOKEN",)).variables_for("spy")
    bench.lanes = Lanes(lambda: bench.limits, setup=lambda _: EngineSetup(variables=given))
    assert "HF_TOKEN" in seen(bench, spy)
