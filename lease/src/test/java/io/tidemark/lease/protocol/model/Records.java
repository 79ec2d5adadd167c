package io.tidemark.lease.protocol.model;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.ClusterRecord.Successor;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Cluster records as numbers: version (4 bits), epoch (3), primary's node (2) and process (3), for
 * each node 0 or 1 + incarnation * 5 + token (4 each), successor + 1 (2), length of the least
 * position (2). What a least position names is always a place in the committed history.
 */
final class Records {
  static final long CLUSTER = 0xC1;
  static final String DATABASE = "db";

  private final Map<Long, ClusterRecord> cache = new HashMap<>();
  private final Map<Integer, LogPoint> points = new HashMap<>();
  private final Member[] members = new Member[World.NODES * 16];
  private final CommitMode mode;
  private final int minInSync;

  Records(CommitMode mode, int minInSync) {
    this.mode = mode;
    this.minInSync = minInSync;
  }

  static int version(int record) {
    return record & 15;
  }

  static int epoch(int record) {
    return record >> 4 & 7;
  }

  static int primary(int record) {
    return record >> 7 & 3;
  }

  static int process(int record) {
    return record >> 9 & 7;
  }

  static int member(int record, int node) {
    return record >> (12 + 4 * node) & 15;
  }

  static int successor(int record) {
    return record >> 24 & 3;
  }

  static int least(int record) {
    return record >> 26 & 3;
  }

  static int memberCode(int incarnation, int token) {
    return 1 + incarnation * 5 + token;
  }

  static int permute(int record, int[] to) {
    if (record == 0) {
      return 0;
    }
    int moved = record & 0x0C000E7F | to[primary(record)] << 7;
    for (int node = 0; node < World.NODES; node++) {
      moved |= member(record, node) << (12 + 4 * to[node]);
    }
    int successor = successor(record);
    return successor == 0 ? moved : moved | (to[successor - 1] + 1) << 24;
  }

  Member toMember(int node, int code) {
    int key = node * 16 + code;
    if (members[key] == null) {
      members[key] = new Member(node + 1, 100 + (code - 1) / 5, 100 + (code - 1) % 5);
    }
    return members[key];
  }

  static int toCode(Member member) {
    return memberCode((int) member.incarnation() - 100, (int) member.token() - 100);
  }

  static long nonce(int node, int process) {
    return 1000 + World.owner(node, process);
  }

  LogPoint point(int log, int length) {
    if (length == 0) {
      return LogPoint.NONE;
    }
    int prefix = World.prefix(log, length);
    return points.computeIfAbsent(
        prefix,
        p -> new LogPoint(World.entry(p, length) >> 3, length, Long.MIN_VALUE | p & 0xffffffffL));
  }

  /**
   * @param history committed history, of which the least position is a place
   */
  ClusterRecord toRecord(int record, int history) {
    if (record == 0) {
      return null;
    }
    int least = World.prefix(history, least(record));
    return cache.computeIfAbsent((long) least << 32 | record, key -> make(record, least));
  }

  private ClusterRecord make(int record, int least) {
    List<Member> set = new ArrayList<>();
    for (int node = 0; node < World.NODES; node++) {
      if (member(record, node) != 0) {
        set.add(toMember(node, member(record, node)));
      }
    }
    TreeMap<String, LogPoint> positions = new TreeMap<>();
    if (least != 0) {
      positions.put(DATABASE, point(least, World.length(least)));
    }
    int successor = successor(record);
    return new ClusterRecord(
        version(record),
        CLUSTER,
        epoch(record),
        new Primary(primary(record) + 1, nonce(primary(record), process(record)), "http://n"),
        set,
        mode,
        minInSync,
        positions,
        successor == 0 ? Optional.empty() : Optional.of(new Successor(successor, 100, 1000)));
  }

  int toNumber(ClusterRecord record) {
    int node = (int) record.primary().nodeId() - 1;
    int process = (int) (record.primary().nonce() - 1000) >> 2;
    int number = (int) record.version() | (int) record.epoch() << 4 | node << 7 | process << 9;
    if (record.version() > 15 || record.epoch() > 6 || process > 7) {
      throw new IllegalStateException("the bounds of the model are too wide");
    }
    for (Member member : record.members()) {
      number |= toCode(member) << (12 + 4 * ((int) member.nodeId() - 1));
    }
    if (record.successor().isPresent()) {
      number |= (int) record.successor().get().nodeId() << 24;
    }
    LogPoint least = record.least().get(DATABASE);
    return least == null ? number : number | (int) least.txid() << 26;
  }
}
