package io.tidemark.node.http;

import io.tidemark.database.DatabaseMetrics;
import io.tidemark.database.DatabaseStatus;
import io.tidemark.database.DatabaseStatus.Health;
import io.tidemark.database.Histogram;
import io.tidemark.node.NodeState;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.ServedDatabase;
import io.tidemark.proxy.ProxyCounters;
import io.tidemark.stream.Ack;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.send.ReplicaStatus;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** Writes the metrics in Prometheus's text format. Names follow LiteFS's where there is one. */
final class Metrics {
  private final StringBuilder out = new StringBuilder();
  private final NodeState node;
  private final List<ServedDatabase> databases;
  private final ReplicationView replication;

  private Metrics(NodeState node) {
    this.node = node;
    this.databases = node.databases();
    this.replication = node.replication();
  }

  static String text(NodeState node) {
    Metrics metrics = new Metrics(node);
    metrics.writeNode();
    metrics.writeDatabases();
    return metrics.out.toString();
  }

  private void writeNode() {
    single("tidemark_db_count", "gauge", "Databases on this node.", databases.size());
    single("tidemark_is_primary", "gauge", "1 on the primary.", node.isPrimary() ? 1 : 0);
    single("tidemark_mounted", "gauge", "1 while the mount is served.", node.isMounted() ? 1 : 0);
    single("tidemark_epoch", "gauge", "Epoch of this run.", node.epoch());
    single(
        "tidemark_divergence_count",
        "gauge",
        "Sets of transactions that the primary does not have, as they were set aside.",
        node.divergences().size());
    int replicas = replication.replicas().size();
    single("tidemark_subscriber_count", "gauge", "Connected replicas.", replicas);
    single("tidemark_http_stream_count", "gauge", "Open replication streams.", replicas);
    FollowStatus following = replication.following();
    single(
        "tidemark_primary_connected",
        "gauge",
        "1 on a replica that is connected to its primary.",
        following != null && following.isConnected() ? 1 : 0);
    head("tidemark_replica_behind", "gauge", "Transactions that a replica does not show yet.");
    replication.replicas().forEach(this::writeReplica);
    head("tidemark_replica_lag_seconds", "gauge", "Time that a replica is behind.");
    replication.replicas().forEach(this::writeReplicaLag);
    head("tidemark_lag_seconds", "gauge", "Time behind the primary, 0 on the primary.");
    sample(
        "tidemark_lag_seconds",
        "",
        seconds(lagNanos(following == null ? null : following.lagNanos())));
    single("tidemark_event_listeners", "gauge", "Open /events.", node.events().listeners());
    head("tidemark_fuse_request_count", "counter", "Requests of the kernel, by operation.");
    new TreeMap<>(node.fuseRequests())
        .forEach((op, count) -> sample("tidemark_fuse_request_count", label("op", op), count));
    if (node.proxyCounters() != null) {
      writeProxy(node.proxyCounters());
    }
    Runtime runtime = Runtime.getRuntime();
    single(
        "tidemark_heap_used_bytes",
        "gauge",
        "Java heap in use.",
        runtime.totalMemory() - runtime.freeMemory());
  }

  private void writeProxy(ProxyCounters proxy) {
    head("tidemark_proxy_request_count", "counter", "Requests to the proxy, by how they ended.");
    for (ProxyCounters.Outcome outcome : ProxyCounters.Outcome.values()) {
      sample(
          "tidemark_proxy_request_count",
          label("outcome", outcome.name().toLowerCase(Locale.ROOT)),
          proxy.requests(outcome));
    }
    single("tidemark_proxy_connections", "gauge", "Open connections.", proxy.connections());
    single(
        "tidemark_proxy_refused_connection_count",
        "counter",
        "Connections refused because there were too many.",
        proxy.refusedConnections());
    single("tidemark_proxy_tunnels", "gauge", "Open WebSockets and the like.", proxy.tunnels());
    single(
        "tidemark_proxy_waited_count",
        "counter",
        "Reads that waited for what their client had seen.",
        proxy.waited());
    head("tidemark_proxy_waited_seconds", "counter", "Their time together.");
    sample("tidemark_proxy_waited_seconds", "", proxy.waitedNanos() / 1e9);
    single(
        "tidemark_proxy_held_count",
        "counter",
        "Requests that were held because nobody could write.",
        proxy.held());
    head("tidemark_proxy_held_seconds", "counter", "Their time together.");
    sample("tidemark_proxy_held_seconds", "", proxy.heldNanos() / 1e9);
    single(
        "tidemark_proxy_retried_count",
        "counter",
        "Requests sent again after a connection broke.",
        proxy.retried());
  }

  private void writeReplica(ReplicaStatus replica) {
    for (ServedDatabase database : databases) {
      ReplicaStatus.DatabaseProgress progress = replica.databases().get(database.name());
      Ack ack = progress == null ? null : progress.acknowledged();
      long applied = ack == null ? 0 : ack.applied().value();
      sample(
          "tidemark_replica_behind",
          label("node", replica.hello().nodeId().toString()) + "," + db(database),
          Math.max(0, database.status().txid() - applied));
    }
  }

  private void writeReplicaLag(ReplicaStatus replica) {
    for (ServedDatabase database : databases) {
      ReplicaStatus.DatabaseProgress progress = replica.databases().get(database.name());
      sample(
          "tidemark_replica_lag_seconds",
          label("node", replica.hello().nodeId().toString()) + "," + db(database),
          seconds(progress == null ? LagMeter.UNKNOWN : progress.lagNanos()));
    }
  }

