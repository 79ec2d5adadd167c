package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.tidemark.database.DatabasePosition;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.DatabaseOpen.Next;
import io.tidemark.stream.ProtocolException.Kind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FrameFieldsTest {
  private static final Id ID = new Id(1);
  private static final MemberStanding LEAVING = MemberStanding.LEAVING;
  private static final Position AT = SampleFrames.POSITION;
  private static final Txid ONE = new Txid(1);
  private static final Txid HUGE = new Txid(-1);
  private static final ByteBuffer PAGE = SampleFrames.bytes(512);

  /** Each row: what is impossible, a frame that has it, words of the message. */
  static Stream<Arguments> impossible() {
    return Stream.of(
        row("no node id", () -> new Hello(ID, Id.NONE, ID, ID, 0, ID, 0, ""), "node id", "0000"),
        row("no incarnation", () -> new Hello(ID, ID, Id.NONE, ID, 0, ID, 0, ""), "incarnation"),
        row("no nonce", () -> new Hello(ID, ID, ID, Id.NONE, 0, ID, 0, ""), "nonce"),
        row("epoch", () -> new Hello(ID, ID, ID, ID, -1, ID, 0, ""), "18446744073709551615"),
        row("record", () -> new Hello(ID, ID, ID, ID, 0, ID, -1, ""), "record version"),
        row("URL with a line", () -> new Hello(ID, ID, ID, ID, 0, ID, 0, "a\nb"), "\"a b\""),
        row(
            "long URL",
            () -> new Hello(ID, ID, ID, ID, 0, ID, 0, "u".repeat(1025)),
            "1025",
            "1024"),
        row("no cluster", () -> welcome(Id.NONE, 1, 10, 30), "cluster id"),
        row("epoch 0", () -> welcome(ID, 0, 10, 30), "epoch: found 0"),
        row("no heartbeat", () -> welcome(ID, 1, 0, 30), "heartbeat interval: found 0 ms"),
        row("rare heartbeat", () -> welcome(ID, 1, 3_600_001, 1L << 31), "1 hour"),
        row("short deadline", () -> welcome(ID, 1, 10, 29), "29 ms", "30 ms (three heartbeats)"),
        row("late deadline", () -> welcome(ID, 1, 10, 86_400_001), "24 hours"),
        row("name that leads out", () -> new NamedPosition("../x", AT), "\"../x\"", "'..'"),
        row("name of SQLite", () -> new NamedPosition("a-wal", AT), "-wal"),
        row("positions of no epoch", () -> new Positions(0, List.of(), false), "epoch: found 0"),
        row("too many positions", () -> positions(513), "513", "at most 512"),
        row("nothing, and more", () -> new Positions(4, List.of(), true), "before the last"),
        row("position without epoch", () -> Position.of(0, 1, -1), "position", "epoch 0"),
        row("position without mark", () -> Position.of(1, 1, 1), "bit 63"),
        row("position of half", () -> Position.of(1, 0, 0), "all zero"),
        row(
            "id 0",
            () -> new DatabaseOpen(0, "a", Next.DROP, AT, false, ""),
            "database id: found 0"),
        row("id -1", () -> new CommitPosition(-1, 1, ONE), "4294967295"),
        row("name", () -> new DatabaseOpen(1, "/a", Next.DROP, AT, false, ""), "database name"),
        row("TXID 0", () -> chunk(1, Txid.ZERO, 9, 0, 0, 9), "TXID"),
        row("TXID 2^64-1", () -> chunk(1, HUGE, 9, 0, 0, 9), "ffffffffffffffff"),
        row("epoch 0", () -> chunk(0, ONE, 9, 0, 0, 9), "epoch"),
        row("no LTX file", () -> chunk(1, ONE, 0, 9, 0, 9), "length of the LTX file"),
        row("endless LTX file", () -> chunk(1, ONE, 1L << 46, 0, 0, 9), "2^46-1"),
        row("much extra", () -> chunk(1, ONE, 9, (1 << 20) + 1, 0, 9), "1048577"),
        row("negative extra", () -> chunk(1, ONE, 9, -1, 0, 9), "4294967295"),
        row("no bytes", () -> chunk(1, ONE, 9, 0, 0, 0), "number of bytes"),
        row("many bytes", () -> chunk(1, ONE, 1 << 30, 0, 0, 262145), "262145", "262144"),
        row(
            "over the end",
            () -> chunk(1, ONE, 9, 0, 1, 9),
            "offset: found 1",
            "0 to 0",
            "9 of 9 bytes"),
        row("before the start", () -> chunk(1, ONE, 9, 0, -1, 1), "18446744073709551615"),
        row(
            "commit position 2^63",
            () -> new CommitPosition(1, 1, new Txid(Long.MIN_VALUE)),
            "commit position",
            "2^64-1 for none"),
        row("TXID, apart", () -> new Ack(1, 1, ONE, ONE, ONE, 0, true), "0 with flag 'apart'"),
        row("no token", () -> new Admission(Id.NONE), "token"),
        row("no record", () -> new Standing(0, LEAVING, 1, 1), "record version: found 0"),
        row("nobody", () -> new Standing(1, LEAVING, 0, 1), "number of members"),
        row("a crowd", () -> new Standing(1, LEAVING, 65_536, 1), "65536", "65535"),
        row("min-in-sync 0", () -> new Standing(1, LEAVING, 1, 0), "min-in-sync"),
        row("min-in-sync", () -> new Standing(1, LEAVING, 1, 65_536), "65536"),
        row("no record", () -> new Handoff(-1), "record version"),
        row("durable first", () -> new Ack(1, 1, ONE, new Txid(2), ONE, 0), "durable", "received"),
        row("applied first", () -> new Ack(1, 1, ONE, Txid.ZERO, ONE, 0), "applied", "durable"),
        row("consumed", () -> new Ack(1, 1, ONE, ONE, ONE, -1), "consumed"),
        row("pages of none", () -> new SnapshotResume(1, 0, 5), "without a snapshot"),
        row("page", () -> new SnapshotResume(1, 1, 1L << 32), "4294967296"),
        row("snapshot 0", () -> begin(0, AT, 512, 1, ONE), "snapshot"),
        row("snapshot of nothing", () -> begin(1, Position.NONE, 512, 1, ONE), "position"),
        row("page size", () -> begin(1, AT, 513, 1, ONE), "513", "power of two"),
        row("no pages", () -> begin(1, AT, 512, 0, ONE), "number of pages"),
        row("redo beyond", () -> begin(1, AT, 512, 1, new Txid(8)), "redo", "8", "7"),
        row("page 0", () -> new SnapshotPages(1, 0, 1, PAGE), "first page"),
        row("last page", () -> new SnapshotPages(1, 0xffffffffL, 2, twoPages()), "2^32-1"),
        row("no page", () -> new SnapshotPages(1, 1, 0, PAGE), "number of pages"),
        row(
            "half pages",
            () -> new SnapshotPages(1, 1, 2, PAGE),
            "number of pages: found 2",
            "512 bytes"),
        row("lock page", () -> new SnapshotPages(1, 2097152, 2, twoPages()), "lock page 2097153"),
        row("end of nothing", () -> new SnapshotEnd(1, 1, Position.NONE), "position"),
        row("no sums wanted", () -> new PageSumsRequest(1, 1, 0), "number of pages"),
        row("many sums wanted", () -> new PageSumsRequest(1, 1, 32769), "32769"),
        row("odd sums", () -> sums(1, new byte[9]), "bytes of checksums: found 9"),
        row("no sums", () -> sums(1, new byte[0]), "none only at the end"),
        row("unmarked sum", () -> sums(5, new byte[8]), "page 5", "bit 63"),
        row("sum of the lock page", () -> marked(262145), "lock page"),
        row("drop to nothing", () -> new Drop(1, "a", Position.NONE), "position"),
        row("sequence 0", () -> new Heartbeat(0, 0), "sequence"),
        row("sequence -1", () -> new HeartbeatReply(-1, 0), "sequence"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("impossible")
  void impossibleFieldsAreNamedWithWhatWasExpected(
      String what, Supplier<?> frame, List<String> words) {
    assertThatThrownBy(frame::get)
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FIELD))
        .hasMessageContaining("found")
        .hasMessageContaining("expected")
        .hasMessageContainingAll(words.toArray(new String[0]));
  }

  @Test
  void listsOfAnyLengthAreSplitIntoFramesThatFit() {
    for (int count : new int[] {0, 1, 512, 513, 1024, 5000}) {
      List<NamedPosition> all =
          IntStream.range(0, count).mapToObj(i -> new NamedPosition("db" + i, AT)).toList();
      List<Positions> frames = Positions.split(4, all);
      PositionMap map = new PositionMap(count);
      for (int i = 0; i < frames.size(); i++) {
        assertThat(map.add(frames.get(i))).isEqualTo(i == frames.size() - 1);
      }

      assertThat(frames).hasSize(Math.max(1, (count + 511) / 512));
      assertThat(map.positions()).hasSize(count);
    }
  }

  @Test
  void theLongestNamesFitIntoAFullFrame() {
    List<NamedPosition> all = new ArrayList<>();
    for (int i = 0; i < Positions.MAX_ENTRIES; i++) {
      all.add(new NamedPosition("n".repeat(250) + (10_000 + i), AT));
    }
    byte[] wire = SampleFrames.encode(new Positions(4, all, false));

    assertThat(wire).hasSize(Protocol.HEADER + FrameType.POSITIONS.maxPayload() + Protocol.TRAILER);
  }

  @Test
  void aReplicaCannotNameADatabaseTwiceOrTooMany() {
    PositionMap map = new PositionMap(2);
    map.add(new Positions(4, List.of(new NamedPosition("a", AT)), true));

    assertThatThrownBy(() -> map.add(new Positions(4, List.of(new NamedPosition("a", AT)), true)))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("found a, expected every name once");
    assertThatThrownBy(map::positions).isInstanceOf(IllegalStateException.class);

    PositionMap small = new PositionMap(2);
    assertThatThrownBy(() -> small.add(positions(3))).hasMessageContaining("at most 2");

    PositionMap done = new PositionMap(2);
    done.add(new Positions(4, List.of(), false));
    assertThatThrownBy(() -> done.add(new Positions(4, List.of(), false)))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.ORDER));
  }

  @Test
  void textsAreMadeFitForALogInsteadOfRefused() {
    End end = new End(End.Reason.OTHER, "one\ntwo\u2028three\u0000\u001b[31m\ud800");
    assertThat(end.text()).isEqualTo("one two three  [31m ");

    String cut = new End(End.Reason.OTHER, "😀".repeat(1000)).text();
    assertThat(cut).isEqualTo("😀".repeat(256));
  }

  @Test
  void reasonsOfLaterVersionsAreReadAsOther() {
    assertThat(reason(999, End.Reason.values())).isEqualTo(End.Reason.OTHER);
    assertThat(reason(999, Refusal.Reason.values())).isEqualTo(Refusal.Reason.OTHER);
    assertThat(reason(2, Refusal.Reason.values())).isEqualTo(Refusal.Reason.CLUSTER);
    assertThat(reason(8, End.Reason.values())).isEqualTo(End.Reason.NEW_EPOCH);
  }

  private static <T> T reason(int code, T[] known) {
    ByteBuf bytes = Unpooled.buffer().writeShort(code);
    return new PayloadReader(FrameType.END, 0, bytes).reason(known);
  }

  @Test
  void thePositionOfADatabaseIsTakenOverUnlessItHasNoTransaction() {
    assertThat(Position.of(new DatabasePosition(3, 7, AT.checksum().value(), 4096, 5)))
        .isEqualTo(AT);
    assertThat(Position.of(new DatabasePosition(3, 0, 0, 0, 0))).isEqualTo(Position.NONE);
  }

  @Test
  void identifiersHaveOneText() {
    assertThat(new Id(0xabcL)).hasToString("0000000000000abc");
    assertThat(Id.parse("ffffffffffffffff")).isEqualTo(new Id(-1));
    for (String bad : new String[] {"", "abc", "00000000000000AB", "00000000000000000"}) {
      assertThatThrownBy(() -> Id.parse(bad)).isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(AT).hasToString("3:0000000000000007/8000000000abcdef");
  }

  private static Arguments row(String what, Supplier<?> frame, String... words) {
    return Arguments.of(what, frame, Arrays.asList(words));
  }

  private static Welcome welcome(Id cluster, long epoch, long beat, long deadline) {
    return new Welcome(
        cluster, ID, ID, epoch, 0, CommitMode.ASYNC, MemberStanding.NOT_A_MEMBER, beat, deadline);
  }

  private static Positions positions(int count) {
    return new Positions(
        4,
        IntStream.range(0, count).mapToObj(i -> new NamedPosition("db" + i, AT)).toList(),
        false);
  }

  private static RecordChunk chunk(
      long epoch, Txid txid, long ltx, int extra, long offset, int count) {
    return new RecordChunk(1, epoch, txid, ltx, extra, ONE, offset, ByteBuffer.allocate(count));
  }

  private static SnapshotBegin begin(
      long snapshot, Position position, int pageSize, long pages, Txid redo) {
    return new SnapshotBegin(1, snapshot, position, pageSize, pages, redo, false);
  }

  private static ByteBuffer twoPages() {
    return SampleFrames.bytes(1024);
  }

  private static PageSums sums(long first, byte[] bytes) {
    return new PageSums(1, 4096, first, ByteBuffer.wrap(bytes), false);
  }

  private static PageSums marked(long page) {
    return sums(page, ByteBuffer.allocate(8).putLong(0, -1).array());
  }
}
