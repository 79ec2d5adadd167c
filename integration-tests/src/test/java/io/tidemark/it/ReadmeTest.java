package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Every line of README.md that people copy is run to the letter, in the order of the document. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ReadmeTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Path DATABASES = Path.of("/srv/db");

  /** What every configuration needs. */
  private static final String FILES = "fuse: {dir: /srv/db}\ndata: {dir: /var/lib/tidemark}\n";

  /** Sections that are not run here, each with its reason. */
  private static final Map<String, String> EXCUSED =
      Map.of("Building and testing", "what runs this test is one of its lines, and uses the other");

  private static final Set<String> RUN =
      Set.of(
          "Five minutes",
          "Mounting by hand",
          "A replica",
          "Nodes that elect their primary",
          "An application on every node",
          "Databases in and out",
          "Looking at it");

  @RegisterExtension final Workbench bench = new Workbench();
  private Network network;
  private int number;
  private Path checkout;

  /** The released archive has the same files side by side. */
  @BeforeAll
  void copyWhatPeopleHave() throws IOException {
    checkout = bench.scratchDirectory("tidemark");
    for (String part : List.of("tidemark", "scripts")) {
      Command.of("cp", "-a", Readme.ROOT.resolve(part), checkout).ok();
    }
    Files.createLink(checkout.resolve("tidemark.jar"), Settings.jar());
  }

  @BeforeEach
  void needsMachinesOfItsOwn() throws IOException {
    Requirements.realMount();
    Requirements.networkNamespaces();
    Requirements.programs("sqlite3", "curl", "unshare");
    network = bench.closing(Network.create());
    number++;
  }

  private Box box(String name, Map<String, String> hosts) throws IOException {
    return bench.closing(new Box(network.host(name), bench.scratch(number + "-" + name), hosts));
  }

  private Path log(String name) {
    return bench.scratch(number + "-" + name + ".log");
  }

  /** It ends well and says something. */
  private void run(Box box, String line) {
    Command.Result result = box.run(checkout, line);
    assertThat(result.exit()).as("%s%n%s%s", line, result.out(), result.err()).isZero();
  }

  private void awaitText(Path log, String text) {
    Await.until(LIMIT, text + " in " + log, () -> Files.readString(log).contains(text));
  }

  private static String query(Box box, Path database, String sql) {
    return box.run(Path.of("/"), "sqlite3 " + database + " \"" + sql + "\"").text();
  }

  @Test
  @Order(7)
  void everySectionIsRunOrExcused() throws IOException {
    assertThat(Readme.lines().keySet())
        .containsExactlyInAnyOrderElementsOf(
            Stream.concat(RUN.stream(), EXCUSED.keySet().stream()).toList());
  }

  @Test
  @Order(1)
  void fiveMinutesShowAReplicaAndLeaveNothingBehind() throws Exception {
    List<String> lines = Readme.lines("Five minutes");
    assertThat(lines.get(0)).as("there is no repository to clone from").startsWith("git clone ");
    Box box = box("node1", Map.of());
    Path log = log("quickstart");
    Process quickstart = box.start(checkout, lines.get(1), log);
    awaitText(log, "Ctrl-C here unmounts both");
    assertThat(box.isMounted(checkout.resolve("demo/primary"))).isTrue();
    assertThat(box.isMounted(checkout.resolve("demo/replica"))).isTrue();
    for (String line : lines.subList(2, lines.size())) {
      if (line.contains("--watch")) {
        Path shown = log("watch");
        Process watch = box.start(checkout, line, shown);
        awaitText(shown, "app.db");
        Box.stop(watch, "INT");
        continue;
      }
      if (line.contains("demo/replica/app.db")) {
        Await.until(LIMIT, line, () -> box.run(checkout, line).text().equals("1"));
      }
      run(box, line);
    }
    assertThat(Box.stop(quickstart, "INT")).isZero();
    assertThat(box.isMounted(checkout.resolve("demo/primary"))).isFalse();
    assertThat(box.isMounted(checkout.resolve("demo/replica"))).isFalse();
    assertThat(query(box, checkout.resolve("copy.db"), "SELECT x FROM t")).isEqualTo("1");

    // SIGTERM does the same, and what was written is there the next time.
    Path again = log("again");
    quickstart = box.start(checkout, lines.get(1), again);
    awaitText(again, "Ctrl-C here unmounts both");
    assertThat(query(box, checkout.resolve("demo/replica/app.db"), "SELECT x FROM t"))
        .isEqualTo("1");
    assertThat(Box.stop(quickstart, "TERM")).isZero();
    assertThat(box.isMounted(checkout.resolve("demo/primary"))).isFalse();
    assertThat(box.isMounted(checkout.resolve("demo/replica"))).isFalse();
  }

  @Test
  @Order(2)
  void aMountIsMadeByHandWithAndWithoutAProgram() throws Exception {
    List<String> lines = Readme.lines("Mounting by hand");
    assertThat(lines).hasSize(2);
    Box box = box("node1", Map.of());
    Process mounted = box.start(checkout, lines.get(0), log("mount"));
    box.awaitMount(DATABASES, mounted, log("mount"));
    query(box, DATABASES.resolve("app.db"), "CREATE TABLE t(x); INSERT INTO t VALUES (5);");
    assertThat(Box.stop(mounted, "INT")).isZero();
    assertThat(box.isMounted(DATABASES)).isFalse();

    Path program = box.opt().resolve("myapp");
    Files.writeString(program, "#!/bin/sh\nsqlite3 \"$2\" 'SELECT x FROM t'\nexit 7\n");
    assertThat(program.toFile().setExecutable(true)).isTrue();
    box.with("PATH", "/opt:" + System.getenv("PATH"));
    Command.Result result = box.run(checkout, lines.get(1));
    assertThat(result.exit()).as("%s", result).isEqualTo(7);
    assertThat(result.out().lines()).contains("5");
  }

  @Test
  @Order(3)
  void aReplicaFollowsAPrimary() throws Exception {
    List<String> lines = Readme.lines("A replica");
    assertThat(lines).hasSize(2);
    Map<String, String> hosts = Map.of("node1", "10.77.0.1");
    Box primary = box("node1", hosts);
    Box replica = box("node2", hosts);
    String http = Readme.comment(lines.get(0));
    String lease = Readme.comment(lines.get(1)).replace("the same, and ", "");
    Files.writeString(checkout.resolve("primary.yml"), FILES + http + "\n");
    Files.writeString(checkout.resolve("replica.yml"), FILES + http + "\n" + lease + "\n");
    Process first = primary.start(checkout, asCommand(lines.get(0)), log("primary"));
    primary.awaitMount(DATABASES, first, log("primary"));
    Process second = replica.start(checkout, asCommand(lines.get(1)), log("replica"));
    replica.awaitMount(DATABASES, second, log("replica"));
    Path database = DATABASES.resolve("app.db");
    query(primary, database, "CREATE TABLE t(x); INSERT INTO t VALUES (5);");
    Await.until(LIMIT, "replica", () -> query(replica, database, "SELECT x FROM t").equals("5"));
  }

  /** What begins with a variable, for exec. */
  private static String asCommand(String line) {
    return "env " + Readme.withoutComment(line);
  }

  @Test
  @Order(4)
  void nodesElectTheirPrimaryAndHandOver() throws Exception {
    Requirements.programs("etcd");
    List<String> lines = Readme.lines("Nodes that elect their primary");
    assertThat(lines).hasSize(6);
    Map<String, String> hosts =
        Map.of("etcd", "10.77.0.1", "node1", "10.77.0.2", "node2", "10.77.0.3");
    box("etcd", hosts)
        .start(
            checkout,
            "etcd --listen-client-urls=http://0.0.0.0:2379"
                + " --advertise-client-urls=http://etcd:2379 --data-dir="
                + bench.scratch("etcd-data"),
            log("etcd"));
    Box first = elected("node1", hosts, lines.subList(0, 3));
    awaitText(log("node1"), "-> PRIMARY");
    Box second = elected("node2", hosts, lines.subList(0, 3));
    awaitInSync(first);
    run(first, Readme.withoutComment(lines.get(3)));
    run(first, Readme.withoutComment(lines.get(4)).replaceFirst(" \\[.*", ""));
    awaitPrimary(second);
    awaitInSync(second);
    run(first, Readme.withoutComment(lines.get(5)));
    awaitPrimary(first);
  }

  private Box elected(String name, Map<String, String> hosts, List<String> yaml)
      throws IOException {
    String text = String.join("\n", yaml).replace("node1", name);
    if (name.equals("node1")) {
      // "The node that has the data, or the first of all, has promote: true besides."
      text = text.replace("{type:", "{promote: true, type:");
    }
    Path config = checkout.resolve(name + ".yml");
    Files.writeString(config, FILES + text + "\n");
    Box box = box(name, hosts).with("TIDEMARK_TOKEN", "secret");
    box.with("PATH", checkout + ":" + System.getenv("PATH"));
    Process node = box.start(checkout, "./tidemark mount --config " + config, log(name));
    box.awaitMount(DATABASES, node, log(name));
    return box;
  }

  private Map<?, ?> status(Box box) {
    return (Map<?, ?>) Json.parse(box.run(checkout, "./tidemark status --json").out());
  }

  private void awaitPrimary(Box box) {
    Await.until(LIMIT, "primary", () -> Boolean.TRUE.equals(status(box).get("isPrimary")));
  }

  private void awaitInSync(Box primary) {
    Await.until(
        LIMIT,
        "two nodes in sync",
        () -> {
          Object record = ((Map<?, ?>) status(primary).get("cluster")).get("record");
          return ((List<?>) ((Map<?, ?>) record).get("inSync")).size() == 2;
        });
  }

  @Test
  @Order(5)
  void theProxyStandsBeforeAnApplication() throws Exception {
    List<String> lines = Readme.lines("An application on every node");
    assertThat(lines).hasSize(1);
    Box box = box("node1", Map.of());
    Path config = checkout.resolve("proxy.yml");
    Files.writeString(config, FILES + lines.get(0) + "\n");
    Process node = box.start(checkout, "./tidemark mount --config " + config, log("node"));
    box.awaitMount(DATABASES, node, log("node"));
    box.start(
        checkout, Settings.python() + " -m http.server --bind 127.0.0.1 8081", log("application"));
    Await.until(
        LIMIT,
        "page through the proxy",
        () ->
            box.run(checkout, "curl -sf http://localhost:8080/proxy.yml").out().contains("proxy:"));
  }

  @Test
  @Order(6)
  void databasesGoInAndOutAndEverythingCanBeLookedAt() throws Exception {
    Box box = box("node1", Map.of());
    String mount = Readme.lines("Mounting by hand").get(0);
    Process node = box.start(checkout, mount, log("node"));
    box.awaitMount(DATABASES, node, log("node"));
    query(box, checkout.resolve("existing.db"), "CREATE TABLE t(x); INSERT INTO t VALUES (7);");
    for (String line : Readme.lines("Databases in and out")) {
      run(box, line);
    }
    assertThat(query(box, checkout.resolve("backup.db"), "SELECT x FROM t")).isEqualTo("7");
    assertThat(query(box, DATABASES.resolve("new.db"), "SELECT x FROM t")).isEqualTo("7");
    assertThat(box.run(checkout, "ls " + DATABASES).text()).isEqualTo("new.db");
    for (String line : Readme.lines("Looking at it")) {
      Command.Result result = box.run(checkout, line);
      // What curl ends with when its time is up.
      int expected = line.contains("curl -sN -m 1") ? 28 : 0;
      assertThat(result.exit())
          .as("%s%n%s%s", line, result.out(), result.err())
          .isEqualTo(expected);
      assertThat(result.out() + result.err()).as(line).isNotBlank();
    }
    assertThat(checkout.resolve("ltx")).isNotEmptyDirectory();
  }
}
