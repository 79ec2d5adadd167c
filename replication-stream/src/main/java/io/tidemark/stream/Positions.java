package io.tidemark.stream;

import java.util.ArrayList;
import java.util.List;

/**
 * What a replica has, in as many frames as that takes; every database once. A replica without
 * databases sends one frame with an empty list.
 *
 * @param epoch of the primary, as in its {@link Welcome}; durable on the replica before it looked
 *     where its logs end
 * @param positions durable ends of logs, at most {@value #MAX_ENTRIES}, so that every list fits,
 *     whatever its names
 * @param more whether another frame of this kind follows
 */
public record Positions(long epoch, List<NamedPosition> positions, boolean more) implements Frame {
  static final int MORE = 1;
  static final int MAX_ENTRIES = 512;
  private static final int ENTRY_BYTES = 2 + 24;
  static final int MAX_PAYLOAD = 8 + 2 + MAX_ENTRIES * (ENTRY_BYTES + Protocol.MAX_NAME);

  public Positions {
    positions = List.copyOf(positions);
    FrameType.POSITIONS.checkEpoch(epoch);
    int count = positions.size();
    FrameType.POSITIONS.check(
        count <= MAX_ENTRIES, "number of positions", count, "at most " + MAX_ENTRIES);
    FrameType.POSITIONS.check(
        count > 0 || !more, "number of positions", count, "at least 1 in a frame before the last");
  }

  /** Frames that together hold the whole list, however long it is. */
  public static List<Positions> split(long epoch, List<NamedPosition> all) {
    List<Positions> frames = new ArrayList<>();
    int from = 0;
    do {
      int to = Math.min(from + MAX_ENTRIES, all.size());
      frames.add(new Positions(epoch, all.subList(from, to), to < all.size()));
      from = to;
    } while (from < all.size());
    return frames;
  }

  @Override
  public FrameType type() {
    return FrameType.POSITIONS;
  }

  void write(PayloadWriter out) {
    out.flag(MORE, more).u64(epoch).u16(positions.size());
    for (NamedPosition entry : positions) {
      out.position(entry.position()).text(entry.name());
    }
  }

  static Positions read(PayloadReader in) {
    long epoch = in.u64("epoch");
    int count = in.u16("number of positions");
    // One byte is the shortest name: a count that the payload cannot hold reserves nothing.
    FrameType.POSITIONS.check(
        count <= in.remaining() / (ENTRY_BYTES + 1),
        "number of positions",
        count,
        "no more than the payload can hold");
    List<NamedPosition> positions = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      Position position = in.position("position");
      positions.add(new NamedPosition(in.text("database name", Protocol.MAX_NAME), position));
    }
    return new Positions(epoch, positions, in.flag(MORE));
  }
}
