package io.tidemark.node.run;

import io.tidemark.database.Database;
import io.tidemark.database.Divergence;
import io.tidemark.database.Store;
import io.tidemark.node.NodeState;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.ServedDatabase;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.event.EventFeed;
import io.tidemark.node.halt.Halts;
import io.tidemark.proxy.ProxyCounters;
import io.tidemark.proxy.ProxyServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The state of this process's node for the API. The mount comes when it is there. */
final class RunningNode implements NodeState {
  private static final Logger LOG = LoggerFactory.getLogger(RunningNode.class);

  private final NodeConfig config;
  private final Store store;
  private final Replication replication;
  private final EventFeed events;
  private final ProxyServer proxy;
  private volatile NodeMount mount;

  /**
   * @param proxy null if there is none
   */
  RunningNode(
      NodeConfig config,
      Store store,
      Replication replication,
      EventFeed events,
      ProxyServer proxy) {
    this.config = config;
    this.store = store;
    this.replication = replication;
    this.events = events;
    this.proxy = proxy;
  }

  void mounted(NodeMount newMount) {
    mount = newMount;
  }

  @Override
  public String nodeId() {
    return store.nodeId();
  }

  @Override
  public String clusterId() {
    return store.clusterId();
  }

  @Override
  public long epoch() {
    return store.epoch();
  }

  @Override
  public List<ServedDatabase> databases() {
    return store.databases().stream().map(ServedDatabase::of).toList();
  }

  @Override
  public ServedDatabase find(String name) {
    Database found = store.find(name);
    return found == null ? null : ServedDatabase.of(found);
  }

  @Override
  public ServedDatabase importDatabase(String name, Path file) throws IOException {
    return ServedDatabase.of(store.importDatabase(name, file));
  }

  @Override
  public boolean drop(String name) throws IOException {
    return store.drop(name);
  }

  @Override
  public List<Divergence> divergences() {
    try {
      return store.divergences();
    } catch (IOException e) {
      LOG.warn("cannot list the divergent transactions in {}: {}", dataDir(), e.toString());
      return List.of();
    }
  }

  @Override
  public Path dataDir() {
    return config.data().dir();
  }

  @Override
  public Path mountDir() {
    return config.fuse().dir();
  }

  @Override
  public boolean isMounted() {
    NodeMount current = mount;
    return current != null && current.isMounted();
  }

  @Override
  public boolean isPrimary() {
    return replication.isPrimary();
  }

  @Override
  public boolean isCandidate() {
    return config.lease().candidate();
  }

  @Override
  public String hostname() {
    return config.lease().hostname();
  }

  @Override
  public String primaryHostname() {
    return replication.primaryHostname();
  }

  @Override
  public String primaryUrl() {
    return replication.primaryUrl();
  }

  @Override
  public Duration maxLag() {
    return config.replication().maxLag();
  }

  @Override
  public EventFeed events() {
    return events;
  }

  @Override
  public StreamDoor streamDoor() {
    return replication.door();
  }

  @Override
  public StreamDoor proxyDoor() {
    return proxy == null ? null : proxy::accept;
  }

  @Override
  public ProxyCounters proxyCounters() {
    return proxy == null ? null : proxy.counters();
  }

  @Override
  public Halts halts() {
    return replication.halts();
  }

  @Override
  public ClusterControl cluster() {
    return replication.cluster();
  }

  @Override
  public ReplicationView replication() {
    return replication.view();
  }

  @Override
  public Map<String, Long> fuseRequests() {
    NodeMount current = mount;
    return current == null ? Map.of() : current.requestCounts();
  }
}
