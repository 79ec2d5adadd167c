package io.tidemark.lease.protocol;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The cluster record: the one thing that the lease store keeps for a cluster. {@link
 * ClusterRecordJson} is its text.
 *
 * <p>Invariants, which {@link NextRecord} keeps: from one record to the next the version grows by
 * one, the epoch never decreases and grows with each acquisition, the cluster id stays, and the
 * primary is a member.
 *
 * @param version 1 for the record that founds the cluster; counts every change. A count of our own:
 *     revisions of a store that was restored or made anew prove nothing
 * @param clusterId not 0
 * @param epoch the newest epoch that was taken, from 1
 * @param primary who took it
 * @param members the in-sync set, the primary among them; sorted, one entry for each node
 * @param mode what commits wait for
 * @param minInSync least number of members, the primary counted, that a sync commit needs; from 1
 * @param least for each database a place that was committed when this record was written; whoever
 *     does not have it may not acquire
 * @param successor whom the last primary handed over to, if it did
 */
public record ClusterRecord(
    long version,
    long clusterId,
    long epoch,
    Primary primary,
    List<Member> members,
    CommitMode mode,
    int minInSync,
    SortedMap<String, LogPoint> least,
    Optional<Successor> successor) {

  /** The longest name of a database, in UTF-16 units. */
  public static final int MAX_NAME = 255;

  /** The longest URL, in UTF-16 units. */
  public static final int MAX_URL = 1024;

  /** Most members of one cluster. */
  public static final int MAX_MEMBERS = 64;

  /**
   * The process that took the epoch.
   *
   * @param nodeId not 0
   * @param nonce random id of the process, not 0
   * @param advertiseUrl where the others reach it, at most {@link #MAX_URL}
   */
  public record Primary(long nodeId, long nonce, String advertiseUrl) {
    /**
     * @throws IllegalArgumentException if an id is 0 or the URL too long
     */
    public Primary {
      if (nodeId == 0 || nonce == 0) {
        throw new IllegalArgumentException("a primary has a node id and a nonce");
      }
      if (advertiseUrl.length() > MAX_URL
          || !StandardCharsets.UTF_8.newEncoder().canEncode(advertiseUrl)) {
        throw new IllegalArgumentException("no URL of at most " + MAX_URL + " characters");
      }
    }
  }

  /**
   * Whom the others let go first after a handoff.
   *
   * @param nodeId not 0
   * @param incarnation of its data directory, not 0
   * @param expiresMillis how long the others wait, counted by each from when it saw the record; a
   *     courtesy on which nothing that has to be safe rests. 1 to 600,000
   */
  public record Successor(long nodeId, long incarnation, long expiresMillis) {
    /**
     * @throws IllegalArgumentException if one is out of range
     */
    public Successor {
      if (nodeId == 0 || incarnation == 0) {
        throw new IllegalArgumentException("a successor has a node id and an incarnation");
      }
      if (expiresMillis < 1 || expiresMillis > 600_000) {
        throw new IllegalArgumentException(
            "a handoff expires after 1 to 600000 ms, not after " + expiresMillis);
      }
    }
  }

  /**
   * @throws IllegalArgumentException if an invariant of one record does not hold; says which
   */
  public ClusterRecord {
    if (version < 1 || epoch < 1 || clusterId == 0) {
      throw new IllegalArgumentException("version and epoch count from 1, the cluster has an id");
    }
    Objects.requireNonNull(primary);
    Objects.requireNonNull(mode);
    Objects.requireNonNull(successor);
    members = members.stream().sorted().toList();
    least = Collections.unmodifiableSortedMap(new TreeMap<>(least));
    checkMembers(members, primary.nodeId());
    if (minInSync < 1 || minInSync > MAX_MEMBERS) {
      throw new IllegalArgumentException(
          "min-in-sync is 1 to " + MAX_MEMBERS + ", not " + minInSync);
    }
    for (var entry : least.entrySet()) {
      if (!StandardCharsets.UTF_8.newEncoder().canEncode(entry.getKey())) {
        throw new IllegalArgumentException("a database's name is no Unicode text");
      }
      if (entry.getKey().isEmpty() || entry.getKey().length() > MAX_NAME) {
        throw new IllegalArgumentException(
            "a database's name has 1 to " + MAX_NAME + " characters");
      }
      if (entry.getValue().isNone() || entry.getValue().epoch() > epoch) {
        throw new IllegalArgumentException(
            "the least position of '" + entry.getKey() + "' is not of an epoch 1 to " + epoch);
      }
    }
  }

  private static void checkMembers(List<Member> sorted, long primary) {
    if (sorted.size() > MAX_MEMBERS) {
      throw new IllegalArgumentException("more than " + MAX_MEMBERS + " members");
    }
    boolean found = false;
    for (int i = 0; i < sorted.size(); i++) {
      found |= sorted.get(i).nodeId() == primary;
      if (i > 0 && sorted.get(i).nodeId() == sorted.get(i - 1).nodeId()) {
        throw new IllegalArgumentException(sorted.get(i) + " is a member twice");
      }
    }
    if (!found) {
      throw new IllegalArgumentException("the primary, " + Ids.node(primary) + ", is no member");
    }
  }

  /** The member with this node id, or null. */
  public Member member(long nodeId) {
    for (Member member : members) {
      if (member.nodeId() == nodeId) {
        return member;
      }
    }
    return null;
  }
}
