package io.tidemark.node.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.ExecStep;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RoleSupervisorTest {
  private static final String SERVE = "trap 'echo down >>out; exit' TERM; echo up >>out; ";
  private static final String FOR_EVER = "while :; do sleep 0.05; done";

  @TempDir Path dir;
  private volatile boolean primary;
  private RoleSupervisor supervisor;

  private ExecStep sh(String script) {
    return new ExecStep(List.of("sh", "-c", "cd " + dir + "; " + script), false);
  }

  private void start(Duration stopTimeout, List<ExecStep> onPrimary, List<ExecStep> onReplica) {
    supervisor =
        new RoleSupervisor(
            new NodeConfig.RoleCommands(onPrimary, onReplica, stopTimeout),
            () -> primary,
            Duration.ofMillis(10));
    supervisor.start();
  }

  @AfterEach
  void stop() {
    supervisor.close();
  }

  private String out() throws IOException {
    Path file = dir.resolve("out");
    return Files.exists(file) ? Files.readString(file) : "";
  }

  private void await(String text) throws Exception {
    while (!out().equals(text)) {
      Thread.sleep(5);
    }
  }

  @Test
  void anApplicationRunsOnlyWhileTheNodeIsPrimary() throws Exception {
    start(
        Duration.ofSeconds(10),
        List.of(sh(SERVE + FOR_EVER)),
        List.of(sh("echo $TIDEMARK_ROLE >>out")));
    await("replica\n");
    primary = true;
    await("replica\nup\n");
    primary = false;
    await("replica\nup\ndown\nreplica\n");
    primary = true;
    await("replica\nup\ndown\nreplica\nup\n");
    supervisor.close();
    await("replica\nup\ndown\nreplica\nup\ndown\n");
  }

  @Test
  void whatDoesNotEndInTimeIsKilledWithWhatItStarted() throws Exception {
    primary = true;
    start(
        Duration.ofMillis(200),
        List.of(sh("trap '' TERM; sleep 1000 & echo $! >child; echo up >>out; " + FOR_EVER)),
        List.of(sh("echo replica >>out")));
    await("up\n");
    primary = false;
    await("up\nreplica\n");
    long child = Long.parseLong(Files.readString(dir.resolve("child")).trim());
    while (ProcessHandle.of(child).filter(ProcessHandle::isAlive).isPresent()) {
      Thread.sleep(5); // until the kernel has done what it was told
    }
  }

  @Test
  void theRoleIsAskedForWhileACommandRefusesToEnd() throws Exception {
    primary = true;
    start(
        Duration.ofSeconds(30),
        List.of(sh("trap 'echo asked >>out' TERM; echo up >>out; " + FOR_EVER)),
        List.of());
    await("up\n");
    long begin = System.nanoTime();
    primary = false; // the change itself waits for nothing
    assertThat(System.nanoTime() - begin).isLessThan(TimeUnit.SECONDS.toNanos(1));
    await("up\nasked\n");
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
  }

  @Test
  void aCommandThatFailsIsStartedAgainBeforeTheNextRuns() throws Exception {
    primary = true;
    start(
        Duration.ofSeconds(10),
        List.of(
            sh("echo try >>out; [ $(grep -c try out) -ge 2 ]"),
            new ExecStep(List.of("/nonexistent/app"), false)),
        List.of());
    await("try\n");
    long first = System.nanoTime();
    await("try\ntry\n");
    assertThat(System.nanoTime() - first).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(800));
    supervisor.close(); // also while it waits to try again
  }

  @Test
  void aRoleWithoutCommandsRunsNone() throws Exception {
    primary = true;
    start(Duration.ofSeconds(1), List.of(), List.of(sh("echo replica >>out")));
    Thread.sleep(100);
    assertThat(out()).isEmpty();
    primary = false;
    await("replica\n");
  }
}
