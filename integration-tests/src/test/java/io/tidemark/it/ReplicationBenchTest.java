package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code tidemark bench --replication} in small: every row, and that nothing is left behind. */
class ReplicationBenchTest {
  @RegisterExtension final Workbench bench = new Workbench();

  private Path directory;

  @BeforeEach
  void needsTheProgram() throws IOException {
    Requirements.realMount();
    // Has mounts in it, so not below the directory of the build.
    directory = Files.createTempDirectory("tidemark-it-bench-").toRealPath();
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    Await.until(Duration.ofSeconds(60), "end of all mounts", () -> mounts().isEmpty());
    FileTree.delete(directory);
  }

  private List<String> mounts() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
        .filter(line -> line.contains(directory.toString()))
        .toList();
  }

  private List<Object> words(String... options) {
    List<Object> words = new ArrayList<>(Launcher.tool());
    words.addAll(List.of("bench", "--replication", "--quick", "--dir", directory));
    words.addAll(List.of(options));
    return words;
  }

  @Test
  void everyRowIsMeasuredAndNothingStays() throws IOException {
    String json =
        Command.of(words("--json", "--replicas", "2").toArray()).within(Duration.ofMinutes(5)).ok();
    for (String row :
        List.of(
            "apply",
            "visible-wal",
            "visible-delete",
            "first-sync",
            "catch-up",
            "commits-full",
            "commits-normal",
            "memory")) {
      assertThat(json).contains("\"" + row + "\"");
    }
    assertThat(mounts()).isEmpty();
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void noMountOutlivesABenchmarkThatIsKilled() throws Exception {
    List<String> words = words("--only", "apply").stream().map(Object::toString).toList();
    Process process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(bench.scratch("output").toFile())
            .start();
    bench.closing(process::destroyForcibly);
    Await.until(Duration.ofSeconds(60), "both mounts", () -> mounts().size() == 2);
    process.destroyForcibly().waitFor();
    Await.until(Duration.ofSeconds(60), "end of all mounts", () -> mounts().isEmpty());
  }
}
