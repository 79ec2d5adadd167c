package io.tidemark.node.http;

import io.tidemark.database.DatabaseMetrics;
import io.tidemark.database.DatabaseStatus;
import io.tidemark.database.DatabaseStatus.Health;
import io.tidemark.database.Divergence;
import io.tidemark.database.InvalidDatabaseException;
import io.tidemark.node.NodeState;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.ServedDatabase;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.event.EventFeed;
import io.tidemark.node.halt.Halts;
import io.tidemark.proxy.ProxyCounters;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** A node whose databases are byte arrays; what matters here is the API in front of it. */
public final class FakeNode implements NodeState {
  private final Path dataDir;
  private final Map<String, ServedDatabase> databases = new TreeMap<>();
  public volatile boolean primary = true;
  public volatile boolean mounted = true;
  public volatile StreamDoor door = channel -> channel.close();
  public volatile List<Divergence> divergences = List.of();
  public volatile StreamDoor proxyDoor;
  public volatile Halts halts;
  public volatile ClusterControl cluster;
  public volatile String primaryUrl;
  public final EventFeed events = new EventFeed(true, "box", 3);
  public volatile ReplicationView replication = ReplicationView.NONE;

  public FakeNode(Path dataDir) {
    this.dataDir = dataDir;
  }

  /** Adds a database with the given content. */
  public void put(String name, byte[] content) {
    databases.put(
        name,
        new FakeDatabase(name, content.length) {
          @Override
          public void exportTo(WritableByteChannel out, LongConsumer progress) throws IOException {
            out.write(ByteBuffer.wrap(content));
          }
        });
  }

  /** A database without end, which tells how much of it was taken and when writing stopped. */
  static final class EndlessDatabase extends FakeDatabase {
    final AtomicLong written = new AtomicLong();
    final CountDownLatch stopped = new CountDownLatch(1);

    EndlessDatabase(String name) {
      super(name, 1L << 40);
    }

    @Override
    public void exportTo(WritableByteChannel out, LongConsumer progress) throws IOException {
      try {
        ByteBuffer page = ByteBuffer.allocate(4096);
        while (true) {
          written.addAndGet(out.write(page.clear()));
        }
      } finally {
        stopped.countDown();
      }
    }
  }

  EndlessDatabase putEndless(String name) {
    EndlessDatabase database = new EndlessDatabase(name);
    databases.put(name, database);
    return database;
  }

  /** A database whose export fails after some bytes. */
  void putFailing(String name, int after) {
    databases.put(
        name,
        new FakeDatabase(name, 1 << 20) {
          @Override
          public void exportTo(WritableByteChannel out, LongConsumer progress) throws IOException {
            if (after > 0) {
              out.write(ByteBuffer.allocate(after));
            }
            throw new IOException("page 7 is damaged");
          }
        });
  }

  private abstract static class FakeDatabase implements ServedDatabase {
    private final String name;
    private final long size;
    private final DatabaseMetrics metrics = new DatabaseMetrics();

    FakeDatabase(String name, long size) {
      this.name = name;
      this.size = size;
      metrics.commits.add(3);
      metrics.commitLatency.record(15_000);
      metrics.commitLatency.record(700_000_000_000L);
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public DatabaseStatus status() {
      return new DatabaseStatus(
          name,
          2,
          3,
          1L << 63,
          4096,
          size / 4096,
          "wal",
          Health.OK,
          null,
          100,
          1,
          3,
          Instant.EPOCH,
          null);
    }

    @Override
    public DatabaseMetrics metrics() {
      return metrics;
    }

    @Override
    public long size() {
      return size;
    }
  }

  @Override
  public String nodeId() {
    return "00000000000000aa";
  }

  @Override
  public String clusterId() {
    return "00000000000000cc";
  }

  @Override
  public long epoch() {
    return 2;
  }

  @Override
  public List<ServedDatabase> databases() {
    return List.copyOf(databases.values());
  }

  @Override
  public ServedDatabase find(String name) {
    return databases.get(name);
  }

  @Override
  public ServedDatabase importDatabase(String name, Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    if (content.length < 512) {
      throw new InvalidDatabaseException("the file has only " + content.length + " bytes");
    }
    put(name, content);
    return find(name);
  }

  @Override
  public boolean drop(String name) {
    return databases.remove(name) != null;
  }

  @Override
  public List<Divergence> divergences() {
    return divergences;
  }

  @Override
  public Path dataDir() {
    return dataDir;
  }

  @Override
  public Path mountDir() {
    return Path.of("/mnt/fake");
  }

  @Override
  public boolean isMounted() {
    return mounted;
  }

  @Override
  public boolean isPrimary() {
    return primary;
  }

  @Override
  public boolean isCandidate() {
    return true;
  }

  @Override
  public String hostname() {
    return "box";
  }

  @Override
  public String primaryHostname() {
    return primary ? "box" : primaryUrl == null ? null : "one";
  }

  @Override
  public String primaryUrl() {
    return primaryUrl;
  }

  @Override
  public Duration maxLag() {
    return Duration.ofSeconds(10);
  }

  @Override
  public EventFeed events() {
    return events;
  }

  @Override
  public StreamDoor streamDoor() {
    return primary ? door : null;
  }

  @Override
  public StreamDoor proxyDoor() {
    return proxyDoor;
  }

  @Override
  public ProxyCounters proxyCounters() {
    return null;
  }

  @Override
  public ClusterControl cluster() {
    return cluster;
  }

  @Override
  public Halts halts() {
    return halts;
  }

  @Override
  public ReplicationView replication() {
    return replication;
  }

  @Override
  public Map<String, Long> fuseRequests() {
    return Map.of("write", 5L);
  }
}
