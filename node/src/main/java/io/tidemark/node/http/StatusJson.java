package io.tidemark.node.http;

import io.tidemark.database.DatabaseStatus;
import io.tidemark.node.NodeState;
import io.tidemark.node.ServedDatabase;
import io.tidemark.node.Version;
import io.tidemark.node.json.Json;
import java.util.ArrayList;
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
        "primary", Json.object("hostname", node.isPrimary() ? node.hostname() : ""));
  }

  static Map<String, Object> status(NodeState node) {
    List<Object> databases = new ArrayList<>();
    for (ServedDatabase database : node.databases()) {
      databases.add(database(database));
    }
    return Json.object(
        "version", Version.text(),
        "nodeID", node.nodeId(),
        "clusterID", node.clusterId(),
        "role", node.isPrimary() ? "primary" : "replica",
        "isPrimary", node.isPrimary(),
        "candidate", node.isCandidate(),
        "epoch", node.epoch(),
        "primary", primary(node),
        "hostname", node.hostname(),
        "mounted", node.isMounted(),
        "mount", node.mountDir().toString(),
        "path", node.dataDir().toString(),
        "databases", databases,
        "replicas", List.of());
  }

  private static Object primary(NodeState node) {
    return node.isPrimary()
        ? Json.object("hostname", node.hostname(), "advertiseURL", node.advertiseUrl())
        : null;
  }

  private static Map<String, Object> database(ServedDatabase database) {
    DatabaseStatus s = database.status();
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
        "lastCommit", s.lastCommit() == null ? null : s.lastCommit().toString());
  }

  private static String hex(long value) {
    return String.format("%016x", value);
  }
}
