"""What the manifests name exists, and every pod runs as it should.

references.py BUILT SECRET: the overlay as kustomize built it, and the example of the secret. The
schemas say whether a field is right; they do not see that a selector finds nothing.
"""

import re
import sys
from pathlib import Path

import yaml

from problems import finish, problem

DEPLOY = Path(__file__).resolve().parents[1]
# What auth.hs256_secret, auth.booking_secret, cluster.secret and accounts.key need.
SECRET_MIN_BYTES = 32
GENERATED = ("token-key", "booking-secret", "cluster-secret", "accounts-key")


def name(item: dict) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def within(selector: dict, labels: dict) -> bool:
    return selector.items() <= labels.items()


class Manifests:
    def __init__(self, built: str, secret: str) -> None:
        self.items = [item for item in yaml.safe_load_all(Path(built).read_text()) if item]
        self.secret = yaml.safe_load(Path(secret).read_text())
        self.workloads = self.of("Deployment") + self.of("StatefulSet")

    def of(self, kind: str) -> list[dict]:
        return [item for item in self.items if item["kind"] == kind]

    def pods(self, selector: dict) -> list[dict]:
        templates = [workload["spec"]["template"] for workload in self.workloads]
        return [t["spec"] for t in templates if within(selector, t["metadata"]["labels"])]

    def selectors(self) -> None:
        """Everything that selects pods finds some."""
        for item in self.of("Service"):
            pods = self.pods(item["spec"]["selector"])
            if not pods:
                problem(name(item), "selects no pod")
            for port in item["spec"]["ports"]:
                for pod in pods:
                    if port["targetPort"] not in port_names(pod):
                        problem(name(item), f"no port {port['targetPort']} in its pods")
        for item in self.of("PodDisruptionBudget"):
            if not self.pods(item["spec"]["selector"]["matchLabels"]):
                problem(name(item), "selects no pod")
        for item in self.of("NetworkPolicy"):
            pods = self.pods(item["spec"]["podSelector"]["matchLabels"])
            if not pods:
                problem(name(item), "selects no pod")
            for rule in item["spec"].get("ingress", []):
                for port in rule.get("ports", []):
                    if any(port["port"] not in port_names(pod) for pod in pods):
                        problem(name(item), f"no port {port['port']} in its pods")
        for item in self.of("ServiceMonitor"):
            selector = item["spec"]["selector"]["matchLabels"]
            services = [s for s in self.of("Service") if within(selector, s["metadata"]["labels"])]
            if len(services) != len(self.workloads):
                problem(
                    name(item),
                    f"finds {len(services)} services for {len(self.workloads)} workloads",
                )
            for endpoint in item["spec"]["endpoints"]:
                for service in services:
                    if endpoint["port"] not in [p["name"] for p in service["spec"]["ports"]]:
                        problem(name(item), f"{name(service)} has no port {endpoint['port']}")

    def names(self) -> None:
        """Everything that is named exists."""
        services = {s["metadata"]["name"]: s for s in self.of("Service")}
        for item in self.of("HorizontalPodAutoscaler"):
            target = item["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) not in [
                (w["kind"], w["metadata"]["name"]) for w in self.workloads
            ]:
                problem(name(item), f"there is no {target['kind']} {target['name']}")
        for item in self.of("StatefulSet"):
            service = services.get(item["spec"]["serviceName"])
            if service is None or service["spec"].get("clusterIP") != "None":
                problem(name(item), "spec.serviceName is not a headless service")
        for item in self.of("Ingress"):
            for rule in item["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    service = services.get(path["backend"]["service"]["name"])
                    port = path["backend"]["service"]["port"]["name"]
                    if service is None or port not in [p["name"] for p in service["spec"]["ports"]]:
                        problem(name(item), f"{path['path']} leads nowhere")
        accounts = [a["metadata"]["name"] for a in self.of("ServiceAccount")]
        for workload in self.workloads:
            if workload["spec"]["template"]["spec"]["serviceAccountName"] not in accounts:
                problem(name(workload), "has an unknown service account")

    def mounts(self) -> None:
        """Config maps and the secret's keys exist, and every volume is mounted."""
        maps = [m["metadata"]["name"] for m in self.of("ConfigMap")]
        keys = self.secret["stringData"].keys()
        for workload in self.workloads:
            spec = workload["spec"]["template"]["spec"]
            claims = workload["spec"].get("volumeClaimTemplates", [])
            volumes = {v["name"] for v in spec["volumes"]} | {c["metadata"]["name"] for c in claims}
            wanted = [
                e["valueFrom"]["secretKeyRef"]
                for c in spec["containers"]
                for e in c["env"]
                if "secretKeyRef" in e.get("valueFrom", {})
            ]
            for volume in spec["volumes"]:
                if "configMap" in volume and volume["configMap"]["name"] not in maps:
                    problem(name(workload), f"there is no config map {volume['configMap']['name']}")
                if "secret" in volume:
                    secret = volume["secret"]
                    wanted += [
                        {"name": secret["secretName"], "key": i["key"]} for i in secret["items"]
                    ]
            for reference in wanted:
                if (
                    reference["name"] != self.secret["metadata"]["name"]
                    or reference["key"] not in keys
                ):
                    problem(
                        name(workload),
                        f"secret.example.yaml has no {reference['name']}/{reference['key']}",
                    )
            for container in spec["containers"]:
                if {m["name"] for m in container["volumeMounts"]} != volumes:
                    problem(name(workload), "volumes and mounts differ")

    def example(self) -> None:
        """The example's secrets cannot be used by mistake."""
        for key in GENERATED:
            if len(self.secret["stringData"][key]) >= SECRET_MIN_BYTES:
                problem("secret.example.yaml", f"its {key} would be accepted: everyone knows it")

    def safety(self) -> None:
        """Pods run as the image's user, without privileges, and have time to stop."""
        user = re.search(r"^USER (\d+):(\d+)$", (DEPLOY / "container/Dockerfile").read_text(), re.M)
        drain = re.search(r"^drain_timeout_ms = (\d+)$", (DEPLOY / "onsale.toml").read_text(), re.M)
        for workload in self.workloads:
            spec = workload["spec"]["template"]["spec"]
            context = spec["securityContext"]
            if (str(context["runAsUser"]), str(context["fsGroup"])) != user.groups() or not context[
                "runAsNonRoot"
            ]:
                problem(name(workload), f"does not run as the image's user {user[1]}:{user[2]}")
            for container in spec["containers"]:
                own = container["securityContext"]
                if not (
                    own["readOnlyRootFilesystem"]
                    and own["capabilities"] == {"drop": ["ALL"]}
                    and own["allowPrivilegeEscalation"] is False
                ):
                    problem(name(workload), "its container may do more than it needs")
                waits = (
                    container.get("lifecycle", {})
                    .get("preStop", {})
                    .get("sleep", {})
                    .get("seconds", 0)
                )
                if spec["terminationGracePeriodSeconds"] <= waits + int(drain[1]) // 1000:
                    problem(name(workload), "is killed before http.drain_timeout_ms is over")


def port_names(pod: dict) -> list[str]:
    return [port["name"] for container in pod["containers"] for port in container["ports"]]


def main() -> None:
    manifests = Manifests(sys.argv[1], sys.argv[2])
    if len(manifests.workloads) != 3:
        problem(
            "overlay",
            f"{len(manifests.workloads)} workloads instead of processor, ingress, projector",
        )
    manifests.selectors()
    manifests.names()
    manifests.mounts()
    manifests.example()
    manifests.safety()
    finish()


main()
