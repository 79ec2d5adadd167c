package io.tidemark.stream;

import java.util.Objects;

/**
 * The primary gives a database a number for the rest of this connection and says what comes next
 * for it. Sent again for the same number when the plan changes.
 *
 * @param id 1 to 2^31-1; a new one for each name, never used for another name on this connection
 * @param name one that a mount could hold
 * @param next what follows
 * @param position for {@link Next#RECORDS} and {@link Next#NOTHING} the position that both have;
 *     otherwise where the primary stands
 * @param why a sentence for the log, one line
 */
public record DatabaseOpen(int id, String name, Next next, Position position, String why)
    implements Frame {

  /** What the primary will do for a database. */
  public enum Next {
    /** Nothing now: the replica has all. Later transactions come as records. */
    NOTHING,
    /** The records after the position. */
    RECORDS,
    /** A whole snapshot, once the replica has sent {@link SnapshotResume}. */
    SNAPSHOT,
    /** {@link PageSumsRequest}s, then a snapshot of the pages that differ. */
    PAGE_DIFFERENCES,
    /** A {@link Drop}. */
    DROP,
    /**
     * Nothing until the replica has gone back to a position that the primary has: it sets its later
     * records aside and connects again.
     */
    STEP_BACK;

    private static final Next[] ALL = values();

    static Next of(int code) {
      FrameType.DATABASE_OPEN.check(
          code < ALL.length, "what follows", code, "0 to " + (ALL.length - 1));
      return ALL[code];
    }
  }

  public DatabaseOpen {
    FrameType.DATABASE_OPEN.checkId(id);
    NamedPosition.checkName(FrameType.DATABASE_OPEN, name);
    Objects.requireNonNull(next, "next");
    Objects.requireNonNull(position, "position");
    why = Text.clean(why);
  }

  @Override
  public FrameType type() {
    return FrameType.DATABASE_OPEN;
  }

  void write(PayloadWriter out) {
    out.u32(id).u8(next.ordinal()).position(position).text(name).text(why);
  }

  static DatabaseOpen read(PayloadReader in) {
    int id = in.id();
    Next next = Next.of(in.u8("what follows"));
    Position position = in.position("position");
    String name = in.text("database name", Protocol.MAX_NAME);
    return new DatabaseOpen(id, name, next, position, in.text("why", Protocol.MAX_TEXT));
  }
}
