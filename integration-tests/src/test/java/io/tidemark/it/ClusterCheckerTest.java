package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.it.ClusterChecker.Entry;
import io.tidemark.it.ClusterChecker.Facts;
import io.tidemark.it.ClusterHistory.Operation;
import io.tidemark.it.ClusterHistory.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Histories made by hand: a good one is accepted, and each way to be bad is found. */
class ClusterCheckerTest {
  private static final long ONE = 0xa1;
  private static final long TWO = 0xa2;

  private final List<Operation> operations = new ArrayList<>();
  private final Map<String, List<Entry>> logs = new HashMap<>();
  private final List<Entry> lost = new ArrayList<>();
  private final Map<String, Long> wiped = new HashMap<>();
  private long clock = 100;
  private boolean sync = true;

  private List<String> check(String... content) {
    return ClusterChecker.check(
        new Facts(
            sync,
            operations,
            List.of(content),
            logs,
            lost,
            Map.of("n1", Set.of(ONE), "n2", Set.of(TWO)),
            wiped));
  }

  private void write(String node, String value, Outcome outcome) {
    write(node, value, outcome, clock, clock + 5);
    clock += 10;
  }

  private void write(String node, String value, Outcome outcome, long start, long end) {
    operations.add(
        new Operation(
            "w" + operations.size(),
            "write",
            node + "-c1",
            node,
            "app.db",
            value,
            start,
            end,
            outcome,
            "",
            0,
            "",
            ""));
  }

  private void read(String node, String... values) throws Exception {
    read(node, "", values);
  }

