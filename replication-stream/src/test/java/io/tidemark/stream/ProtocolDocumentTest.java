package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.tidemark.ltx.Txid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Keeps PROTOCOL.md and the code from drifting apart. */
class ProtocolDocumentTest {
  private static final Path DOCUMENT = Path.of("PROTOCOL.md");

  /** Number, frame, sender, flags, lengths. */
  private static final Pattern ROW =
      Pattern.compile(
          "^\\| (\\d+) \\| ([A-Z_]+) \\| (\\w+) \\|([^|]*)\\| (\\d+)(?:-(\\d+))? \\|$",
          Pattern.MULTILINE);

  @Test
  void theTableOfFramesIsTheOneInTheCode() throws IOException {
    Map<String, String> rows = new LinkedHashMap<>();
    Matcher row = ROW.matcher(Files.readString(DOCUMENT));
    while (row.find()) {
      int flags = 0;
      Matcher flag = Pattern.compile("(\\d+) \\w+").matcher(row.group(4));
      while (flag.find()) {
        flags |= Integer.parseInt(flag.group(1));
      }
      String most = row.group(6) == null ? row.group(5) : row.group(6);
      rows.put(
          row.group(2),
          row.group(1) + " " + row.group(3) + " " + flags + " " + row.group(5) + " " + most);
    }

    Map<String, String> types = new LinkedHashMap<>();
    for (FrameType type : FrameType.values()) {
      types.put(
          type.name(),
          type.code()
              + " "
              + type.sender().name().toLowerCase(Locale.ROOT)
              + " "
              + type.knownFlags()
              + " "
              + type.minPayload()
              + " "
              + type.maxPayload());
    }
    assertThat(rows).containsExactlyEntriesOf(types);
  }

  @Test
  void theExampleIsTheFrameByteForByte() throws IOException {
    String text = Files.readString(DOCUMENT);
    String from = text.substring(text.indexOf("Example: "));
    Matcher lines = Pattern.compile("^ {4}([0-9a-f ]+)$", Pattern.MULTILINE).matcher(from);
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < 4; i++) {
      assertThat(lines.find()).isTrue();
      hex.append(lines.group(1).replace(" ", ""));
    }
    byte[] example = HexFormat.of().parseHex(hex);
    Ack ack = new Ack(1, 3, new Txid(9), new Txid(8), new Txid(7), 4096);

    assertThat(SampleFrames.encode(ack)).isEqualTo(example);
    assertThat(FrameCodec.decode(Unpooled.wrappedBuffer(example), StreamPhase.REPLICA_STREAM))
        .isEqualTo(ack);
  }

  @Test
  void theShortestAndLongestFrameOfEachTypeIsWhatTheTableSays() {
    Position none = Position.NONE;
    Map<FrameType, Frame> shortest = new LinkedHashMap<>();
    shortest.put(FrameType.POSITIONS, new Positions(4, List.of(), false));
    shortest.put(
        FrameType.DATABASE_OPEN,
        new DatabaseOpen(1, "a", DatabaseOpen.Next.NOTHING, none, false, ""));
    shortest.put(
        FrameType.RECORD_CHUNK,
        new RecordChunk(1, 1, new Txid(1), 1, 0, Txid.ZERO, 0, SampleFrames.bytes(1)));
    shortest.put(FrameType.DROP, new Drop(1, "a", SampleFrames.POSITION));
    shortest.put(FrameType.END, new End(End.Reason.OTHER, ""));
    shortest.put(FrameType.REFUSAL, new Refusal(Refusal.Reason.OTHER, "", ""));
    shortest.forEach((type, frame) -> assertThat(payload(frame)).isEqualTo(type.minPayload()));

    String name = "n".repeat(Protocol.MAX_NAME);
    String text = "t".repeat(5000);
    Map<FrameType, Frame> longest = new LinkedHashMap<>();
    longest.put(
        FrameType.DATABASE_OPEN,
        new DatabaseOpen(1, name, DatabaseOpen.Next.NOTHING, none, false, text));
    longest.put(
        FrameType.RECORD_CHUNK,
        new RecordChunk(
            1, 1, new Txid(1), 1 << 20, 0, Txid.ZERO, 0, SampleFrames.bytes(Protocol.MAX_DATA)));
    longest.put(
        FrameType.SNAPSHOT_PAGES,
        new SnapshotPages(1, 1, 512, SampleFrames.bytes(Protocol.MAX_DATA)));
    longest.put(
        FrameType.PAGE_SUMS,
        new PageSums(1, 4096, 1, SampleFrames.sums(4096, 1, Protocol.MAX_SUMS), false));
    longest.put(FrameType.DROP, new Drop(1, name, SampleFrames.POSITION));
    longest.put(FrameType.END, new End(End.Reason.OTHER, text));
    longest.put(FrameType.REFUSAL, new Refusal(Refusal.Reason.OTHER, text, text));
    longest.forEach((type, frame) -> assertThat(payload(frame)).isEqualTo(type.maxPayload()));
  }

  private static int payload(Frame frame) {
    return SampleFrames.encode(frame).length - Protocol.HEADER - Protocol.TRAILER;
  }
}
