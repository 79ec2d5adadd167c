package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Three nodes and three etcd servers, each on a host of its own, with all that is needed to hurt
 * them and to make them whole again.
 */
final class FaultyCluster {
  /** For everything that has to happen at last, on a machine that does much else. */
  static final Duration LIMIT = Duration.ofSeconds(120);

  /** Nodes that must have a transaction before it counts, in sync mode. */
  static final int MIN_IN_SYNC = 2;

  static final Duration LEASE_TTL = Duration.ofSeconds(3);

  private static final int SIZE = 3;
  private static final int DISK_MEGABYTES = 512;
  private static final Pattern ROLE = Pattern.compile("[A-Z_]+ -> ([A-Z_]+): ");
  private static final Pattern MEMBERS = Pattern.compile("record version [0-9]+: in sync (.*)");
  private static final Pattern EPOCH = Pattern.compile("ACQUIRING -> FENCING: .*, epoch ([0-9]+)");

  private final Workbench bench;
  private final boolean sync;
  private final Network network;
  private final List<Host> etcdHosts = new ArrayList<>();
  private final List<EtcdServer> etcd;

  /** By the node's name: the one on which it keeps its data. */
  private final Map<String, LoopDisk> disks = new LinkedHashMap<>();

  private final Map<String, FaultySystem> systems = new LinkedHashMap<>();
  private final List<TidemarkProcess> nodes = new ArrayList<>();

  /** Data directories that were taken away from a node, by the node's name. */
  private final Map<String, List<Path>> wiped = new LinkedHashMap<>();

  private final Map<String, Long> wipedAt = new LinkedHashMap<>();

  /** By node: the ids that it has had. */
  private final Map<String, Set<Long>> ids = new LinkedHashMap<>();

  /**
   * Starts etcd; the nodes are only made.
   *
   * @param sync whether two nodes at least must have a transaction before it counts
   */
  FaultyCluster(Workbench bench, boolean sync) throws Exception {
    this.bench = bench;
    this.sync = sync;
    network = bench.closingLast(Network.create());
    List<EtcdServer.Place> places = new ArrayList<>();
    for (int i = 1; i <= SIZE; i++) {
      Host host = network.host("e" + i);
      etcdHosts.add(host);
      places.add(new EtcdServer.Place(host.address(), host.enter()));
    }
    etcd = EtcdServer.startCluster(bench.scratch("etcd"), places);
    etcd.forEach(bench::closingLast);
    String urls = String.join(", ", etcd.stream().map(server -> server.url().toString()).toList());
    for (int i = 1; i <= SIZE; i++) {
      String name = "n" + i;
      LoopDisk disk =
          bench.closingLast(
              LoopDisk.create(
                  bench.scratch(name + ".img"), bench.scratch(name + "-disk"), DISK_MEGABYTES));
      disk.mount();
      disks.put(name, disk);
      Path data = disk.mountPoint().resolve(name + "-data");
      nodes.add(
          bench
              .tidemark(name, data)
              .on(network.host(name))
              .elect(urls)
              .setting("replication.commit", sync ? "sync" : "async")
              .setting("replication.min-in-sync", Integer.toString(sync ? MIN_IN_SYNC : 1))
              .setting("replication.ack-timeout", "1s")
              .setting("fuse.unmount-timeout", "1s")
              .environment("JAVA_TOOL_OPTIONS", "-Xmx128m"));
    }
    for (TidemarkProcess node : nodes) {
      FaultySystem system = new FaultySystem(bench.scratch(node.name() + "-faults"));
      system.of(node);
      systems.put(node.name(), system);
    }
    nodes.get(0).setting("lease.promote", "true");
  }

  /** Of the machine. */
  static void requirements() {
    Requirements.realMount();
    Requirements.programs("sqlite3", "etcd", "cc", Settings.python());
    Requirements.networkNamespaces();
    Requirements.loopDevices();
  }

