package io.tidemark.node.run;

import io.netty.util.concurrent.DefaultThreadFactory;
import io.tidemark.database.FaultPoint;
import io.tidemark.database.Store;
import io.tidemark.mount.ClusterView;
import io.tidemark.mount.fuse.ProcessKill;
import io.tidemark.node.config.ExecStep;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.event.EventFeed;
import io.tidemark.node.http.ApiLimits;
import io.tidemark.node.http.ApiServer;
import io.tidemark.node.proxy.ProxyConfig;
import io.tidemark.node.proxy.StorePositions;
import io.tidemark.node.run.NodeEvent.ChildExit;
import io.tidemark.node.run.NodeEvent.MountLost;
import io.tidemark.node.run.NodeEvent.Signal;
import io.tidemark.node.run.Unmounting.Outcome;
import io.tidemark.proxy.Lag;
import io.tidemark.proxy.ProxyServer;
import io.tidemark.stream.EventLoops;
import io.tidemark.stream.LagMeter;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node from start to end: store, mount, API, commands, and the orderly way back. Everything
 * that can end it arrives as an event on one queue and is handled by the thread that called {@link
 * #run}.
 */
public final class Node {
  private static final Logger LOG = LoggerFactory.getLogger(Node.class);
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final long SYNC_POLL_MILLIS = 20;
  private static final Duration ROLE_LOOK = Duration.ofMillis(50);
  private static final Duration TAKE_OVER_PATIENCE = Duration.ofSeconds(30);
  private static final int MOST_LISTENERS = 64;
  private static final int MOST_PROXY_THREADS = 8;

  /** How long requests may take that are under way when the node ends. */
  private static final Duration PROXY_FAREWELL = Duration.ofSeconds(2);

  private final NodeConfig config;
  private final NodeMount.Mounter mounter;
  private final BlockingQueue<NodeEvent> events = new LinkedBlockingQueue<>();

  private Store store;
  private NodeMount mount;
  private ApiServer api;
  private Replication replication;
  private ProxyServer proxy;
  private EventFeed feed;
  private ChildProcess child;
  private RoleSupervisor roles;
  private boolean ending;

  /** A node with a real mount. */
  public Node(NodeConfig config) {
    this(config, NodeMount::fuse);
  }

  Node(NodeConfig config, NodeMount.Mounter mounter) {
    this.config = config;
    this.mounter = mounter;
  }

  /**
   * Runs until a signal, the end of the supervised command, or the loss of the mount.
   *
   * @return the exit code of the process: that of the command if there was one, 0 after a clean
   *     end, 1 when the mount had to be detached or was lost
   * @throws IOException when the node cannot start; everything is undone
   */
  public int run() throws IOException, InterruptedException {
    for (String name : List.of("TERM", "INT", "HUP")) {
      Signals.handle(name, received -> deliver(new Signal(received)));
    }
    int code;
    try {
      start();
      Integer failed = runCommands();
      code = failed != null ? failed : waitForEnd();
    } catch (IOException | RuntimeException e) {
      stop();
      if (config.exitOnError()) {
        throw e;
      }
      LOG.error("{} exit-on-error is false: waiting for a signal.", e.getMessage());
      awaitSignal();
      return 1;
    }
    Outcome outcome = stop();
    return code == 0 && outcome == Outcome.DETACHED ? 1 : code;
  }

  /** Has the thread that runs the node act on an event. */
  void deliver(NodeEvent event) {
    events.add(event);
  }

  private void start() throws IOException {
    armFaultPoint();
    store = Store.open(StaticRole.storeOptions(config));
    store.readerTimeout(config.replication().readerTimeout());
    boolean fixed = config.lease().type().equals("static");
    boolean primary = fixed && StaticRole.isPrimary(config.lease());
    NodeConfig.Lease lease = config.lease();
    feed =
        new EventFeed(
            primary, primary ? lease.hostname() : lease.primaryHostname(), MOST_LISTENERS);
    store.addCommitListener(feed);
    replication =
        fixed
            ? StaticReplication.of(config, store, feed)
            : new LeasedReplication(config, store, feed);
    store.authority(replication.authority());
    proxy = config.proxy().target() == null ? null : newProxy();
    RunningNode state = new RunningNode(config, store, replication, feed, proxy);
    // Netty takes longer to load than the mount takes to stand: do both at once.
    CompletableFuture<ApiServer> server = startApi(state);
    try {
      mount = mounter.mount(store, config.fuse(), config.log().debug(), cluster());
      state.mounted(mount);
    } finally {
      api = server.exceptionally(e -> null).join();
    }
    join(server);
    replication.start();
    LOG.info(
        "mounted {} in {} ms: {}, epoch {}, {} databases, API on port {}",
        config.fuse().dir(),
        ProcessAge.millis(),
        state.isPrimary() ? "primary" : "replica",
        store.epoch(),
        store.databases().size(),
        api.port());
    SystemdNotify.ready(state.isPrimary() ? "primary" : "replica");
  }

  /** It listens later: when there is something to show. Other nodes may forward to it before. */
  private ProxyServer newProxy() throws IOException {
    ProxyPrimaries primaries = new ProxyPrimaries(config, replication);
    ProxyServer made =
        ProxyServer.create(
            ProxyConfig.settings(config.proxy(), store.nodeId()),
            new StorePositions(store),
            primaries,
            () -> replication.lagNanos() == LagMeter.UNKNOWN ? Lag.UNKNOWN : replication.lagNanos(),
            EventLoops.group(proxyThreads(), new DefaultThreadFactory("proxy", true)));
    primaries.connect(made);
    return made;
  }

  private static int proxyThreads() {
    return Math.min(MOST_PROXY_THREADS, Runtime.getRuntime().availableProcessors());
  }

  private void openProxy() throws IOException {
    HostPort addr = config.proxy().addr();
    proxy.listen(addr.socketAddress(), EventLoops.serverSocket());
    LOG.info("proxy on port {} before {}", proxy.port(), config.proxy().target());
  }

  /** What the mount says of the primary. */
  private ClusterView cluster() {
    return new ClusterView() {
      @Override
      public String primaryHostname() {
        return replication.isPrimary() ? null : replication.primaryHostname();
      }

      @Override
      public long lagMillis() {
        long nanos = replication.lagNanos();
        return nanos == LagMeter.UNKNOWN ? LAG_UNKNOWN : TimeUnit.NANOSECONDS.toMillis(nanos);
      }
    };
  }

  private CompletableFuture<ApiServer> startApi(RunningNode state) {
    CompletableFuture<ApiServer> server = new CompletableFuture<>();
    Thread starter =
        new Thread(
            () -> {
              try {
                server.complete(ApiServer.start(config.http(), state, ApiLimits.defaults()));
              } catch (Throwable e) {
                server.completeExceptionally(e);
              }
            },
            "http-start");
    starter.start();
    return server;
  }

  private static void join(CompletableFuture<ApiServer> server) throws IOException {
    try {
      server.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** Runs the commands: all but the last to completion. Returns the code of one that failed. */
  private Integer runCommands() throws IOException, InterruptedException {
    boolean any = !config.exec().isEmpty() || !config.roleCommands().isEmpty();
    boolean takeOver = config.lease().takeOver() && replication.cluster() != null;
    boolean somethingWaits = any || takeOver || proxy != null;
    Integer ended = somethingWaits && !config.skipSync() ? awaitSync() : null;
    if (ended == null && takeOver) {
      ended = takeOver();
    }
    if (ended != null) {
      return ended;
    }
    if (proxy != null) {
      openProxy();
    }
    List<ExecStep> steps = own(config.exec());
    if (steps.size() < 2) {
      startRoleCommands();
    }
    for (int i = 0; i < steps.size(); i++) {
      if (i > 0 && i == steps.size() - 1) {
        startRoleCommands();
      }
      child = ChildProcess.start(steps.get(i).command());
      child.onExit(code -> deliver(new ChildExit(code)));
      LOG.info("started: {}", child.command());
      if (i < steps.size() - 1) {
        int code = waitForEnd();
        if (code != 0 || ending) {
          return code;
        }
      }
    }
    return null;
  }

  private List<ExecStep> own(List<ExecStep> steps) {
    return steps.stream()
        .filter(step -> !step.ifCandidate() || config.lease().candidate())
        .toList();
  }

  private void startRoleCommands() {
    NodeConfig.RoleCommands all = config.roleCommands();
    if (!all.isEmpty()) {
      NodeConfig.RoleCommands mine =
          new NodeConfig.RoleCommands(
              own(all.onPrimary()), own(all.onReplica()), all.stopTimeout());
      roles = new RoleSupervisor(mine, replication::isPrimary, ROLE_LOOK);
      roles.start();
    }
  }

  /**
   * Has this node become primary before its commands run.
   *
   * @return the code to exit with when the node is to end instead, else null
   */
  private Integer takeOver() throws InterruptedException {
    if (!config.lease().candidate() || replication.isPrimary()) {
      return null;
    }
    CompletableFuture<Void> asked = TakeOver.begin(replication.cluster(), TAKE_OVER_PATIENCE, LOOK);
    while (!asked.isDone()) {
      NodeEvent event = events.poll(SYNC_POLL_MILLIS, TimeUnit.MILLISECONDS);
      if (event instanceof Signal || !mount.isMounted()) {
        return event == null ? 1 : 0;
      }
    }
    return null;
  }

  /**
   * Waits until a replica that follows a primary has been up to date with it once.
   *
   * @return the code to exit with when the node is to end instead, else null
   */
  private Integer awaitSync() throws InterruptedException {
    boolean said = false;
    while (replication.isFollowing() && replication.lagNanos() == LagMeter.UNKNOWN) {
      NodeEvent event = events.poll(SYNC_POLL_MILLIS, TimeUnit.MILLISECONDS);
      if (event instanceof Signal || !mount.isMounted()) {
        return event == null ? 1 : 0;
      }
      if (!said) {
        LOG.info(
            "{} when this replica is up to date (skip-sync: true: at once)",
            proxy == null ? "the command starts" : "the proxy opens");
        said = true;
      }
    }
    return null;
  }

  /** Waits for an event that ends the node or the current command; the code to exit with. */
  private int waitForEnd() throws InterruptedException {
    while (true) {
      NodeEvent event = events.poll(LOOK.toMillis(), TimeUnit.MILLISECONDS);
      if (event == null && !mount.isMounted()) {
        event = new MountLost();
      }
      if (event instanceof ChildExit exit) {
        LOG.info("ended with {}: {}", exit.code(), child.command());
        return exit.code();
      }
      if (event instanceof MountLost && !ending) {
        LOG.error("The mount {} is gone: someone unmounted it.", config.fuse().dir());
        stopChild();
        return 1;
      }
      if (event instanceof Signal signal) {
        LOG.info("received SIG{}", signal.name());
        boolean running = child != null && child.isAlive();
        if (running && signal.name().equals("HUP")) {
          child.signal("HUP"); // what many programs take for "read your configuration again"
          continue;
        }
        boolean again = ending;
        ending = true;
        if (proxy != null) {
          proxy.stopListening();
        }
        if (roles != null) {
          roles.end();
        }
        if (!running) {
          return 0;
        }
        if (again) {
          child.kill();
        } else {
          child.signal(signal.name());
        }
      }
    }
  }

  private void stopChild() throws InterruptedException {
    if (child != null && child.isAlive()) {
      child.signal("TERM");
      child.waitFor();
    }
  }

  private Outcome stop() throws InterruptedException {
    Outcome outcome = Outcome.CLEAN;
    SystemdNotify.stopping();
    if (child != null && child.isAlive()) {
      child.kill();
    }
    if (roles != null) {
      roles.close(); // before another node may become primary and start the same commands
    }
    if (replication != null) {
      replication.stopFollowing();
    }
    if (proxy != null) {
      proxy.drain(PROXY_FAREWELL);
      proxy.close();
    }
    if (mount != null) {
      outcome =
          Unmounting.unmount(
              mount, config.fuse().unmountTimeout(), this::signalWithin, System::nanoTime);
    }
    if (replication != null) {
      replication.close();
    }
    if (api != null) {
      api.close();
    }
    if (feed != null) {
      feed.close();
    }
    if (store != null) {
      try {
        store.close();
      } catch (IOException e) {
        LOG.error(
            "Closing the data directory failed: {}. The next start recovers it.", e.getMessage());
        outcome = Outcome.DETACHED;
      }
    }
    if (mount != null) {
      LOG.info("stopped");
    }
    return outcome;
  }

  private boolean signalWithin(Duration pause) throws InterruptedException {
    long end = System.nanoTime() + pause.toNanos();
    for (long left = pause.toNanos(); left > 0; left = end - System.nanoTime()) {
      if (events.poll(left, TimeUnit.NANOSECONDS) instanceof Signal) {
        return true;
      }
    }
    return false;
  }

  private void awaitSignal() throws InterruptedException {
    while (!(events.take() instanceof Signal)) {
      // Only a signal ends a node that could not start.
    }
  }

  /** For tests of recovery: the process kills itself at a named step. */
  private static void armFaultPoint() {
    String spec = System.getenv("TIDEMARK_FAULT");
    if (spec != null && !spec.isEmpty()) {
      FaultPoint.arm(spec, ProcessKill::self);
      LOG.warn("this process will kill itself at {} (TIDEMARK_FAULT)", spec);
    }
  }
}
