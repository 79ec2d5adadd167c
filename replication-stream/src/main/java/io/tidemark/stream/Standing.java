package io.tidemark.stream;

import java.util.Objects;

/**
 * The primary has changed the cluster record, or what a node is in it. Nodes keep the newest
 * version that they have seen.
 *
 * @param recordVersion of the cluster record on which the primary acts, at least 1
 * @param standing of the node that this is sent to
 * @param members of the in-sync set, 1 to 65535
 * @param minInSync fewest with which transactions are committed, 1 to 65535
 */
public record Standing(long recordVersion, MemberStanding standing, int members, int minInSync)
    implements Frame {
  private static final int MOST = 65_535;

  public Standing {
    Objects.requireNonNull(standing, "standing");
    FrameType type = FrameType.STANDING;
    type.check(recordVersion > 0, "record version", recordVersion, "1 to 2^63-1");
    type.check(members >= 1 && members <= MOST, "number of members", members, "1 to ", MOST);
    type.check(minInSync >= 1 && minInSync <= MOST, "min-in-sync", minInSync, "1 to ", MOST);
  }

  @Override
  public FrameType type() {
    return FrameType.STANDING;
  }

  void write(PayloadWriter out) {
    out.u64(recordVersion).u8(standing.code()).u16(members).u16(minInSync);
  }

  static Standing read(PayloadReader in) {
    return new Standing(
        in.u64("record version"),
        MemberStanding.of(FrameType.STANDING, in.u8("standing")),
        in.u16("number of members"),
        in.u16("min-in-sync"));
  }
}
