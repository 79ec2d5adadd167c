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

  /** What is wrong. The numbers are the same in all versions. */
  public enum Reason implements Coded {
    /** A reason of a later version; the text says it. */
    OTHER(0),
    /** The versions of the protocol differ. */
    VERSION(1),
    /** The nodes belong to different clusters. */
    CLUSTER(2),
    /** The node that was asked is not the primary. */
    NOT_PRIMARY(3),
    /** One side has seen a later epoch than that of the primary. */
    EPOCH(4),
    /** The node may not join. */
    NOT_ADMITTED(5),
    /** Both sides have the same node id: one is a copy of the other's data directory. */
    SAME_NODE(6),
    /** Too many replicas or databases. */
    CAPACITY(7);

    private final int code;

    Reason(int code) {
      this.code = code;
    }

    @Override
    public int code() {
      return code;
    }
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

  void write(PayloadWriter out) {
    out.u16(reason.code).text(text).text(hint);
  }

  static Refusal read(PayloadReader in) {
    return new Refusal(
        Coded.of(Reason.values(), in.u16("reason"), Reason.OTHER),
        in.text("text", Protocol.MAX_TEXT),
        in.text("hint", Protocol.MAX_TEXT));
  }
}
