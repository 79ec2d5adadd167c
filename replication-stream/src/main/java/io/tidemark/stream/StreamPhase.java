package io.tidemark.stream;

import io.tidemark.stream.ProtocolException.Kind;
import java.util.EnumSet;
import java.util.Set;

/**
 * What one side of a connection may send now. Until a replica has introduced itself, its greeting
 * is the only thing that is read of it; frames that the other side sends never come from it.
 */
public enum StreamPhase {
  /** The replica has to introduce itself. */
  REPLICA_HELLO(EnumSet.of(FrameType.HELLO)),
  /** The replica tells what it has. */
  REPLICA_POSITIONS(
      EnumSet.of(FrameType.POSITIONS, FrameType.HEARTBEAT, FrameType.HEARTBEAT_REPLY)),
  /** The replica receives and acknowledges. */
  REPLICA_STREAM(
      EnumSet.of(
          FrameType.ACK,
          FrameType.SNAPSHOT_RESUME,
          FrameType.PAGE_SUMS,
          FrameType.ADMISSION,
          FrameType.HEARTBEAT,
          FrameType.HEARTBEAT_REPLY)),
  /** The primary has to accept or refuse. */
  PRIMARY_WELCOME(EnumSet.of(FrameType.WELCOME)),
  /** The primary sends transactions. */
  PRIMARY_STREAM(
      EnumSet.of(
          FrameType.DATABASE_OPEN,
          FrameType.RECORD_CHUNK,
          FrameType.COMMIT_POSITION,
          FrameType.SNAPSHOT_BEGIN,
          FrameType.SNAPSHOT_PAGES,
          FrameType.SNAPSHOT_END,
          FrameType.PAGE_SUMS_REQUEST,
          FrameType.DROP,
          FrameType.STANDING,
          FrameType.HANDOFF,
          FrameType.HEARTBEAT,
          FrameType.HEARTBEAT_REPLY)),
  /** The side has said its last word. */
  ENDED(EnumSet.noneOf(FrameType.class));

  private final Set<FrameType> allowed;

  StreamPhase(Set<FrameType> allowed) {
    this.allowed = allowed;
  }

  /** Whether a frame of this type may come now. */
  public boolean allows(FrameType type) {
    boolean lastWord = type == FrameType.END || type == FrameType.REFUSAL;
    return allowed.contains(type) || (lastWord && this != ENDED);
  }

  /**
   * @throws ProtocolException naming what was expected
   */
  void check(FrameType type) {
    if (!allows(type)) {
      throw new ProtocolException(
          Kind.ORDER,
          "found "
              + type
              + " in phase "
              + this
              + ", expected "
              + (this == ENDED ? "nothing" : allowed + ", END or REFUSAL"));
    }
  }

  /**
   * The phase after a frame that this one allows.
   *
   * @throws ProtocolException when it does not
   */
  public StreamPhase after(Frame frame) {
    check(frame.type());
    if (frame instanceof End || frame instanceof Refusal) {
      return ENDED;
    }
    if (frame instanceof Positions positions) {
      return positions.more() ? REPLICA_POSITIONS : REPLICA_STREAM;
    }
    return switch (this) {
      case REPLICA_HELLO -> REPLICA_POSITIONS;
      case PRIMARY_WELCOME -> PRIMARY_STREAM;
      default -> this;
    };
  }
}
