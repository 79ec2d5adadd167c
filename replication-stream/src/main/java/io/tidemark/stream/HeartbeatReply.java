package io.tidemark.stream;

/**
 * Both numbers of a {@link Heartbeat}, sent back at once: its sender reads the round trip off its
 * own clock.
 *
 * @param sequence as in the heartbeat
 * @param senderNanos as in the heartbeat
 */
public record HeartbeatReply(long sequence, long senderNanos) implements Frame {
  public HeartbeatReply {
    FrameType.HEARTBEAT_REPLY.check(sequence > 0, "sequence", sequence, "1 to 2^63-1");
  }

  /** The answer to {@code heartbeat}. */
  public static HeartbeatReply to(Heartbeat heartbeat) {
    return new HeartbeatReply(heartbeat.sequence(), heartbeat.senderNanos());
  }

  @Override
  public FrameType type() {
    return FrameType.HEARTBEAT_REPLY;
  }

  void write(PayloadWriter out) {
    out.u64(sequence).u64(senderNanos);
  }

  static HeartbeatReply read(PayloadReader in) {
    return new HeartbeatReply(in.u64("sequence"), in.u64("time of the sender"));
  }
}