  private void writeLag(ServedDatabase database) {
    FollowStatus following = replication.following();
    Long lag = following == null ? null : following.databaseLagNanos().get(database.name());
    sample("tidemark_db_lag_seconds", db(database), seconds(lagNanos(lag)));
  }

  /** Lag of this node or of one of its databases; the argument is that of a replica, or null. */
  private long lagNanos(Long ofReplica) {
    return node.isPrimary() ? 0 : ofReplica == null ? LagMeter.UNKNOWN : ofReplica;
  }

  /** What was never up to date is behind by any measure. */
  private static String seconds(long lagNanos) {
    return lagNanos == LagMeter.UNKNOWN ? "+Inf" : String.valueOf(lagNanos / 1e9);
  }

  private void writeDatabases() {
    status("tidemark_db_txid", "gauge", "Last transaction ID.", DatabaseStatus::txid);
    status("tidemark_db_healthy", "gauge", "1 when reads and writes are served.", Metrics::healthy);
    status("tidemark_db_size_bytes", "gauge", "Size of the database.", Metrics::bytes);
    status("tidemark_db_ltx_count", "gauge", "Log segments on disk.", DatabaseStatus::logSegments);
    status("tidemark_db_ltx_bytes", "gauge", "Log bytes on disk.", DatabaseStatus::logBytes);
    head("tidemark_db_lag_seconds", "gauge", "Time behind the primary, 0 on the primary.");
    databases.forEach(this::writeLag);
    counter(
        "tidemark_db_database_write_count",
        "Writes to the database file.",
        m -> m.databaseWrites.sum());
    counter(
        "tidemark_db_journal_write_count", "Writes to the journal.", m -> m.journalWrites.sum());
    counter("tidemark_db_wal_write_count", "Writes to the WAL.", m -> m.walWrites.sum());
    counter("tidemark_db_shm_write_count", "Writes to the wal-index file.", m -> m.shmWrites.sum());
    counter("tidemark_db_commit_count", "Transactions committed.", m -> m.commits.sum());
    counter(
        "tidemark_db_refused_commit_count", "Transactions refused.", m -> m.refusedCommits.sum());
    counter(
        "tidemark_db_log_bytes_written",
        "Bytes appended to the log.",
        m -> m.logBytesWritten.sum());
    counter("tidemark_db_log_sync_count", "Syncs of the log.", m -> m.logSyncs.sum());
    counter(
        "tidemark_db_log_sync_failure_count",
        "Failed syncs of the log.",
        m -> m.logSyncFailures.sum());
    counter(
        "tidemark_db_ltx_reap_count",
        "Log segments removed by retention.",
        m -> m.segmentsReaped.sum());
    counter(
        "tidemark_db_snapshot_sent_count",
        "Snapshots sent to replicas, completely.",
        m -> m.snapshotsSent.sum());
    counter(
        "tidemark_db_snapshot_received_count",
        "Snapshots received from a primary, completely.",
        m -> m.snapshotsReceived.sum());
    histogram(
        "tidemark_db_commit_latency_seconds", "Capture of one transaction.", m -> m.commitLatency);
    histogram(
        "tidemark_db_sync_latency_seconds", "One sync of the log to the disk.", m -> m.syncLatency);
    histogram(
        "tidemark_db_ack_latency_seconds",
        "How long a commit waited for other nodes, on a primary with replication.commit sync.",
        m -> m.ackLatency);
    histogram(
        "tidemark_db_apply_latency_seconds",
        "From reading new transactions to showing them, on a replica.",
        m -> m.applyLatency);
  }

  private static long healthy(DatabaseStatus status) {
    return status.health() == Health.OK ? 1 : 0;
  }

  private static long bytes(DatabaseStatus status) {
    return status.pageSize() * status.pageCount();
  }

  private void status(String name, String type, String help, ToLongFunction<DatabaseStatus> value) {
    head(name, type, help);
    for (ServedDatabase database : databases) {
      sample(name, db(database), Long.toUnsignedString(value.applyAsLong(database.status())));
    }
  }

  private void counter(String name, String help, ToLongFunction<DatabaseMetrics> value) {
    head(name, "counter", help);
    for (ServedDatabase database : databases) {
      sample(name, db(database), value.applyAsLong(database.metrics()));
    }
  }

  private void histogram(String name, String help, Function<DatabaseMetrics, Histogram> which) {
    head(name, "histogram", help);
    for (ServedDatabase database : databases) {
      histogram(name, database, which.apply(database.metrics()));
    }
  }

  private void histogram(String name, ServedDatabase database, Histogram histogram) {
    String db = db(database);
    long[] counts = histogram.counts();
    long total = 0;
    for (int i = 0; i < counts.length; i++) {
      total += counts[i];
      String bound =
          i < Histogram.BOUNDS_MICROS.length
              ? String.valueOf(Histogram.BOUNDS_MICROS[i] / 1e6)
              : "+Inf";
      sample(name + "_bucket", db + "," + label("le", bound), total);
    }
    sample(name + "_sum", db, histogram.sumNanos() / 1e9);
    sample(name + "_count", db, total);
  }

  private void single(String name, String type, String help, long value) {
    head(name, type, help);
    sample(name, "", value);
  }

  private void head(String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private void sample(String name, String labels, Object value) {
    out.append(name);
    if (!labels.isEmpty()) {
      out.append('{').append(labels).append('}');
    }
    out.append(' ').append(value).append('\n');
  }

  private static String db(ServedDatabase database) {
    return label("db", database.name());
  }

  private static String label(String name, String value) {
    String escaped = value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    return name + "=\"" + escaped + "\"";
  }
}
