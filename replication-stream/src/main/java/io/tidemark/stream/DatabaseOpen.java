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
 *     for {@link Next#STEP_BACK} one that both may have; otherwise where the primary stands
 * @param apart whether what the replica has may be no part of the primary's history; then it sets
 *     its records aside before it gives them up
 * @param why a sentence for the log, one line
 */
public record DatabaseOpen(
    int id, String name, Next next, Position position, boolean apart, String why) implements Frame {
  static final int APART = 1;

  /** What the primary will do for a database. */
  public enum Next {
    /** Nothing now: the replica has all. Later transactions come as records. */
    NOTHING,
    /** The records after the position. */
    RECORDS,
    /** A snapshot, once the replica has sent {@link SnapshotResume}. */
    SNAPSHOT,
    /** A {@link Drop}. */
    DROP,
    /**
     * Nothing: the replica has records that the primary does not have. It looks for the last
     * position that both may have and offers that in its next connection.
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
    out.flag(APART, apart).u32(id).u8(next.ordinal()).position(position).text(name).text(why);
  }

  static DatabaseOpen read(PayloadReader in) {
    int id = in.id();
    Next next = Next.of(in.u8("what follows"));
    Position position = in.position("position");
    String name = in.text("database name", Protocol.MAX_NAME);
    boolean apart = in.flag(APART);
    return new DatabaseOpen(id, name, next, position, apart, in.text("why", Protocol.MAX_TEXT));
  }
}
