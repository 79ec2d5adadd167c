package io.tidemark.node;

import io.tidemark.database.Divergence;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.event.EventFeed;
import io.tidemark.node.halt.Halts;
import io.tidemark.proxy.ProxyCounters;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What the API shows of a running node and acts on. Implementations are safe for all threads. */
public interface NodeState {
  /** Random id of this data directory, 16 hex digits. */
  String nodeId();

  /** 16 hex digits, chosen when the cluster was founded. */
  String clusterId();

  /** Epoch of this run. */
  long epoch();

  /** Databases with at least one transaction, by name. */
  List<ServedDatabase> databases();

  /** The database of that name, or null. */
  ServedDatabase find(String name);

  /**
   * Makes the content of a SQLite file the content of a database, as one transaction.
   *
   * @throws io.tidemark.database.InvalidDatabaseException when the file is not a whole database
   */
  ServedDatabase importDatabase(String name, Path file) throws IOException;

  /** Deletes a database as one transaction; false if there was none. */
  boolean drop(String name) throws IOException;

  /**
   * Transactions of this node that the primary does not have, as they were set aside; empty also
   * when they cannot be read now, which the log says.
   */
  List<Divergence> divergences();

  /** The data directory's path. */
  Path dataDir();

  /** The mount directory. */
  Path mountDir();

  /** Whether the mount is there and served. */
  boolean isMounted();

  /** Whether this node may write. */
  boolean isPrimary();

  /** Whether this node may become primary. */
  boolean isCandidate();

  /** This node's name for people. */
  String hostname();

  /** The primary's name for people, on any node; null if none is known. */
  String primaryHostname();

  /** URL under which the primary is reached, as far as this node was told; else null. */
  String primaryUrl();

  /** Lag above which a replica is not ready. */
  Duration maxLag();

  /** What happens here. */
  EventFeed events();

  /** Takes replicas, or null on a node that is not primary. */
  StreamDoor streamDoor();

  /** Takes connections of nodes that forward requests, or null without a proxy. */
  StreamDoor proxyDoor();

  /** What the proxy has done, or null without one. */
  ProxyCounters proxyCounters();

  /** Halt locks, in the role of this node. */
  Halts halts();

  /** This node in a cluster whose primary can change; null with a static lease. */
  ClusterControl cluster();

  /** Who replicates from whom. */
  ReplicationView replication();

  /** FUSE requests served since the start, by operation in lower case. */
  Map<String, Long> fuseRequests();
}
