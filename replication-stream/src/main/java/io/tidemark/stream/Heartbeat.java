package io.tidemark.stream;

/**
 * A sign of life, answered by {@link HeartbeatReply}.
 *
 * @param sequence counts the heartbeats of this side from 1
 * @param senderNanos monotonic time of the sender, any origin; means something to it alone
 */
public record Heartbeat(long sequence, long senderNanos) implements Frame {
  public Heartbeat {
    FrameType.HEARTBEAT.check(sequence > 0, "sequence", sequence, "1 to 2^63-1");
  }

  @Override
  public FrameType type() {
    return FrameType.HEARTBEAT;
  }

  void write(PayloadWriter out) {
    out.u64(sequence).u64(senderNanos);
  }

  static Heartbeat read(PayloadReader in) {
    return new Heartbeat(in.u64("sequence"), in.u64("time of the sender"));
  }
}
