package io.tidemark.lease.protocol;

import io.tidemark.lease.protocol.ClusterRecord.Primary;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A cluster of three: nodes 1, 2 and 3; node 1 is primary in epoch 5, record version 7. */
final class Samples {
  static final long CLUSTER = 0xC0FFEE;
  static final Member ONE = new Member(1, 11, 21);
  static final Member TWO = new Member(2, 12, 22);
  static final Member THREE = new Member(3, 13, 23);
  static final Primary PRIMARY = new Primary(1, 0xABCD, "http://one:20202");

  private Samples() {}

  static LogPoint point(long epoch, long txid) {
    return new LogPoint(epoch, txid, Long.MIN_VALUE | epoch << 8 | txid);
  }

  static ClusterRecord record(CommitMode mode, int minInSync, Member... members) {
    return new ClusterRecord(
        7,
        CLUSTER,
        5,
        PRIMARY,
        List.of(members),
        mode,
        minInSync,
        new TreeMap<>(Map.of("app.db", point(4, 10))),
        Optional.empty());
  }

  static ClusterRecord record() {
    return record(CommitMode.SYNC, 2, ONE, TWO, THREE);
  }

  static CommitRule.Acks acks(MemberAck... acks) {
    return nodeId -> {
      for (MemberAck ack : acks) {
        if (ack.member().nodeId() == nodeId) {
          return ack;
        }
      }
      return null;
    };
  }

  static MemberAck ack(Member member, long durable) {
    return new MemberAck(member, 5, durable);
  }
}
