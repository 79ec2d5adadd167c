package io.tidemark.node.http;

import io.tidemark.database.DatabaseStatus;
import io.tidemark.node.DivergenceJson;
import io.tidemark.node.NodeState;
import io.tidemark.node.ServedDatabase;
import io.tidemark.node.Version;
import io.tidemark.node.cluster.ClusterStatus;
import io.tidemark.node.json.Json;
import io.tidemark.stream.Ack;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.send.ReplicaStatus;
import io.tidemark.stream.send.ReplicaStatus.DatabaseProgress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The answers of {@code /status} and {@code /info}. Numbers that are 64 bits wide are hex text. */
final class StatusJson {
  private StatusJson() {}

  /** LiteFS's answer: clusterID, isPrimary, candidate, path, primary.hostname. */
  static Map<String, Object> info(NodeState node) {
    return Json.object(
        "clusterID", node.clusterId(),
        "isPrimary", node.isPrimary(),
        "candidate", node.isCandidate(),
        "path", node.dataDir().toString(),
        "primary", Json.object("hostname", text(node.primaryHostname())));
  }

  static Map<String, Object> status(NodeState node) {
    List<Object> databases = new ArrayList<>();
    ClusterStatus cluster = node.cluster() == null ? null : node.cluster().status();
    FollowStatus following = node.isPrimary() ? null : node.replication().following();
    for (ServedDatabase database : node.databases()) {
      databases.add(database(database, following));
    }
    return Json.object(
        "version", Version.text(),
        "nodeID", node.nodeId(),
        "clusterID", node.clusterId(),
        "role", node.isPrimary() ? "primary" : "replica",
        "isPrimary", node.isPrimary(),
        "candidate", node.isCandidate(),
        "epoch", node.epoch(),
        "primary", primary(node, following),
        "cluster", cluster == null ? null : ClusterJson.of(cluster),
        "lagMillis",
            node.isPrimary()
                ? Long.valueOf(0)
                : following == null ? null : lag(following.lagNanos()),
        "hostname", node.hostname(),
        "mounted", node.isMounted(),
        "mount", node.mountDir().toString(),
        "path", node.dataDir().toString(),
        "databases", databases,
        "replicas", replicas(node, cluster),
        "divergences", node.divergences().stream().map(DivergenceJson::of).toList());
  }

  /**
   * @param following the connection to the primary; null on the primary and where none is named
   */
  private static Object primary(NodeState node, FollowStatus following) {
    if (node.isPrimary()) {
      return Json.object("hostname", node.hostname(), "advertiseURL", node.primaryUrl());
    }
    if (following == null) {
      return null;
    }
    return Json.object(
        "hostname", text(node.primaryHostname()),
        "advertiseURL", following.url(),
        "nodeID", following.isConnected() ? following.primary().nodeId().toString() : null,
        "connected", following.isConnected(),
        "problem", following.failure(),
        "silenceMillis", following.silenceNanos() / 1_000_000,
        "roundTripMicros", following.roundTripNanos() / 1_000);
  }

  private static List<Object> replicas(NodeState node, ClusterStatus cluster) {
    Map<String, Long> ends = new HashMap<>();
    node.databases().forEach(database -> ends.put(database.name(), database.status().txid()));
    List<Object> replicas = new ArrayList<>();
    for (ReplicaStatus replica : node.replication().replicas()) {
      List<Object> databases = new ArrayList<>();
      replica
          .databases()
          .forEach((name, progress) -> databases.add(progress(name, progress, ends.get(name))));
      replicas.add(
          Json.object(
              "nodeID", replica.hello().nodeId().toString(),
              "inSync", cluster == null ? null : inSync(cluster, replica),
              "advertiseURL", replica.hello().advertiseUrl(),
              "remote", replica.remote(),
              "connectedAt", Instant.ofEpochMilli(replica.connectedMillis()).toString(),
              "roundTripMicros", replica.roundTripNanos() / 1_000,
              "databases", databases));
    }
    return replicas;
  }

  private static Object inSync(ClusterStatus cluster, ReplicaStatus replica) {
    return ClusterJson.isInSync(cluster, replica.hello().nodeId().toString());
  }

  /**
   * @param end last transaction of the primary, or null if it has no such database
   */
  private static Object progress(String name, DatabaseProgress progress, Long end) {
    Ack ack = progress.acknowledged();
    long applied = ack == null ? 0 : ack.applied().value();
    return Json.object(
        "name", name,
        "received", hex(ack == null ? 0 : ack.received().value()),
        "durable", hex(ack == null ? 0 : ack.durable().value()),
        "applied", hex(applied),
        "behind", end == null ? 0 : Math.max(0, end - applied),
        "lagMillis", lag(progress.lagNanos()),
        "problem", progress.problem());
  }

  private static Map<String, Object> database(ServedDatabase database, FollowStatus following) {
    DatabaseStatus s = database.status();
    Long lag = following == null ? null : following.databaseLagNanos().get(s.name());
    return Json.object(
        "name", s.name(),
        "epoch", s.epoch(),
        "txid", hex(s.txid()),
        "checksum", hex(s.checksum()),
        "redoTxid", hex(s.redoTxid()),
        "pageSize", s.pageSize(),
        "pageCount", s.pageCount(),
        "size", s.pageSize() * s.pageCount(),
        "journalMode", s.journalMode(),
        "health", s.health().name().toLowerCase(Locale.ROOT),
        "problem", s.problem(),
        "logBytes", s.logBytes(),
        "logSegments", s.logSegments(),
        "lastCommit", s.lastCommit() == null ? null : s.lastCommit().toString(),
        "lagMillis", lag == null ? null : lag(lag),
        "replicationProblem", following == null ? null : following.problems().get(s.name()));
  }

  /** Milliseconds, or null if unknown. */
  private static Long lag(long nanos) {
    return nanos == LagMeter.UNKNOWN ? null : Long.valueOf(nanos / 1_000_000);
  }

  private static String text(String value) {
    return value == null ? "" : value;
  }

  private static String hex(long value) {
    return String.format("%016x", value);
  }
}
