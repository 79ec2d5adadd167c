package io.tidemark.node.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplicationBenchmarkTest {
  @TempDir private Path directory;

  @Test
  void unknownRowsAreNamedBeforeAnythingIsMade() {
    assertThatThrownBy(() -> benchmark(Set.of("apply", "nonsense")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("There is no row nonsense. Rows: apply, visible-wal,");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aNodeThatDoesNotStartIsToldWithItsWordsAndNothingStays() throws Exception {
    try (ReplicationBenchmark benchmark = benchmark(Set.of("apply"))) {
      assertThatThrownBy(() -> benchmark.run(row -> {}, line -> {}))
          .hasMessageContaining("'primary' did not start: no such thing");
    }
    assertThat(directory).isEmptyDirectory();
  }

  private ReplicationBenchmark benchmark(Set<String> only) throws Exception {
    List<String> program = List.of("sh", "-c", "echo no such thing; exit 1");
    return new ReplicationBenchmark(program, directory, 1, ReplicationSizes.quick(), only);
  }
}