  private void read(String node, String contradiction, String[] values) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (String value : values) {
      digest.update((value + "\n").getBytes(StandardCharsets.UTF_8));
    }
    operations.add(
        new Operation(
            "r" + operations.size(),
            "read",
            node + "-c2",
            node,
            "app.db",
            "",
            clock,
            clock + 5,
            Outcome.OK,
            contradiction,
            values.length,
            HexFormat.of().formatHex(digest.digest()),
            values.length == 0 ? "" : values[values.length - 1]));
    clock += 10;
  }

  private Entry entry(long epoch, long txid, long checksum, long by, String value) {
    return new Entry("n1", epoch, txid, checksum, by, value);
  }

  @Test
  void aHistoryWithEveryOutcomeAndAFailoverIsAccepted() throws Exception {
    read("n2");
    write("n1", "a", Outcome.OK);
    write("n2", "no", Outcome.REFUSED);
    write("n1", "b", Outcome.UNKNOWN);
    write("n1", "gone", Outcome.UNKNOWN);
    read("n2", "a");
    write("n2", "c", Outcome.OK);
    read("n1", "a", "b");
    read("n2", "a", "b", "c");
    logs.put("n1", List.of(entry(1, 1, 11, ONE, "a"), entry(1, 2, 12, ONE, "b")));
    logs.put(
        "n2",
        List.of(entry(1, 1, 11, ONE, "a"), entry(1, 2, 12, ONE, "b"), entry(3, 3, 13, TWO, "c")));
    assertThat(check("a", "b", "c")).isEmpty();
  }

  @Test
  void aWriteThatWasAcknowledgedAndIsNotThereIsFound() {
    write("n1", "a", Outcome.OK);
    write("n1", "b", Outcome.OK);
    assertThat(check("a")).singleElement().asString().contains("acknowledged and is nowhere", "w1");
  }

  @Test
  void whatWasSetAsideMayBeMissingInAsyncModeOnly() {
    write("n1", "a", Outcome.OK);
    lost.add(entry(1, 1, 11, ONE, "a"));
    assertThat(check()).singleElement().asString().contains("only among what was set aside");
    sync = false;
    assertThat(check()).isEmpty();
    lost.clear();
    assertThat(check()).singleElement().asString().contains("nowhere");
  }

  @Test
  void aWriteThatIsThereTwiceIsFound() {
    write("n1", "a", Outcome.OK);
    assertThat(check("a", "a")).containsExactly("a is there twice");
  }

  @Test
  void aValueThatNobodyWroteIsFound() {
    assertThat(check("a")).containsExactly("a is there, and nobody wrote it");
  }

  @Test
  void aWriteThatWasRefusedAndIsThereIsFound() {
    write("n1", "a", Outcome.REFUSED);
    assertThat(check("a")).singleElement().asString().contains("refused and is there");
    sync = false;
    lost.add(entry(1, 1, 11, ONE, "a"));
    assertThat(check()).singleElement().asString().contains("refused and is set aside");
  }

  @Test
  void writesInAnotherOrderThanTheyWereAcknowledgedAreFound() {
    write("n1", "a", Outcome.OK);
    write("n2", "b", Outcome.OK);
    assertThat(check("b", "a")).singleElement().asString().contains("comes after it");
    operations.clear();
    write("n1", "a", Outcome.OK, 100, 200);
    write("n2", "b", Outcome.OK, 150, 250);
    assertThat(check("b", "a")).as("they overlap").isEmpty();
  }

  @Test
  void aReadOfSomethingThatWasGivenUpIsFound() throws Exception {
    write("n1", "a", Outcome.OK);
    write("n1", "b", Outcome.UNKNOWN);
    read("n2", "a", "b");
    assertThat(check("a")).singleElement().asString().contains("no prefix", "not there at the end");
    sync = false;
    lost.add(entry(1, 2, 12, ONE, "b"));
    assertThat(check("a")).isEmpty();
  }

  @Test
  void aReadWithAHoleIsFound() throws Exception {
    write("n1", "a", Outcome.OK);
    write("n1", "b", Outcome.OK);
    read("n2", "b");
    assertThat(check("a", "b")).singleElement().asString().contains("no prefix", "is row 2");
  }

  @Test
  void aReadThatContradictsItselfAndADamagedDatabaseAreFound() throws Exception {
    read("n1", "the numbers of the rows have gaps", new String[0]);
    operations.add(
        new Operation(
            "r9",
            "read",
            "n1-c2",
            "n1",
            "app.db",
            "",
            900,
            901,
            Outcome.REFUSED,
            "database disk image is malformed",
            0,
            "",
            ""));
    assertThat(check()).hasSize(2).anyMatch(problem -> problem.contains("damaged database"));
  }

  @Test
  void aNodeThatGoesBackBehindWhatItHasShownIsFound() throws Exception {
    write("n1", "a", Outcome.OK);
    write("n1", "b", Outcome.OK);
    read("n2", "a", "b");
    read("n2", "a");
    assertThat(check("a", "b")).singleElement().asString().contains("went back");
    wiped.put("n2", operations.get(3).start() - 1);
    assertThat(check("a", "b")).as("another data directory").isEmpty();
  }

  @Test
  void aNodeThatDoesNotShowWhatItAcknowledgedIsFound() throws Exception {
    write("n1", "a", Outcome.OK);
    read("n1");
    assertThat(check("a")).singleElement().asString().contains("went back");
  }

  @Test
  void readsAtTheSameTimeMayBeInAnyOrder() throws Exception {
    write("n1", "a", Outcome.OK);
    read("n2", "a");
    clock -= 12;
    read("n2");
    assertThat(check("a")).isEmpty();
  }

  @Test
  void twoNodesThatCommitInOneEpochAreFound() {
    logs.put("n1", List.of(entry(4, 1, 11, ONE, "")));
    logs.put("n2", List.of(entry(4, 1, 11, ONE, ""), entry(4, 2, 12, TWO, "")));
    assertThat(check()).singleElement().asString().contains("Several nodes committed in epoch 4");
  }

  @Test
  void twoContentsOfOnePlaceAreFound() {
    logs.put("n1", List.of(entry(4, 1, 11, ONE, "")));
    lost.add(entry(4, 1, 99, ONE, ""));
    assertThat(check()).singleElement().asString().contains("One place, two contents");
  }

  @Test
  void anEpochThatGoesBackIsFound() {
    logs.put("n1", List.of(entry(4, 1, 11, ONE, ""), entry(3, 2, 12, TWO, "")));
    assertThat(check()).singleElement().asString().contains("comes after epoch 4");
  }

  @Test
  void aWriteThatAnotherNodeCommittedIsFound() {
    write("n1", "a", Outcome.OK);
    logs.put("n2", List.of(entry(4, 1, 11, TWO, "a")));
    assertThat(check("a")).singleElement().asString().contains("committed by another node");
  }

  @Test
  void anAcknowledgementOfWhoeverWasReplacedIsFound() {
    sync = false;
    write("n2", "b", Outcome.OK);
    write("n1", "a", Outcome.OK);
    lost.add(entry(1, 7, 11, ONE, "a"));
    logs.put("n2", List.of(entry(2, 7, 12, TWO, "b")));
    assertThat(check("b")).singleElement().asString().contains("had begun after epoch 2");
    operations.clear();
    write("n1", "a", Outcome.OK, 100, 300);
    write("n2", "b", Outcome.OK, 150, 250);
    assertThat(check("b")).as("it had begun before").isEmpty();
  }

  @Test
  void whatClientsNotedBecomesAHistoryAndWhatHasNoEndIsUnknown(@TempDir Path directory)
      throws IOException {
    Path raw = directory.resolve("raw.jsonl");
    Files.writeString(
        raw,
        """
        {"event": "begin", "op": "x", "kind": "write", "client": "n1-c1", "node": "n1", \
        "db": "app.db", "value": "v", "time": 20}
        {"event": "begin", "op": "y", "kind": "read", "client": "n1-c1", "node": "n1", \
        "db": "app.db", "time": 10}
        {"event": "end", "op": "y", "time": 12, "outcome": "ok", "text": "", "count": 3, \
        "digest": "d", "last": "u"}
        """);
    List<Operation> operations = ClusterHistory.collect(List.of(raw));
    assertThat(operations).extracting(Operation::op).containsExactly("y", "x");
    assertThat(operations.get(0).count()).isEqualTo(3);
    assertThat(operations.get(1).outcome()).isEqualTo(Outcome.UNKNOWN);
    assertThat(operations.get(1).end()).isEqualTo(ClusterHistory.NEVER);
    Path file = directory.resolve("history.jsonl");
    ClusterHistory.write(file, operations);
    assertThat(Files.readAllLines(file))
        .containsExactly(
            "{\"op\":\"y\",\"kind\":\"read\",\"client\":\"n1-c1\",\"node\":\"n1\",\"db\":\"app.db\","
                + "\"start\":10,\"end\":12,\"outcome\":\"ok\",\"text\":\"\",\"count\":3,"
                + "\"digest\":\"d\",\"last\":\"u\"}",
            "{\"op\":\"x\",\"kind\":\"write\",\"client\":\"n1-c1\",\"node\":\"n1\",\"db\":\"app.db\","
                + "\"start\":20,\"end\":null,\"outcome\":\"unknown\","
                + "\"text\":\"the client did not end it\",\"value\":\"v\"}");
  }

  // ------------------------------------------------------------------ counting disks

  private static Entry at(long txid, String value) {
    return new Entry("somewhere", 1, txid, 7, ONE, value);
  }

  @Test
  void whatWasAcknowledgedIsOnAsManyDisksAsPromised() {
    write("n1", "a", Outcome.OK);
    write("n1", "b", Outcome.UNKNOWN);
    write("n1", "c", Outcome.REFUSED);
    List<Entry> all = List.of(at(1, "a"), at(2, "b"));
    assertThat(
            ClusterChecker.onDisks(
                operations, Map.of("n1", all, "n2", all.subList(0, 1), "n3", List.of()), 2))
        .isEmpty();
    assertThat(
            ClusterChecker.onDisks(
                operations, Map.of("n1", all, "n2", List.of(), "n3", List.of()), 2))
        .singleElement()
        .asString()
        .contains("on too few disks [n1]: write w0");
  }

  @Test
  void aLogThatBeganWithACopyHasWhatWasBeforeIt() {
    write("n1", "a", Outcome.OK);
    Map<String, List<Entry>> copied =
        Map.of("n1", List.of(at(1, "a"), at(2, "b")), "n2", List.of(at(2, "b")));
    assertThat(ClusterChecker.onDisks(operations, copied, 2)).isEmpty();
  }
}
