package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.CLUSTER;
import static io.tidemark.node.cluster.Cluster3.DB;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.Owner;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;

/**
 * Node 1 with a driver that runs, and everything around it played by a test. Node 1 follows epoch 5
 * with ten transactions, all committed, unless a test says otherwise.
 */
final class ClusterBed implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  static final Owner OTHER = new Owner("0000000000000002", "0000000000000bad", "http://two");

  final ShiftedClock clock = new ShiftedClock();
  final FakeLeaseStore store = new FakeLeaseStore(clock);
  final List<String> events = new CopyOnWriteArrayList<>();
  final FakeData data = new FakeData(events, 1, 11);
  final FakeStreams streams = new FakeStreams(events);
  final ClusterMemory memory;
  final Member one;
  private final Path file;

  boolean candidate = true;
  boolean mayFound;
  CommitMode mode = CommitMode.SYNC;
  int minInSync = 1;
  Duration answerTime = Duration.ofMillis(150);
  Duration awayTime = Duration.ofMillis(300);
  Duration slowTime = Duration.ofMillis(300);
  Duration handoffTime = Duration.ofMillis(400);
  private ClusterDriver driver;

  ClusterBed(Path dir) throws IOException {
    file = dir.resolve("cluster");
    memory = ClusterMemory.open(file, new Random(4711));
    one = new Member(1, 11, memory.token());
  }

  /** The data and the record of a cluster that has had a primary, node 2 in epoch 5. */
  ClusterBed established(Member... others) throws IOException {
    data.follows(CLUSTER, 5).append(DB, 5, 10).committed(DB, 10);
    memory.follows(5, 0xBAD, 7);
    store.put(record(7, 5, others));
    return this;
  }

  /** A record of node 2, of which this node is a member. */
  ClusterRecord record(long version, long epoch, Member... others) {
    List<Member> members = new CopyOnWriteArrayList<>(others);
    members.add(one);
    return of(version, epoch, members, Map.of(), Optional.empty());
  }

  ClusterRecord of(
      long version,
      long epoch,
      List<Member> members,
      Map<String, LogPoint> least,
      Optional<ClusterRecord.Successor> successor) {
    boolean two = members.stream().anyMatch(member -> member.nodeId() == 2);
    return new ClusterRecord(
        version,
        CLUSTER,
        epoch,
        new ClusterRecord.Primary(two ? 2 : members.get(0).nodeId(), 0xBAD, "http://two"),
        members,
        mode,
        minInSync,
        new TreeMap<>(least),
        successor);
  }

  ClusterDriver start() {
    driver =
        new ClusterDriver(
            store,
            clock,
            memory,
            data,
            streams,
            new ClusterSettings(
                candidate,
                mayFound,
                Cluster3.URL,
                "one",
                mode,
                minInSync,
                Duration.ofMillis(300),
                Duration.ofMillis(50),
                answerTime,
                awayTime,
                slowTime,
                handoffTime),
            Cluster3.NONCE);
    driver.start();
    return driver;
  }

  ClusterDriver startPrimary() {
    start();
    awaitWriters();
    return driver;
  }

  ClusterDriver driver() {
    return driver;
  }

  /** Until programs can write. */
  void awaitWriters() {
    await("programs can write", () -> driver.mayCommit() && !data.isHolding());
  }

  /** A member that has everything and acknowledges everything. */
  FakePeer member(Member member) {
    FakePeer node = new FakePeer(member, 0).keepsUpWith(data);
    streams.comes(node);
    return node;
  }

  ClusterMemory memoryOnDisk() throws IOException {
    return ClusterMemory.open(file, new Random(1));
  }

  Role role() {
    return driver.status().role();
  }

  void awaitRole(Role role) {
    await("role " + role, () -> role() == role);
  }

  void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime())
          .as("%s; but it is %s, %s", what, driver.status(), events)
          .isLessThan(end);
      sleep(2);
    }
  }

  /** For some time something does not happen. */
  void never(String what, BooleanSupplier condition) {
    for (int i = 0; i < 150; i++) {
      assertThat(condition.getAsBoolean())
          .as("%s; and it is %s, %s", what, driver.status(), events)
          .isFalse();
      sleep(3);
    }
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** A program commits, and everybody connected is told. */
  void write(long upTo) {
    data.append(DB, data.epoch(), upTo);
    driver.acknowledged(DB);
  }

  /** One after the other, perhaps with others between them. */
  void assertOrder(String... wanted) {
    assertThat(events).containsSubsequence(wanted);
  }

  @Override
  public void close() {
    store.reachable(true);
    data.writing(false);
    streams.connected();
    if (driver != null) {
      driver.close();
    }
  }
}
