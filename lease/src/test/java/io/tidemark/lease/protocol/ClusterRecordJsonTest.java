package io.tidemark.lease.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.ClusterRecord.Successor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClusterRecordJsonTest {
  private static final String TEXT =
      "{\"format\":1,\"version\":7,\"cluster\":\"0000000000c0ffee\",\"epoch\":5,\"primary\":{\"node\":"
          + "\"0000000000000001\",\"nonce\":\"000000000000abcd\",\"url\":\"http://one:20202\"},"
          + "\"members\":[{\"node\":\"0000000000000001\",\"incarnation\":\"000000000000000b\","
          + "\"token\":\"0000000000000015\"},{\"node\":\"0000000000000002\",\"incarnation\":"
          + "\"000000000000000c\",\"token\":\"0000000000000016\"}],\"commit\":\"sync\","
          + "\"min-in-sync\":2,\"least\":{\"app.db\":\"4/000000000000000a/800000000000040a\"},"
          + "\"successor\":{\"node\":\"0000000000000002\",\"incarnation\":\"000000000000000c\","
          + "\"expires-ms\":10000}}";

  private static ClusterRecord sample() {
    ClusterRecord record = Samples.record(CommitMode.SYNC, 2, Samples.TWO, Samples.ONE);
    return new ClusterRecord(
        record.version(),
        record.clusterId(),
        record.epoch(),
        record.primary(),
        record.members(),
        record.mode(),
        record.minInSync(),
        record.least(),
        Optional.of(new Successor(2, 12, 10_000)));
  }

  @Test
  void theTextIsTheOneOfTheDocumentation() throws Exception {
    assertThat(ClusterRecordJson.write(sample())).isEqualTo(TEXT);
    assertThat(ClusterRecordJson.read(TEXT)).isEqualTo(sample());
    String page = Files.readString(Path.of("../docs/PROTOCOL.md"));
    String shown =
        page.substring(page.indexOf("    {\"format\""), page.indexOf("\"expires-ms\":10000}}"));
    assertThat(ClusterRecordJson.read(shown + "\"expires-ms\":10000}}")).isEqualTo(sample());
  }

  @Test
  void whatIsWrittenIsReadBack() throws Exception {
    ClusterRecord odd =
        new ClusterRecord(
            Long.MAX_VALUE,
            -1,
            Long.MAX_VALUE,
            new Primary(Long.MIN_VALUE, -2, "http://\u00fc\"\\\t\u0001\ud83d\ude00"),
            List.of(new Member(Long.MIN_VALUE, -1, -1)),
            CommitMode.ASYNC,
            1,
            new TreeMap<>(
                Map.of("a\"b\\c\n\ud83d\ude00", new LogPoint(Long.MAX_VALUE, Long.MAX_VALUE, -1))),
            Optional.empty());
    assertThat(ClusterRecordJson.read(ClusterRecordJson.write(odd))).isEqualTo(odd);
  }

  @Test
  void aLaterFormatIsRefusedWithBothVersions() {
    assertThatThrownBy(() -> ClusterRecordJson.read("{\"format\":2,\"anything\":[]}"))
        .isInstanceOf(RecordFormatException.class)
        .hasMessageContainingAll("format 2", "format 1", "upgrade this node");
  }

  @Test
  void anUnknownFieldIsRefusedByNameAndFormat() {
    assertThatThrownBy(
            () -> ClusterRecordJson.read(TEXT.replace("\"version\"", "\"x\":1,\"version\"")))
        .isInstanceOf(RecordFormatException.class)
        .hasMessageContainingAll("'x'", "format 1");
    assertThatThrownBy(() -> ClusterRecordJson.read(TEXT.replace("\"token\"", "\"y\":1,\"token\"")))
        .hasMessageContaining("'y'");
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\0',
      delimiter = '|',
      value = {
        "\"version\":7,|",
        "\"version\":7|\"version\":0",
        "\"version\":7|\"version\":-7",
        "\"version\":7|\"version\":7.0",
        "\"version\":7|\"version\":7e0",
        "\"version\":7|\"version\":07",
        "\"version\":7|\"version\":\"7\"",
        "\"version\":7|\"version\":9223372036854775808",
        "\"version\":7|\"version\":7,\"version\":8",
        "0000000000c0ffee|0000000000C0FFEE",
        "0000000000c0ffee|0000000000000000",
        "\"epoch\":5|\"epoch\":3",
        "\"commit\":\"sync\"|\"commit\":\"Sync\"",
        "\"min-in-sync\":2|\"min-in-sync\":0",
        "\"min-in-sync\":2|\"min-in-sync\":4294967298",
        "4/000000000000000a|4/0000000000000000",
        "/800000000000040a|/000000000000040a",
        "\"app.db\"|\"\"",
        "\"app.db\"|\"\\ud800\"",
        "\"node\":\"0000000000000002\",\"incarnation\":\"000000000000000c\",\"token\"|\"node\":\"0000000000000001\",\"incarnation\":\"000000000000000c\",\"token\"",
        "\"expires-ms\":10000|\"expires-ms\":0",
        "\"expires-ms\":10000}}|\"expires-ms\":10000}} x",
      })
  void whatMakesNoSenseIsRefused(String part, String instead) {
    String text = TEXT.replace(part, instead == null ? "" : instead);
    assertThat(text).isNotEqualTo(TEXT);
    assertThatThrownBy(() -> ClusterRecordJson.read(text))
        .isInstanceOf(RecordFormatException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "null", "true", "{}", "\"", "{\"format\":1}", "[[[[[[[[["})
  void whatIsNoRecordIsRefused(String text) {
    assertThatThrownBy(() -> ClusterRecordJson.read(text))
        .isInstanceOf(RecordFormatException.class);
  }

  @Test
  void aRecordThatIsTooLongIsRefusedUnread() {
    assertThatThrownBy(() -> ClusterRecordJson.read(" ".repeat(ClusterRecordJson.MAX_BYTES) + TEXT))
        .isInstanceOf(RecordFormatException.class)
        .hasMessageContaining("at most 196608");
    assertThatThrownBy(() -> ClusterRecordJson.read("[".repeat(100_000)))
        .isInstanceOf(RecordFormatException.class);
  }

  @Test
  void noDamageIsTakenForARecordOrBreaksTheReader() {
    Random random = new Random(4);
    int refused = 0;
    for (int i = 0; i < 6_000; i++) {
      StringBuilder text = new StringBuilder(TEXT);
      int at = random.nextInt(text.length());
      switch (random.nextInt(4)) {
        case 0 -> text.setLength(at);
        case 1 -> text.deleteCharAt(at);
        case 2 -> text.setCharAt(at, (char) random.nextInt(random.nextBoolean() ? 128 : 65536));
        default -> text.insert(at, "{}[]\",:\\u0\ud800".charAt(random.nextInt(11)));
      }
      try {
        ClusterRecord read = ClusterRecordJson.read(text.toString());
        assertThat(ClusterRecordJson.read(ClusterRecordJson.write(read))).isEqualTo(read);
      } catch (RecordFormatException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(3_000);
  }

  @Test
  void theLargestRecordFits() throws Exception {
    Map<String, LogPoint> positions = new TreeMap<>();
    for (int i = 0; i < 5_000; i++) {
      positions.put("\u0001".repeat(i % 250) + i, new LogPoint(9, i + 1, Long.MIN_VALUE));
    }
    List<Member> members = new ArrayList<>();
    for (int i = 1; i <= ClusterRecord.MAX_MEMBERS; i++) {
      members.add(new Member(i, -i, -i));
    }
    ClusterRecord record =
        new ClusterRecord(
            1,
            1,
            9,
            new Primary(1, 1, "\u20ac".repeat(ClusterRecord.MAX_URL)),
            members,
            CommitMode.SYNC,
            1,
            ClusterRecordJson.fitting(positions),
            Optional.empty());
    String text = ClusterRecordJson.write(record);
    assertThat(text.getBytes(StandardCharsets.UTF_8).length)
        .isBetween(100_000, ClusterRecordJson.MAX_BYTES);
    assertThat(ClusterRecordJson.read(text)).isEqualTo(record);
    assertThat(record.least().values()).anyMatch(point -> point.txid() == 5_000);
  }

  @Test
  void aLogPointIsReadBackAndNothingElseIs() {
    LogPoint point = new LogPoint(12, 0x1f, Long.MIN_VALUE | 0xab);
    assertThat(point).hasToString("12/000000000000001f/80000000000000ab");
    assertThat(LogPoint.parse(point.toString())).isEqualTo(point);
    assertThatThrownBy(() -> LogPoint.parse("12/1f/80000000000000ab"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new LogPoint(0, 1, -1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void oneLogMayContainWhatIsNotLaterInEpochAndTxid() {
    LogPoint end = Samples.point(5, 10);
    assertThat(end.mayContain(LogPoint.NONE)).isTrue();
    assertThat(end.mayContain(end)).isTrue();
    assertThat(end.mayContain(Samples.point(4, 9))).isTrue();
    assertThat(end.mayContain(Samples.point(4, 10))).isFalse();
    assertThat(end.mayContain(Samples.point(6, 9))).isFalse();
    assertThat(end.mayContain(Samples.point(5, 11))).isFalse();
    assertThat(Samples.point(6, 1).isLaterThan(end)).isTrue();
    assertThat(end.isLaterThan(Samples.point(5, 9))).isTrue();
    assertThat(end.isLaterThan(end)).isFalse();
  }
}
