package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** The files below deploy/, as far as they can be read without the systems they are for. */
class DeploymentTest {
  private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();

  private final List<String> warnings = new ArrayList<>();

  private static String text(String file) throws IOException {
    return Files.readString(DEPLOY.resolve(file));
  }

  private static List<Map<?, ?>> yaml(String file) throws IOException {
    List<Map<?, ?>> documents = new ArrayList<>();
    for (Object document : new Yaml(new SafeConstructor(new LoaderOptions())).loadAll(text(file))) {
      documents.add((Map<?, ?>) document);
    }
    return documents;
  }

  /** What is at a path of names and indexes, such as {@code spec/containers/0/image}. */
  private static Object at(Object root, String path) {
    Object here = root;
    for (String step : path.split("/")) {
      here =
          here instanceof List<?> list
              ? list.get(Integer.parseInt(step))
              : ((Map<?, ?>) here).get(step);
      assertThat(here).as(path).isNotNull();
    }
    return here;
  }

  /** As the program reads and checks it at its start. */
  private NodeConfig node(String file, Map<String, String> env) throws Exception {
    NodeConfig config =
        new ConfigLoader(env, warnings::add).load(DEPLOY.resolve(file), true, Map.of());
    assertThat(warnings).isEmpty();
    assertThat(config.http().tokens()).singleElement();
    assertThat(config.replication().commit()).isEqualTo("sync");
    assertThat(config.replication().minInSync()).isEqualTo(2);
    return config;
  }

  @Test
  void theNodesOfComposeAreConfigured() throws Exception {
    Map<?, ?> compose = yaml("docker/compose.yaml").get(0);
    for (int i = 1; i <= 3; i++) {
      String name = "node" + i;
      Object node = at(compose, "services/" + name);
      assertThat(at(node, "devices")).isEqualTo(List.of("/dev/fuse"));
      assertThat(at(node, "cap_add")).isEqualTo(List.of("SYS_ADMIN"));
      assertThat(at(node, "hostname")).isEqualTo(name);
      assertThat(at(node, "volumes"))
          .isEqualTo(List.of("./tidemark.yml:/etc/tidemark.yml:ro", name + ":/var/lib/tidemark"));
      Map<String, String> env = Map.of("HOSTNAME", name, "TIDEMARK_TOKEN", "x");
      NodeConfig config = node("docker/tidemark.yml", env);
      assertThat(config.data().dir()).isEqualTo(Path.of("/var/lib/tidemark"));
      assertThat(config.lease().promote()).isEqualTo(i == 1);
      assertThat(config.lease().advertiseUrl()).isEqualTo("http://" + name + ":20202");
      assertThat(config.lease().etcd().endpoints()).containsExactly("http://etcd:2379");
    }
    assertThat(at(compose, "services/etcd/command").toString()).contains("0.0.0.0:2379");
  }

  @Test
  void theImageHasWhatTheProgramNeeds() throws IOException {
    String file = text("docker/Dockerfile");
    assertThat(file).contains("fuse3").contains("ENTRYPOINT [\"tidemark\"]");
    for (String copied : List.of("tidemark", "scripts/common.sh")) {
      assertThat(file).contains("/src/" + copied + " ");
      assertThat(DEPLOY.resolveSibling(copied)).exists();
    }
  }

  @Test
  void theMachinesOfFlyAreConfigured() throws Exception {
    Map<?, ?> fly = toml("fly/fly.toml");
    Map<String, String> env =
        Map.of(
            "HOSTNAME", "e784",
            "TIDEMARK_TOKEN", "x",
            "FLY_APP_NAME", (String) at(fly, "app"),
            "FLY_REGION", "ams",
            "PRIMARY_REGION", (String) at(fly, "env/PRIMARY_REGION"),
            "FLY_CONSUL_URL", "https://:t@consul.example/p/");
    NodeConfig config = node("fly/tidemark.yml", env);
    assertThat(at(fly, "mounts/destination")).isEqualTo(config.data().dir().toString());
    assertThat(config.proxy().addr()).hasToString(":" + at(fly, "http_service/internal_port"));
    assertThat(at(fly, "kill_signal")).isEqualTo("SIGTERM");
    assertThat((Long) at(fly, "http_service/min_machines_running"))
        .isGreaterThanOrEqualTo(config.replication().minInSync());
    assertThat(config.lease().candidate()).isTrue();
    assertThat(config.lease().promote()).isTrue();
    assertThat(config.lease().advertiseUrl())
        .isEqualTo("http://e784.vm.tidemark-example.internal:20202");
    assertThat(config.exec().get(0).command()).containsExactly("python3", "/app/app.py");
    assertThat(text("fly/app/app.py")).contains("\"" + config.fuse().dir() + "/app.db\"");
    assertThat(text("fly/app/app.py")).contains("8081");
    assertThat(config.proxy().target()).hasToString("localhost:8081");
  }