  boolean isSync() {
    return sync;
  }

  /**
   * What the nodes do wrong on purpose.
   *
   * @param mutant null for nothing
   */
  FaultyCluster defect(String mutant) {
    nodes.forEach(node -> node.environment("TIDEMARK_MUTANT", mutant));
    return this;
  }

  FaultyCluster leaseTtl(Duration value) {
    nodes.forEach(node -> node.setting("lease.ttl", value.toSeconds() + "s"));
    return this;
  }

  FaultyCluster longestLife(Duration value) {
    nodes.forEach(node -> node.longestLife(value));
    return this;
  }

  FaultyCluster start() {
    nodes.get(0).start();
    awaitPrimary();
    for (TidemarkProcess node : nodes.subList(1, SIZE)) {
      node.launch();
    }
    nodes.subList(1, SIZE).forEach(TidemarkProcess::awaitStarted);
    awaitAllInSync();
    return this;
  }

  List<TidemarkProcess> nodes() {
    return nodes;
  }

  /** The one on which a node keeps its data. */
  LoopDisk disk(TidemarkProcess node) {
    return disks.get(node.name());
  }

  FaultySystem system(TidemarkProcess node) {
    return systems.get(node.name());
  }

  Network network() {
    return network;
  }

  List<Host> etcdHosts() {
    return etcdHosts;
  }

  List<EtcdServer> etcd() {
    return etcd;
  }

  Map<String, List<Path>> wiped() {
    return wiped;
  }

  /** In this round, by node, {@link System#nanoTime}. */
  Map<String, Long> wipedAt() {
    return wipedAt;
  }

  /** By node: the ids that it has had. */
  Map<String, Set<Long>> ids() {
    return ids;
  }

  // ------------------------------------------------------------------- who is what

  /**
   * The node that took the newest epoch and has not said since that it is something else; null if
   * there is none. From the logs, because a node that stands still answers nothing.
   */
  TidemarkProcess primary() {
    TidemarkProcess best = null;
    long newest = -1;
    for (TidemarkProcess node : nodes) {
      if (node.isAlive()) {
        String log = node.output();
        long epoch = Long.parseLong(last(EPOCH, log, "0"));
        if (last(ROLE, log, "").equals("PRIMARY") && epoch > newest) {
          newest = epoch;
          best = node;
        }
      }
    }
    return best;
  }

