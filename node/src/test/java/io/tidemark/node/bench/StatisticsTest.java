package io.tidemark.node.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StatisticsTest {
  @Test
  void theMedianIsInTheMiddle() {
    assertThat(Statistics.median(5, 1, 3)).isEqualTo(3);
    assertThat(Statistics.median(4, 1, 3, 2)).isEqualTo(2.5);
    assertThat(Statistics.median(7)).isEqualTo(7);
    assertThat(Statistics.median()).isNaN();
  }

  @Test
  void percentilesAreValuesThatOccurred() {
    long[] values = LongStream.rangeClosed(1, 100).toArray();
    assertThat(Statistics.percentile(values, 0.5)).isEqualTo(50);
    assertThat(Statistics.percentile(values, 0.99)).isEqualTo(99);
    assertThat(Statistics.percentile(values, 1)).isEqualTo(100);
    assertThat(Statistics.percentile(new long[] {9, 7}, 0.01)).isEqualTo(7);
    assertThat(Statistics.percentile(new long[0], 0.5)).isZero();
  }

  @Test
  void aResultShowsMedianSpreadAndLatencies() {
    BenchResult result =
        BenchResult.of(
            List.of(
                new BenchRound(10, new long[] {1000, 2000}),
                new BenchRound(30, new long[] {3000}),
                new BenchRound(20, new long[] {90_000})));
    assertThat(result).isEqualTo(new BenchResult(20, 10, 30, 2000, 90_000));
    assertThat(BenchText.of("tx/s", result)).isEqualTo("20 (10..30) p50 2.0us p99 90.0us");
  }

  @Test
  void theMountThatCoversAPathIsTheLastLongestOne() {
    List<String> table =
        List.of(
            "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw",
            "30 22 0:40 / /mnt/a\\040b rw - fuse tidemark rw",
            "31 22 0:41 / /mnt rw - tmpfs tmpfs rw");
    assertThat(FileSystems.of("/mnt/a b/c", table))
        .isEqualTo(new FileSystems("/mnt/a b", "fuse", "tidemark"));
    assertThat(FileSystems.of("/mnt/a b/c", table).isTidemark()).isTrue();
    assertThat(FileSystems.of("/mnt/a bc", table).type()).isEqualTo("tmpfs");
    assertThat(FileSystems.of("/home", table).isTidemark()).isFalse();
  }

  @Test
  void rowsRunAndLeaveNothing(@TempDir Path a, @TempDir Path b) throws Exception {
    List<Benchmark.Line> lines = new ArrayList<>();
    // Without the rows that write 64 MiB or empty the page cache of the whole machine.
    Set<String> rows =
        Set.of(
            "wal-full", "wal-normal", "delete-full", "select-wal", "select-delete", "commit-big");
    new Benchmark(a, b, 0, 1 << 20, rows, null).run(row -> {}, lines::add);
    assertThat(lines).hasSize(rows.size()).allMatch(line -> line.ratio() > 0);
    assertThat(Files.list(a)).isEmpty();
    assertThat(Files.list(b)).isEmpty();
  }

  @Test
  void unknownRowsAreNamed(@TempDir Path a) {
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> new Benchmark(a, a, 1, 1, Set.of("wal-full", "nope"), null))
        .hasMessageContaining("no row nope");
  }
}
