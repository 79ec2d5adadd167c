package io.tidemark.stream;

import java.util.Objects;

/**
 * This side will not work with the other as things are; trying again changes nothing until somebody
 * does what the hint says or another node becomes primary. The last frame: nothing may follow it.
 *
 * @param text what is wrong, a sentence, one line
 * @param hint what to do about it, one line; may be empty
 */
public record Refusal(Reason reason, String text, String hint) implements Frame {

  /**
   * What is wrong. The order gives the numbers, which are the same in all versions: new ones come
   * at the end.
   */
  public enum Reason {
    /** A reason of a later version; the text says it. */
    OTHER,
    /** The versions of the protocol differ. */
    VERSION,
    /** The nodes belong to different clusters. */
    CLUSTER,
    /** The node that was asked is not the primary. */
    NOT_PRIMARY,
    /** One side has seen a later epoch than that of the primary. */
    EPOCH,
    /** The node may not join. */
    NOT_ADMITTED,
    /** Both sides have the same node id: one is a copy of the other's data directory. */
    SAME_NODE,
    /** Too many replicas or databases. */
    CAPACITY
  }

  public Refusal {
    Objects.requireNonNull(reason, "reason");
    text = Text.clean(text);
    hint = Text.clean(hint);
  }

  @Override
  public FrameType type() {
    return FrameType.REFUSAL;
  }

  /** As the log shows it. */
  @Override
  public String toString() {
    return "refused (" + reason + "): " + text + (hint.isEmpty() ? "" : ". " + hint);
  }

  void write(PayloadWriter out) {
    out.u16(reason.ordinal()).text(text).text(hint);
  }

  static Refusal read(PayloadReader in) {
    return new Refusal(
        in.reason(Reason.values()),
        in.text("text", Protocol.MAX_TEXT),
        in.text("hint", Protocol.MAX_TEXT));
  }
}
