package io.tidemark.stream;

import java.util.Objects;

/**
 * This side closes the connection in good order. The last frame: nothing may follow it.
 *
 * @param text a sentence for the log, one line
 */
public record End(Reason reason, String text) implements Frame {

  /**
   * Why a connection ends. The order gives the numbers, which are the same in all versions: new
   * ones come at the end.
   */
  public enum Reason {
    /** A reason of a later version; the text says it. */
    OTHER,
    /** The process stops. */
    SHUTDOWN,
    /** The lease is handed to another node. */
    HANDOFF,
    /** The sender is not the primary any more. */
    NOT_PRIMARY,
    /** The other side broke the protocol. */
    PROTOCOL_ERROR,
    /** The other side was silent for too long. */
    TIMEOUT,
    /** The same node has connected again. */
    REPLACED,
    /** Something failed on the side of the sender. */
    INTERNAL_ERROR,
    /** The sender is primary in a later epoch from now on; connect again at once. */
    NEW_EPOCH
  }

  public End {
    Objects.requireNonNull(reason, "reason");
    text = Text.clean(text);
  }

  @Override
  public FrameType type() {
    return FrameType.END;
  }

  /** As the log shows it. */
  @Override
  public String toString() {
    return "ended (" + reason + "): " + text;
  }

  void write(PayloadWriter out) {
    out.u16(reason.ordinal()).text(text);
  }

  static End read(PayloadReader in) {
    return new End(in.reason(Reason.values()), in.text("text", Protocol.MAX_TEXT));
  }
}
