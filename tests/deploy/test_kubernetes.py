"""The manifests: Kubernetes' own schemas, and the rules that those do not know."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml
from programs import ROOT

FOLDER = ROOT / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def _documents():
    for name in KUSTOMIZATION["resources"]:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


DOCUMENTS = {f"{document['kind']}/{document['metadata']['name']}": document for document in _documents()}


def _templates():
    for name, document in DOCUMENTS.items():
        template = document.get("spec", {}).get("jobTemplate", document).get("spec", {}).get("template")
        if template:
            yield pytest.param(template, id=name)


PODS = list(_templates())


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_of_its_kind_accepts_it(name, version):
    kubernetes_validate.validate(DOCUMENTS[name], version, strict=True)


def test_the_kustomization_names_files_that_are_there():
    assert {path.name for path in FOLDER.glob("*.yaml")} == {"kustomization.yaml", *KUSTOMIZATION["resources"]}
    for generated in KUSTOMIZATION["configMapGenerator"]:
        assert all((FOLDER / file).is_file() for file in generated["files"])


def test_there_is_all_that_a_pipeline_and_its_model_need():
    kinds = {document["kind"] for document in DOCUMENTS.values()}
    assert {"Namespace", "PersistentVolumeClaim", "Deployment", "CronJob", "Service", "NetworkPolicy"} <= kinds


@pytest.mark.parametrize("template", PODS)
def test_a_pod_is_as_restricted_as_its_namespace_asks(template):
    """The Pod Security Standard `restricted`, which the namespace enforces."""
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize("template", PODS)
def test_volumes_and_secrets_are_those_that_are_there(template):
    pod = template["spec"]
    configs = {generated["name"] for generated in KUSTOMIZATION["configMapGenerator"]}
    for volume in pod["volumes"]:
        claim = volume.get("persistentVolumeClaim")
        assert claim is None or f"PersistentVolumeClaim/{claim['claimName']}" in DOCUMENTS
        assert "configMap" not in volume or volume["configMap"]["name"] in configs
    for container in pod["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
        for variable in container.get("env", ()):
            assert "value" not in variable, "a secret comes from a Secret"
            assert variable["valueFrom"]["secretKeyRef"]["name"] == "headgate"


def test_a_long_running_container_is_probed():
    for name in ("watch", "serving"):
        [container] = DOCUMENTS[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"]
        assert "livenessProbe" in container


def test_two_never_watch_at_once():
    watch = DOCUMENTS["Deployment/watch"]["spec"]
    assert watch["replicas"] == 1
    assert watch["strategy"] == {"type": "Recreate"}
    assert DOCUMENTS["CronJob/run"]["spec"]["suspend"], "either the clock or the data"


def test_policies_choose_pods_that_are_there():
    labels = [param.values[0]["metadata"]["labels"] for param in PODS]
    for name, document in DOCUMENTS.items():
        if name.startswith(("NetworkPolicy", "PodDisruptionBudget", "Service")):
            selector = document["spec"].get("podSelector") or document["spec"].get("selector") or {}
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= each.items() for each in labels), name


def test_serving_reads_what_a_release_writes():
    [container] = DOCUMENTS["Deployment/serving"]["spec"]["template"]["spec"]["containers"]
    assert "--model_config_file=/workspace/serving/models.config" in container["args"][0]
    assert "--model_config_file_poll_wait_seconds" in container["args"][0]
