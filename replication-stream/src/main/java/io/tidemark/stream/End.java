package io.tidemark.stream;

import java.util.Objects;

/**
 * This side closes the connection in good order. The last frame: nothing may follow it.
 *
 * @param text a sentence for the log, one line
 */
public record End(Reason reason, String text) implements Frame {

  /** Why a connection ends. The numbers are the same in all versions. */
  public enum Reason implements Coded {
    /** A reason of a later version; the text says it. */
    OTHER(0),
    /** The process stops. */
    SHUTDOWN(1),
    /** The lease is handed to another node. */
    HANDOFF(2),
    /** The sender is not the primary any more. */
    NOT_PRIMARY(3),
    /** The other side broke the protocol. */
    PROTOCOL_ERROR(4),
    /** The other side was silent for too long. */
    TIMEOUT(5),
    /** The same node has connected again. */
    REPLACED(6),
    /** Something failed on the side of the sender. */
    INTERNAL_ERROR(7);

    private final int code;

    Reason(int code) {
      this.code = code;
    }

    @Override
    public int code() {
      return code;
    }
  }

  public End {
    Objects.requireNonNull(reason, "reason");
    text = Text.clean(text);
  }

  @Override
  public FrameType type() {
    return FrameType.END;
  }

  void write(PayloadWriter out) {
    out.u16(reason.code).text(text);
  }

  static End read(PayloadReader in) {
    return new End(
        Coded.of(Reason.values(), in.u16("reason"), Reason.OTHER),
        in.text("text", Protocol.MAX_TEXT));
  }
}