  private Map<?, ?> toml(String file) throws Exception {
    Process python =
        new ProcessBuilder(
                "python3",
                "-c",
                "import json,sys,tomllib; print(json.dumps(tomllib.load(open(sys.argv[1],'rb'))))",
                DEPLOY.resolve(file).toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String json = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(python.waitFor(20, TimeUnit.SECONDS)).isTrue();
    if (json.isBlank()) {
      System.out.println("NOT RUN: needs Python 3.11, which reads TOML");
    }
    assumeTrue(!json.isBlank());
    return (Map<?, ?>) Json.parse(json);
  }

  @Test
  void thePodsOfKubernetesAreConfigured() throws Exception {
    Map<?, ?> set = yaml("kubernetes/base/statefulset.yaml").get(0);
    Object pod = at(set, "spec/template/spec");
    Object container = at(pod, "containers/0");
    String name = (String) at(set, "metadata/name");
    Map<String, String> env =
        Map.of("HOSTNAME", name + "-0", "POD_NAMESPACE", "team", "TIDEMARK_TOKEN", "x");
    NodeConfig config = node("kubernetes/base/tidemark.yml", env);
    assertThat(config.lease().promote()).isTrue();
    Object service = yaml("kubernetes/base/service.yaml").get(0);
    String host =
        name
            + "-0."
            + at(service, "metadata/name")
            + ".team.svc:"
            + at(service, "spec/ports/0/port");
    assertThat(config.lease().advertiseUrl()).isEqualTo("http://" + host);
    assertThat(at(service, "spec/clusterIP")).isEqualTo("None");
    assertThat(at(service, "spec/publishNotReadyAddresses")).isEqualTo(true);
    assertThat(at(set, "spec/serviceName")).isEqualTo(at(service, "metadata/name"));
    assertThat(config.http().addr().port()).isEqualTo(at(container, "ports/0/containerPort"));
    assertThat(at(container, "readinessProbe/httpGet/path")).isEqualTo("/ready");
    assertThat(at(container, "livenessProbe/httpGet/path")).isEqualTo("/health");
    assertThat(at(container, "startupProbe/httpGet/path")).isEqualTo("/health");
    assertThat(at(container, "securityContext/privileged")).isEqualTo(true);
    assertThat(at(container, "volumeMounts/1/mountPath")).isEqualTo(config.data().dir().toString());
    assertThat(at(container, "volumeMounts/2/mountPropagation")).isEqualTo("Bidirectional");
    assertThat(config.fuse().dir().getParent())
        .isEqualTo(Path.of((String) at(container, "volumeMounts/2/mountPath")));
    assertThat((Integer) at(pod, "terminationGracePeriodSeconds")).isGreaterThanOrEqualTo(60);
    assertThat((Integer) at(set, "spec/replicas")).isGreaterThan(config.replication().minInSync());
    for (String labels : List.of("spec/selector/matchLabels", "spec/template/metadata/labels")) {
      assertThat(at(set, labels)).isEqualTo(at(service, "spec/selector"));
    }
    Object budget = yaml("kubernetes/base/pdb.yaml").get(0);
    assertThat(at(budget, "spec/maxUnavailable")).isEqualTo(1);
    assertThat(at(budget, "spec/selector/matchLabels")).isEqualTo(at(service, "spec/selector"));
  }

  @Test
  void thePodsMayUseTheirLeaseAndNothingElse() throws Exception {
    List<Map<?, ?>> documents = yaml("kubernetes/base/rbac.yaml");
    assertThat(documents.stream().map(document -> document.get("kind").toString()))
        .containsExactly("ServiceAccount", "Role", "RoleBinding");
    assertThat(at(documents.get(1), "rules"))
        .isEqualTo(
            List.of(
                Map.of(
                    "apiGroups", List.of("coordination.k8s.io"),
                    "resources", List.of("leases"),
                    "verbs", List.of("create")),
                Map.of(
                    "apiGroups", List.of("coordination.k8s.io"),
                    "resources", List.of("leases"),
                    "resourceNames", List.of("tidemark"),
                    "verbs", List.of("get", "update", "watch"))));
    Object pod = at(yaml("kubernetes/base/statefulset.yaml").get(0), "spec/template/spec");
    assertThat(at(pod, "serviceAccountName")).isEqualTo(at(documents.get(0), "metadata/name"));
    assertThat(at(documents.get(2), "subjects/0/name")).isEqualTo("tidemark");
  }

  @Test
  void kustomizeFindsEverythingThatItNames() throws Exception {
    for (String directory : List.of("kubernetes/base", "kubernetes/sidecar")) {
      Map<?, ?> file = yaml(directory + "/kustomization.yaml").get(0);
      for (Object resource : (List<?>) at(file, "resources")) {
        assertThat(DEPLOY.resolve(directory).resolve((String) resource)).exists();
      }
    }
    assertThat(at(yaml("kubernetes/base/kustomization.yaml").get(0), "configMapGenerator/0/files"))
        .isEqualTo(List.of("tidemark.yml"));
    Object application =
        at(yaml("kubernetes/sidecar/application.yaml").get(0), "spec/template/spec/containers/0");
    assertThat(at(application, "volumeMounts/0/mountPropagation")).isEqualTo("HostToContainer");
    assertThat(at(application, "securityContext/runAsNonRoot")).isEqualTo(true);
  }

  @Test
  void theServiceIsReadyWhenTheMountIsAndLetsOthersSeeIt() throws IOException {
    List<String> unit =
        text("systemd/tidemark.service").lines().filter(line -> !line.startsWith("#")).toList();
    assertThat(unit)
        .contains("Type=notify", "NotifyAccess=all", "KillMode=mixed", "NoNewPrivileges=yes")
        .anyMatch(line -> line.startsWith("CapabilityBoundingSet=CAP_SYS_ADMIN "));
    // Each of these would give the service mounts of its own (systemd.exec(5)).
    for (String setting :
        List.of("PrivateTmp", "ProtectSystem", "ProtectHome", "ReadOnlyPaths", "PrivateMounts")) {
      assertThat(unit).noneMatch(line -> line.startsWith(setting));
    }
  }
}
