package io.tidemark.stream;

/**
 * A node that was told that it is no member asks to become one. What it acknowledges from here on
 * is acknowledged by the member with this token; what it acknowledged on this connection before
 * counts no more.
 *
 * @param token random, drawn after the node was told, and durable on its disk; never {@link
 *     Id#NONE}
 */
public record Admission(Id token) implements Frame {
  public Admission {
    FrameType.ADMISSION.check(!token.isNone(), "token", token, "one that is not 0");
  }

  @Override
  public FrameType type() {
    return FrameType.ADMISSION;
  }

  void write(PayloadWriter out) {
    out.id(token);
  }

  static Admission read(PayloadReader in) {
    return new Admission(in.randomId("token"));
  }
}
