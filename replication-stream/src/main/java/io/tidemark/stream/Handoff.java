package io.tidemark.stream;

/**
 * The primary has handed over to the node that this is sent to: it has given up the lease for
 * certain, and the cluster record names that node. It should read the record now. Or it is about
 * to: then the node may prepare, and nothing rests on it.
 *
 * @param recordVersion of that record; 0 as long as the lease is not given up
 */
public record Handoff(long recordVersion) implements Frame {
  public Handoff {
    FrameType.HANDOFF.check(recordVersion >= 0, "record version", recordVersion, "0 to 2^63-1");
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
