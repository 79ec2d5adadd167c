package io.tidemark.node.http;

import io.tidemark.database.InDoubt;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.Member;
import io.tidemark.node.cluster.ClusterStatus;
import io.tidemark.node.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A node's place in its cluster, as {@code /status} tells it. */
final class ClusterJson {
  private ClusterJson() {}

  static Map<String, Object> of(ClusterStatus status) {
    return Json.object(
        "role", status.role().name().toLowerCase(Locale.ROOT).replace('_', '-'),
        "reason", status.reason(),
        "storeProblem", status.storeProblem(),
        "record", status.record() == null ? null : record(status.record()),
        "inDoubt", doubts(status.doubts()),
        "aborting", doubts(status.aborting()));
  }

  private static Map<String, Object> record(ClusterRecord record) {
    return Json.object(
        "version", record.version(),
        "epoch", record.epoch(),
        "primary", hex(record.primary().nodeId()),
        "inSync", record.members().stream().map(Member::nodeId).map(ClusterJson::hex).toList(),
        "commit", record.mode().name().toLowerCase(Locale.ROOT),
        "minInSync", record.minInSync(),
        "successor", record.successor().map(successor -> hex(successor.nodeId())).orElse(null));
  }

  private static List<Object> doubts(Map<String, InDoubt> doubts) {
    List<Object> all = new ArrayList<>();
    doubts.forEach(
        (name, doubt) ->
            all.add(
                Json.object(
                    "name", name,
                    "firstTxid", hex(doubt.firstTxid()),
                    "lastTxid", hex(doubt.last().txid()),
                    "epoch", doubt.last().epoch(),
                    "since", doubt.since().toString())));
    return all;
  }

  /** Whether a node is in the set of a record. */
  static boolean isInSync(ClusterStatus status, String nodeId) {
    return status != null
        && status.record() != null
        && status.record().members().stream()
            .anyMatch(member -> hex(member.nodeId()).equals(nodeId));
  }

  private static String hex(long id) {
    return String.format("%016x", id);
  }
}
