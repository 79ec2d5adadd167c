package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The checks of these tests notice what they are there to notice. Needs no mount. */
class HarnessSelfTest {
  @RegisterExtension final Workbench bench = new Workbench();

  // Written by the reference encoder of the format: two pages of 512 bytes, LZ4.
  private static final byte[] REFERENCE_FILE =
      HexFormat.of()
          .parseHex(
              "4c54583100000001000002000000000200000000000000010000000000000001"
                  + "00000000000003e8"
                  + "00".repeat(60)
                  + "04224d186440a7230000005f00000001320100ffed5f00000002330100ffe3e033"
                  + "3333333333333333330000000000000000069564188b87423eeeeeeeee828d4f9f3e7bb9f8");

  @Test
  void theChecksumOfTheTestsIsTheOneOfTheFormat() {
    Crc64 crc = new Crc64().add("123456789".getBytes(StandardCharsets.US_ASCII));
    assertThat(crc.value()).isEqualTo(0xb90956c775a41001L);
  }

  @Test
  void aFileOfTheReferenceEncoderIsReadAndApplied() throws IOException {
    LtxFile ltx = new LtxFile(REFERENCE_FILE);
    assertThat(ltx.pages.keySet()).containsExactly(1L, 2L);
    Image image = new Image();
    image.apply(ltx);
    assertThat(image.position()).isEqualTo(new Position(1, 0x8b87423eeeeeeeeeL));
  }

  @Test
  void aDamagedLtxFileIsRefused() {
    for (int at : List.of(0, 7, 20, 105, REFERENCE_FILE.length - 1)) {
      byte[] damaged = REFERENCE_FILE.clone();
      damaged[at] ^= 4;
      assertThatThrownBy(() -> new LtxFile(damaged))
          .as("byte %s", at)
          .isInstanceOf(Exception.class);
    }
  }

  @Test
  void aRecordThatDoesNotContinueTheImageIsRefused() throws IOException {
    Image image = new Image();
    image.apply(new LtxFile(REFERENCE_FILE));
    byte[] next = REFERENCE_FILE.clone();
    next[23] = 9;
    next[31] = 9;
    assertThatThrownBy(() -> image.apply(new LtxFile(next))).isInstanceOf(IOException.class);
  }

  @Test
  void aPageThatDiffersFromTheLogIsFound() throws IOException {
    Path file = bench.scratch("db");
    Command.sqlite(file, "CREATE TABLE t(a);", "INSERT INTO t VALUES(zeroblob(9000));").ok();
    Image one = Image.read(file);
    byte[] bytes = Files.readAllBytes(file);
    bytes[one.pageSize() + 17] ^= 1;
    Files.write(file, bytes);
    assertThat(TruthCheck.difference(one, Image.read(file)))
        .containsExactly("page 2 of the file differs from the log at byte 17");
  }

  @Test
  void wrongPositionsInAWorkloadAreFound() {
    Position p1 = new Position(1, 11);
    Position p2 = new Position(2, 22);
    Position p3 = new Position(3, 33);
    assertThat(positions(step("commit", p1, p2, "d2"))).isEmpty();
    assertThat(positions(step("none", p1, p1, "d1"))).isEmpty();
    assertThat(positions(step("none", p1, p2, "d1"))).hasSize(1);
    assertThat(positions(step("commit", p1, p1, "d2"))).hasSize(1);
    assertThat(positions(step("commit", p1, p3, "d2"))).hasSize(1);
    assertThat(positions(step("commit", p1, new Position(1, 12), "d1"))).hasSize(1);
    assertThat(positions(step("commit", p2, p3, "d2"))).hasSize(1);
  }

  private static WorkloadRecord.Step step(
      String expectation, Position before, Position after, String digest) {
    return new WorkloadRecord.Step(
        1, "test", expectation, "ok", List.of(new WorkloadRecord.Side(before, after, digest)));
  }

  private static List<String> positions(WorkloadRecord.Step step) {
    Position first = new Position(1, 11);
    WorkloadRecord.Step before =
        new WorkloadRecord.Step(
            0, "create", "any", "ok", List.of(new WorkloadRecord.Side(Position.NONE, first, "d1")));
    return TruthCheck.positions(List.of(before, step), 0);
  }

  @Test
  void theCrashCheckFindsLostHalfAndRolledBackTransactions() throws IOException {
    Path one = bench.scratch("one.db");
    Path other = bench.scratch("other.db");
    Command.python("crash_setup.py", "DELETE", one, other).ok();
    insert(one, 1, 2, 2);
    insert(other, 1, 2, 2);
    assertThat(crashCheck("0=1", one, other)).isEmpty();
    assertThat(crashCheck("0=2", one, other)).anyMatch(p -> p.contains("was acknowledged"));
    insert(one, 2, 1, 3);
    assertThat(crashCheck("0=1", one, other))
        .anyMatch(p -> p.contains("1 rows of 3"))
        .anyMatch(p -> p.contains("is in one of them"));
    Command.sqlite(
            other,
            "UPDATE account SET amount = 0 WHERE id = 1;",
            "INSERT INTO part VALUES(-1, 2, 0, 1, x'');")
        .ok();
    assertThat(crashCheck("0=1", other))
        .anyMatch(p -> p.contains("accounts"))
        .anyMatch(p -> p.contains("was rolled back"));
  }

  @Test
  void everyDefectThatANodeCanHaveHasAScenario() throws ReflectiveOperationException {
    Object[] mutants = Class.forName("io.tidemark.node.cluster.Mutant").getEnumConstants();
    List<String> found = Arrays.stream(ClusterDefect.values()).map(ClusterDefect::mutant).toList();
    assertThat(found)
        .filteredOn(Objects::nonNull)
        .containsExactlyInAnyOrderElementsOf(Arrays.stream(mutants).map(Object::toString).toList());
  }

  @Test
  void faultsAreDealtSoThatFewRoundsHaveAllOfThem() {
    Set<ClusterFault> planned = EnumSet.noneOf(ClusterFault.class);
    Map<ClusterFault, Integer> made = new EnumMap<>(ClusterFault.class);
    for (int round = 0; round < 12; round++) {
      new RandomFaults(round, Duration.ofSeconds(25), planned, made).plan();
    }
    assertThat(planned).containsExactlyInAnyOrder(ClusterFault.values());
  }

  private static void insert(Path database, int seq, int rows, int parts) {
    List<String> sql = new ArrayList<>(List.of("BEGIN;"));
    for (int i = 0; i < rows; i++) {
      sql.add("INSERT INTO part VALUES(0, %d, %d, %d, x'00');".formatted(seq, i, parts));
    }
    sql.add("INSERT OR REPLACE INTO last VALUES(0, %d);".formatted(seq));
    sql.add("COMMIT;");
    Command.sqlite(database, sql.toArray(String[]::new)).ok();
  }

  private static List<String> crashCheck(String acknowledged, Path... databases) {
    List<Object> arguments = new ArrayList<>(List.of(acknowledged));
    arguments.addAll(List.of(databases));
    return Command.python("crash_check.py", arguments.toArray())
        .run()
        .out()
        .lines()
        .filter(line -> !line.startsWith("worker=seq"))
        .toList();
  }
}
