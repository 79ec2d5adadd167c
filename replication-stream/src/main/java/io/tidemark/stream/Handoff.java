package io.tidemark.stream;

/**
 * The primary has handed over to the node that this is sent to: it has given up the lease for
 * certain, and the cluster record names that node. It should read the record now.
 *
 * @param recordVersion of that record, at least 1
 */
public record Handoff(long recordVersion) implements Frame {
  public Handoff {
    FrameType.HANDOFF.check(recordVersion > 0, "record version", recordVersion, "1 to 2^63-1");
  }

  @Override
  public FrameType type() {
    return FrameType.HANDOFF;
  }

  void write(PayloadWriter out) {
    out.u64(recordVersion);
  }

  static Handoff read(PayloadReader in) {
    return new Handoff(in.u64("record version"));
  }
}
