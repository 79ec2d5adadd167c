package io.tidemark.node.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.node.config.ConfigLoader;
import io.tidemark.node.config.ConfigLoader.Flag;
import io.tidemark.node.run.NodeEvent.Signal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A node from start to end with everything but the mount: the commands that it runs. */
@Timeout(60)
class NodeTest {
  /** Whoever runs the tests in the background may have them ignore signals, as would commands. */
  private static final String HEARS_ALL = "env --default-signal ";

  private static final Path LITEFS_SAMPLES =
      Path.of("src/test/resources/io/tidemark/node/config/litefs").toAbsolutePath();

  @TempDir Path dir;
  private final List<String> warnings = new ArrayList<>();
  private final Map<String, String> env = new HashMap<>(Map.of("HOSTNAME", "shop-2"));
  private volatile boolean mounted;

  private final class NoMount implements NodeMount {
    @Override
    public boolean isMounted() {
      return mounted;
    }

    @Override
    public void unmount() {
      mounted = false;
    }

    @Override
    public void detach() {
      mounted = false;
    }

    @Override
    public Map<String, Long> requestCounts() {
      return Map.of();
    }
  }

  private Node node(Path file) throws Exception {
    Map<String, Flag> flags =
        Map.of(
            "fuse.dir", new Flag("--fuse-dir", dir.resolve("mnt").toString()),
            "data.dir", new Flag("--data-dir", dir.resolve("data").toString()),
            "http.addr", new Flag("--http-addr", "127.0.0.1:0"));
    mounted = true;
    return new Node(
        new ConfigLoader(env, warnings::add).load(file, true, flags),
        (store, fuse, log, cluster) -> new NoMount());
  }

  private Node configured(String yaml) throws Exception {
    return node(Files.writeString(dir.resolve("node.yml"), yaml.replace("DIR", dir.toString())));
  }

  /** Runs on a thread of its own until something ends it. */
  private static CompletableFuture<Integer> running(Node node) {
    CompletableFuture<Integer> code = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                code.complete(node.run());
              } catch (IOException | InterruptedException e) {
                code.completeExceptionally(e);
              }
            });
    thread.setDaemon(true);
    thread.start();
    return code;
  }

  private String written(String name) throws IOException {
    Path file = dir.resolve(name);
    return Files.exists(file) ? Files.readString(file) : "";
  }

  private void await(String name, String text) throws Exception {
    while (!written(name).contains(text)) {
      Thread.sleep(10);
    }
  }

  @ParameterizedTest
  @CsvSource({"static-primary.yml, 0", "static-replica.yml, 4"})
  void aLitefsFileStartsANodeThatRunsItsCommands(String sample, int code) throws Exception {
    Path file = Files.copy(LITEFS_SAMPLES.resolve(sample), dir.resolve("litefs.yml"));
    assertThat(node(file).run()).isEqualTo(code);
    assertThat(warnings).isEmpty();
  }

  @Test
  void commandsRunOneAfterAnotherAndTheLastOnesCodeCounts() throws Exception {
    Node node =
        configured(
            """
            exec:
              - "sh -c 'sleep 0.2; echo one >>DIR/out'"
              - {cmd: "sh -c 'echo two >>DIR/out'", if-candidate: true}
              - "sh -c 'echo three >>DIR/out; exit 7'"
            """);
    assertThat(node.run()).isEqualTo(7);
    assertThat(written("out")).isEqualTo("one\ntwo\nthree\n");
  }

  @Test
  void aCommandThatFailsEndsTheNodeBeforeTheNext() throws Exception {
    Node node = configured("exec: [\"sh -c 'exit 3'\", \"sh -c 'echo never >>DIR/out'\"]");
    assertThat(node.run()).isEqualTo(3);
    assertThat(written("out")).isEmpty();
  }

  @Test
  void aNodeThatIsNoCandidateSkipsWhatIsForCandidates() throws Exception {
    Node node =
        configured(
            """
            lease: {candidate: false}
            exec:
              - {cmd: "sh -c 'echo never >>DIR/out; exit 1'", if-candidate: true}
              - "sh -c 'exit 5'"
            """);
    assertThat(node.run()).isEqualTo(5);
    assertThat(written("out")).isEmpty();
  }

  @Test
  void aCommandThatIsNotThereIsNamed() throws Exception {
    Node node = configured("exec: /nonexistent/app --x");
    assertThatThrownBy(node::run)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("Cannot start '/nonexistent/app'")
        .hasMessageContaining("Check its path");
    assertThat(mounted).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130"})
  void aSignalGoesToTheCommandAndItsCodeIsTheNodes(String signal, int code) throws Exception {
    Node node = configured("exec: \"" + HEARS_ALL + "sh -c 'echo up >DIR/out; exec sleep 100'\"");
    CompletableFuture<Integer> ended = running(node);
    await("out", "up");
    node.deliver(new Signal(signal));
    assertThat(ended.get()).isEqualTo(code);
  }

  @Test
  void aSecondSignalKillsACommandThatDoesNotEnd() throws Exception {
    Node node =
        configured(
            "exec: \"sh -c 'trap \\\"echo no >>DIR/out\\\" TERM; echo up >DIR/out;"
                + " while :; do sleep 0.1; done'\"");
    CompletableFuture<Integer> ended = running(node);
    await("out", "up");
    node.deliver(new Signal("TERM"));
    await("out", "no");
    assertThat(ended).isNotDone();
    node.deliver(new Signal("TERM"));
    assertThat(ended.get()).isEqualTo(137);
  }

  @Test
  void aHangupReachesTheCommandAndTheNodeGoesOn() throws Exception {
    Node node =
        configured(
            "exec: \""
                + HEARS_ALL
                + "sh -c 'trap \\\"echo again >>DIR/out\\\" HUP; echo up >DIR/out;"
                + " while :; do sleep 0.1; done'\"");
    CompletableFuture<Integer> ended = running(node);
    await("out", "up");
    node.deliver(new Signal("HUP"));
    await("out", "again");
    node.deliver(new Signal("HUP"));
    await("out", "again\nagain");
    assertThat(ended).isNotDone();
    node.deliver(new Signal("TERM"));
    assertThat(ended.get()).isEqualTo(143);
  }

  @Test
  void thePrimarysCommandsRunWhileTheNodeDoes() throws Exception {
    Node node =
        configured(
            """
            on-primary:
              - "sh -c 'echo $TIDEMARK_ROLE up >>DIR/out'"
              - "sh -c 'trap \\"echo down >>DIR/out; exit\\" TERM; echo app >>DIR/out; while :; do sleep 0.1; done'"
            on-replica: "sh -c 'echo never >>DIR/out'"
            """
                .replace("$", "$$"));
    CompletableFuture<Integer> ended = running(node);
    await("out", "app");
    node.deliver(new Signal("TERM"));
    assertThat(ended.get()).isZero();
    assertThat(written("out")).isEqualTo("primary up\napp\ndown\n");
  }

  @Test
  void theReplicasCommandsRunOnAReplica() throws Exception {
    Node node =
        configured(
            """
            lease: {candidate: false}
            on-primary: "sh -c 'echo never >>DIR/out'"
            on-replica: "sh -c 'echo $$TIDEMARK_ROLE >>DIR/out'"
            exec: "sh -c 'until grep -q replica DIR/out; do sleep 0.05; done'"
            """);
    assertThat(node.run()).isZero();
    assertThat(written("out")).isEqualTo("replica\n");
  }
}
