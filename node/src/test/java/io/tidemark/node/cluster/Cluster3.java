package io.tidemark.node.cluster;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A cluster of three nodes: the node under test is 1, and primary in epoch 5, record version 7. */
final class Cluster3 {
  static final long CLUSTER = 0xC0FFEE;
  static final Member ONE = new Member(1, 11, 21);
  static final Member TWO = new Member(2, 12, 22);
  static final Member THREE = new Member(3, 13, 23);
  static final long NONCE = 0xABCD;
  static final String URL = "http://one:20202";
  static final String DB = "app.db";

  private Cluster3() {}

  static LogPoint point(long epoch, long txid) {
    return new LogPoint(epoch, txid, Long.MIN_VALUE | epoch << 32 | txid);
  }

  static ClusterRecord record(CommitMode mode, int minInSync, Member... members) {
    return record(7, 5, mode, minInSync, List.of(members), Map.of());
  }

  static ClusterRecord record(
      long version,
      long epoch,
      CommitMode mode,
      int minInSync,
      List<Member> members,
      Map<String, LogPoint> least) {
    return new ClusterRecord(
        version,
        CLUSTER,
        epoch,
        new ClusterRecord.Primary(1, NONCE, URL),
        members,
        mode,
        minInSync,
        new TreeMap<>(least),
        Optional.empty());
  }
}