  private static String last(Pattern pattern, String text, String otherwise) {
    String found = otherwise;
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      found = matcher.group(1);
    }
    return found;
  }

  List<TidemarkProcess> others(TidemarkProcess node) {
    return nodes.stream().filter(other -> other != node).toList();
  }

  TidemarkProcess awaitPrimary() {
    await("a primary", () -> primary() != null);
    return primary();
  }

  /** The ids of the in-sync set, as the primary says; empty if there is none. */
  private List<?> inSync() {
    TidemarkProcess primary = primary();
    if (primary == null) {
      return List.of();
    }
    Object record = ElectedCluster.cluster(primary).get("record");
    return record == null ? List.of() : (List<?>) ((Map<?, ?>) record).get("inSync");
  }

  boolean areInSync(List<TidemarkProcess> wanted) {
    return inSync().containsAll(wanted.stream().map(ElectedCluster::id).toList());
  }

  private void awaitAllInSync() {
    await("all nodes in sync", () -> areInSync(nodes));
    noteIds();
  }

  private void noteIds() {
    for (TidemarkProcess node : nodes) {
      ids.computeIfAbsent(node.name(), key -> new TreeSet<>())
          .add(Long.parseUnsignedLong(ElectedCluster.id(node), 16));
    }
  }

  private void await(String what, java.util.concurrent.Callable<Boolean> condition) {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (System.nanoTime() < end) {
      // Questions to nodes are programs of their own: not too many at a time.
      if (Await.within(Duration.ZERO, condition)) {
        return;
      }
      Await.within(Duration.ofMillis(100), () -> false);
    }
    StringBuilder text = new StringBuilder("Waited in vain for " + what);
    for (TidemarkProcess node : nodes) {
      List<String> lines = node.output().lines().toList();
      text.append('\n').append(node).append('\n');
      text.append(String.join("\n", lines.subList(Math.max(0, lines.size() - 15), lines.size())));
    }
    throw new AssertionError(text);
  }

  /** Whether the record that a primary has written last names a node, by the primary's log. */
  static boolean names(TidemarkProcess primary, String id) {
    return last(MEMBERS, primary.output(), "").contains(id);
  }

  // ----------------------------------------------------------------------- harm

  void killAll() {
    nodes.forEach(TidemarkProcess::kill);
  }

  void startAll() {
    nodes.forEach(TidemarkProcess::launch);
    nodes.forEach(TidemarkProcess::awaitStarted);
  }

  /** What no disk has by now, it will not have; all nodes end. */
  void losePower() {
    disks.values().forEach(LoopDisk::losePower);
    killAll();
    disks.values().forEach(LoopDisk::unmount);
    disks.values().forEach(LoopDisk::mount);
  }

  /** Which etcd server leads, or any. */
  EtcdServer etcdLeader() {
    for (int i = 0; i < SIZE; i++) {
      List<Object> words = new ArrayList<>(etcdHosts.get(i).enter());
      words.addAll(
          List.of(
              Settings.python(), Settings.script("http_get.py"), etcd.get(i).url() + "/metrics"));
      Command.Result result = Command.of(words.toArray()).run();
      if (result.out().contains("\netcd_server_is_leader 1")) {
        return etcd.get(i);
      }
    }
    return etcd.get(0);
  }

  /** Takes the data directory away from a node that does not run. */
  void wipe(TidemarkProcess node) throws IOException {
    List<Path> before = wiped.computeIfAbsent(node.name(), key -> new ArrayList<>());
    Path away = Path.of(node.data() + "-wiped" + (before.size() + 1));
    Files.move(node.data(), away);
    before.add(away);
    wipedAt.put(node.name(), System.nanoTime());
  }

  /** Keeps a copy of the data of a node that does not run. */
  void copyData(TidemarkProcess node) {
    Command.of("cp", "-a", node.data(), copyOf(node)).ok();
  }

  /** The copy takes the place of a directory that was wiped. */
  void restoreData(TidemarkProcess node) throws IOException {
    Files.move(copyOf(node), node.data());
  }

  private static Path copyOf(TidemarkProcess node) {
    return Path.of(node.data() + "-copy");
  }

  // --------------------------------------------------------------------- healing

  /** Everything runs and reaches everything; what was done to etcd has ended already. */
  void heal() {
    network.heal();
    List<TidemarkProcess> ended = new ArrayList<>();
    for (TidemarkProcess node : nodes) {
      if (node.isAlive()) {
        node.thaw();
      } else {
        node.launch();
        ended.add(node);
      }
    }
    ended.forEach(TidemarkProcess::awaitStarted);
    awaitPrimary();
  }

  /** All are in sync, have the same position of a database, and the same bytes. */
  Path awaitEqual(String db) throws IOException {
    await(
        "the same position of " + db,
        () -> nodes.stream().map(node -> node.position(db)).distinct().count() == 1);
    Path first = null;
    for (TidemarkProcess node : nodes) {
      Path image = bench.scratch(node.name() + "-" + db);
      node.export(db, image);
      assertThat(Command.sqlite(image, "PRAGMA integrity_check;").ok()).isEqualTo("ok");
      if (first == null) {
        first = image;
      }
      assertThat(Files.mismatch(first, image))
          .as("first byte of %s in which %s differs from n1", db, node)
          .isEqualTo(-1);
    }
    return first;
  }

  /** After {@link #heal}: every node has a seat again. */
  void awaitWhole() {
    awaitAllInSync();
  }
}
