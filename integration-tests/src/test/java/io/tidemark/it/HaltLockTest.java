package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A program on a replica writes while the primary's writers wait. The cluster is shared, with a
 * relay between its nodes; each test has a database of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HaltLockTest {
  private static final Duration LIMIT = Duration.ofSeconds(40);
  private static final String ID = "00000000000000aa";

  @RegisterExtension final Workbench bench = new Workbench();
  private Cluster cluster;
  private Relay relay;

  /** The database of the test. */
  private String db;

  private int databases;

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
  }

  @AfterEach
  void answersArriveAgain() {
    if (relay != null) {
      relay.loseAnswers(false);
    }
  }

  private void start(String mode) throws IOException {
    if (cluster == null) {
      Cluster starting = new Cluster(bench, 1);
      starting.primary().start();
      relay = bench.closingLast(new Relay(URI.create(starting.primary().url()).getPort()));
      String behindRelay = "http://127.0.0.1:" + relay.port();
      starting.replica().setting("lease.advertise-url", behindRelay).start();
      cluster = starting;
    }
    db = "halt-" + ++databases + ".db";
    cluster.createTable(db, mode);
  }

  private Conversation client(TidemarkProcess node, double busySeconds) {
    return cluster.client(node, db, busySeconds);
  }

  private static String sql(Conversation client, String sql) {
    return client.ask(sql, LIMIT);
  }

  private static String count(Conversation client) {
    return sql(client, "SELECT count(*) FROM t");
  }

  /** A script of the shell under the halt lock of the replica. */
  private Process runOnReplica(String script) throws IOException {
    List<String> words = new ArrayList<>(Launcher.tool());
    words.addAll(
        List.of(
            "run",
            "--url",
            cluster.replica().url(),
            "--with-halt-lock-on",
            cluster.replica().file(db).toString(),
            "--",
            "sh",
            "-c",
            script));
    Process process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(bench.scratch(db + "-run.log").toFile())
            .start();
    bench.closing(process::destroyForcibly);
    return process;
  }

  private String insertOnReplica() {
    return "sqlite3 " + cluster.replica().file(db) + " 'INSERT INTO t(v) VALUES(1)'";
  }

  private static void awaitFile(Path file) {
    Await.until(LIMIT, file.toString(), () -> Files.exists(file));
  }

  private String http(String method, String url) throws IOException, InterruptedException {
    return http(method, url, new byte[0]);
  }

  private String http(String method, String url, byte[] body)
      throws IOException, InterruptedException {
    var answer =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(url))
                    .method(method, BodyPublishers.ofByteArray(body))
                    .build(),
                BodyHandlers.ofString());
    return answer.statusCode() + " " + answer.body();
  }

  private String halt(TidemarkProcess node) {
    return node.url() + "/halt?name=" + db + "&id=" + ID;
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "PERSIST", "WAL"})
  void primarysWriterWaitsWhileACommandWritesOnTheReplica(String mode) throws Exception {
    start(mode);
    Conversation writer = client(cluster.primary(), 40);
    Conversation reader = client(cluster.primary(), 5);
    Conversation distant = client(cluster.replica(), 5);
    assertThat(sql(writer, "INSERT INTO t(v) VALUES(2)")).isEmpty();
    cluster.awaitEqual(db);
    assertThat(count(distant)).isEqualTo("2");
    Path begun = bench.scratch(db + "-begun");
    Path go = bench.scratch(db + "-go");
    Process run =
        runOnReplica(
            String.join(
                "\n",
                insertOnReplica() + " || exit 3",
                "touch " + begun,
                "while ! [ -e " + go + " ]; do sleep 0.05; done",
                insertOnReplica() + " || exit 4",
                "exit 7"));
    awaitFile(begun);
    assertThat(count(reader)).isEqualTo("3");
    assertThat(count(distant)).isEqualTo("3");
    writer.send("INSERT INTO t(v) VALUES(3)");
    Thread.sleep(1500);
    assertThat(writer.hasAnswered()).isFalse();
    assertThat(count(reader)).isEqualTo("3");
    Files.createFile(go);
    assertThat(writer.answer(LIMIT)).isEmpty();
    assertThat(run.waitFor(40, TimeUnit.SECONDS)).isTrue();
    assertThat(run.exitValue()).as(Files.readString(bench.scratch(db + "-run.log"))).isEqualTo(7);
    assertThat(count(reader)).isEqualTo("5");
    cluster.checkEqual(db);
    assertThat(count(distant)).isEqualTo("5");
    assertThat(sql(distant, "INSERT INTO t(v) VALUES(9)")).startsWith("error");
  }

  @Test
  void aCommandThatIsKilledLetsThePrimaryGoOnAfterSomeSeconds() throws Exception {
    start("WAL");
    Conversation writer = client(cluster.primary(), 40);
    assertThat(count(writer)).isEqualTo("1");
    Path begun = bench.scratch(db + "-begun");
    Process run = runOnReplica(insertOnReplica() + "; touch " + begun + "; exec sleep 60");
    awaitFile(begun);
    run.descendants().forEach(ProcessHandle::destroyForcibly);
    run.destroyForcibly();
    Conversation late = client(cluster.replica(), 0);
    long before = System.nanoTime();
    assertThat(sql(writer, "INSERT INTO t(v) VALUES(3)")).isEmpty();
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(15));
    assertThat(sql(late, "INSERT INTO t(v) VALUES(9)")).startsWith("error");
    assertThat(count(writer)).isEqualTo("3");
    cluster.checkEqual(db);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "WAL"})
  void aProgramThatOpensTheDatabaseOfThePrimaryDuringTheHaltFindsItBusy(String mode)
      throws Exception {
    start(mode);
    assertThat(http("POST", halt(cluster.primary()))).startsWith("200");
    Path file = cluster.primary().file(db);
    for (int i = 0; i < 20; i++) {
      // Nobody else has it open, and its first request is that write.
      Command.Result result = Command.sqlite(file, "INSERT INTO t(v) VALUES(2);").run();
      assertThat(result.err()).contains("database is locked");
    }
    assertThat(Command.sqlite(file, "SELECT count(*) FROM t;").ok()).isEqualTo("1");
    assertThat(http("DELETE", halt(cluster.primary()))).startsWith("200");
    Command.sqlite(file, "INSERT INTO t(v) VALUES(2);").ok();
    cluster.checkEqual(db);
  }

  @Test
  void aTransactionAfterTheEndOfTheHaltLeavesNoTrace() throws Exception {
    start("DELETE");
    TidemarkProcess primary = cluster.primary();
    Position before = primary.position(db);
    String taken = http("POST", halt(primary));
    assertThat(taken).startsWith("200").contains(before.toString().substring(0, 16));
    assertThat(http("POST", halt(primary).replace(ID, "00000000000000bb")))
        .startsWith("409")
        .contains(ID);
    String tx =
        primary.url()
            + "/tx?name="
            + db
            + "&lockID="
            + ID
            + "&epoch=1&seq=1&baseEpoch=1&baseTxid="
            + before.toString().replace("/", "&baseChecksum=");
    assertThat(http("POST", tx, new byte[500])).startsWith("400");
    assertThat(http("DELETE", halt(primary))).startsWith("200");
    assertThat(http("POST", tx, new byte[500])).startsWith("409").contains("NOT_HELD");
    assertThat(primary.position(db)).isEqualTo(before);
    assertThat(sql(client(primary, 0), "INSERT INTO t(v) VALUES(3)")).isEmpty();
    cluster.checkEqual(db);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "WAL"})
  void aLostAnswerMakesNoSecondTransaction(String mode) throws Exception {
    start(mode);
    Conversation distant = client(cluster.replica(), 5);
    assertThat(http("POST", halt(cluster.replica()))).startsWith("200");
    relay.loseAnswers(true);
    distant.send("INSERT INTO t(v) VALUES(2)");
    Thread.sleep(1500);
    assertThat(distant.hasAnswered()).isFalse();
    relay.loseAnswers(false);
    assertThat(distant.answer(LIMIT)).isEmpty();
    assertThat(count(distant)).isEqualTo("2");
    assertThat(http("DELETE", halt(cluster.replica()))).startsWith("200");
    assertThat(count(client(cluster.primary(), 5))).isEqualTo("2");
    cluster.checkEqual(db);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "WAL"})
  void ifNoAnswerComesTheCommitFailsAndTheStreamTellsWhatBecameOfIt(String mode) throws Exception {
    start(mode);
    Conversation distant = client(cluster.replica(), 5);
    Conversation reader = client(cluster.replica(), 5);
    assertThat(http("POST", halt(cluster.replica()))).startsWith("200");
    relay.loseAnswers(true);
    assertThat(sql(distant, "INSERT INTO t(v) VALUES(2)")).startsWith("error");
    assertThat(count(reader)).isEqualTo("1");
    assertThat(sql(client(cluster.primary(), 20), "INSERT INTO t(v) VALUES(3)")).isEmpty();
    relay.loseAnswers(false);
    cluster.checkEqual(db);
    assertThat(count(reader)).isEqualTo("3"); // the primary had it
    assertThat(count(distant)).isEqualTo("3");
  }
}
