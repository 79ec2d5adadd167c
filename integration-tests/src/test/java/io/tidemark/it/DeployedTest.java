package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What deploy/ has for containers, carried out without them: see {@link Box}. */
class DeployedTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Path DATABASE = Path.of("/srv/db/app.db");
  private static final Path DOCKER = Readme.ROOT.resolve("deploy/docker");

  @RegisterExtension final Workbench bench = new Workbench();
  private Network network;

  @BeforeEach
  void needsMachinesOfItsOwn() {
    Requirements.realMount();
    Requirements.networkNamespaces();
    Requirements.programs("etcd", "sqlite3", "jlink", "unshare");
    network = bench.closing(Network.create());
  }

  /** What the words of a line of the Dockerfile match, once or more. */
  private static List<String> dockerfile(String pattern) throws IOException {
    // A command may go on in the next line.
    String file = Files.readString(DOCKER.resolve("Dockerfile")).replaceAll("\\\\\n\\s*", " ");
    Matcher matcher = Pattern.compile("^" + pattern, Pattern.MULTILINE).matcher(file);
    List<String> found = new ArrayList<>();
    while (matcher.find()) {
      found.add(matcher.group(1));
    }
    assertThat(found).as(pattern).isNotEmpty();
    return found;
  }

  private static String words(String jsonList) {
    List<?> words = (List<?>) Json.parse(jsonList);
    return String.join(" ", words.stream().map(Object::toString).toList());
  }

  /** What the image has in /opt, as its COPY lines say. */
  private Path image() throws IOException {
    Path image = bench.scratchDirectory("image");
    for (String copied : dockerfile("COPY --from=build (/src/.*)$")) {
      String[] fromTo = copied.split(" ");
      Path to = image.resolve("./" + fromTo[1]);
      Files.createDirectories(to.getParent());
      Command.of("cp", "-a", Readme.ROOT.resolve(fromTo[0].substring("/src/".length())), to).ok();
    }
    // Its Java has no more than what the program uses; the run of the archive follows as it stands.
    String jlink = dockerfile("RUN (jlink .*)$").get(0).replace("/jre", image + "/opt/java");
    Command.of("sh", "-c", "mkdir -p " + image + "/opt && " + jlink)
        .within(Duration.ofMinutes(2))
        .ok();
    return image;
  }

  @Test
  void theNodesOfTheComposeFileElectAPrimaryInTheImageAsItIsMade() throws Exception {
    Path image = image();
    Map<String, String> hosts =
        Map.of(
            "etcd", "10.77.0.1",
            "node1", "10.77.0.2",
            "node2", "10.77.0.3",
            "node3", "10.77.0.4");
    String compose = Files.readString(DOCKER.resolve("compose.yaml"));
    box("etcd", hosts).start(bench.scratch("."), etcd(compose), bench.scratch("etcd.log"));
    String command =
        words(dockerfile("ENTRYPOINT (\\[.*])$").get(0))
            + " "
            + words(dockerfile("CMD (\\[.*])$").get(0));
    String healthcheck = words(dockerfile("HEALTHCHECK .*CMD (\\[.*])$").get(0));

    List<Box> nodes = new ArrayList<>();
    List<Process> programs = new ArrayList<>();
    for (String name : List.of("node1", "node2", "node3")) {
      Box node = box(name, hosts);
      Command.of("cp", "-a", image.resolve("opt") + "/.", node.opt()).ok();
      Files.copy(DOCKER.resolve("tidemark.yml"), node.etc("tidemark.yml"));
      node.with("TIDEMARK_TOKEN", "secret").with("HOSTNAME", name);
      node.with("JAVA_HOME", dockerfile("ENV JAVA_HOME=(.*)$").get(0));
      node.with("PATH", "/opt/tidemark:" + System.getenv("PATH"));
      Path log = bench.scratch(name + ".log");
      Process program = node.start(Path.of("/"), command, log);
      node.awaitMount(DATABASE.getParent(), program, log);
      assertThat(program.info().command()).contains("/opt/java/bin/java");
      nodes.add(node);
      programs.add(program);
      assertThat(node.run(Path.of("/"), healthcheck).exit()).as(healthcheck).isZero();
    }
    Box first = nodes.get(0);
    Await.until(LIMIT, "three nodes in sync", () -> inSync(first) == 3);
    sqlite(first, "CREATE TABLE t(x); INSERT INTO t VALUES (5);");
    for (Box node : nodes) {
      Await.until(LIMIT, "the row", () -> sqlite(node, "SELECT x FROM t").equals("5"));
    }
    String signal = dockerfile("STOPSIGNAL SIG(.*)$").get(0);
    assertThat(Box.stop(programs.get(0), signal)).isZero();
    Await.until(LIMIT, "another primary", () -> isPrimary(nodes.get(1)) || isPrimary(nodes.get(2)));
  }

  /** The command of the service etcd. */
  private String etcd(String compose) {
    String service = compose.substring(compose.indexOf("  etcd:\n"));
    String list = service.substring(service.indexOf("command:"), service.indexOf("volumes:"));
    String command =
        String.join(
            " ",
            Pattern.compile("- (\\S+)")
                .matcher(list)
                .results()
                .map(word -> word.group(1))
                .toList());
    return command.replace("/etcd-data", bench.scratch("etcd-data").toString());
  }

  private Box box(String name, Map<String, String> hosts) throws IOException {
    return bench.closing(new Box(network.host(name), bench.scratch(name), hosts));
  }

  private static String sqlite(Box box, String sql) {
    return box.run(Path.of("/"), "sqlite3 " + DATABASE + " \"" + sql + "\"").text();
  }

  private static Map<?, ?> status(Box box) {
    return (Map<?, ?>) Json.parse(box.run(Path.of("/"), "tidemark status --json").out());
  }

  private static boolean isPrimary(Box box) {
    return Boolean.TRUE.equals(status(box).get("isPrimary"));
  }

  private static int inSync(Box box) {
    Object record = ((Map<?, ?>) status(box).get("cluster")).get("record");
    return record == null ? 0 : ((List<?>) ((Map<?, ?>) record).get("inSync")).size();
  }
}
