package io.tidemark.node.cluster;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.LeaseKeeper;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Stored;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecordJson;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.Fencing;
import io.tidemark.lease.protocol.Handoff;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.RecordFormatException;
import io.tidemark.lease.protocol.Role;
import io.tidemark.lease.protocol.RoleEvent;
import io.tidemark.lease.protocol.RoleMachine;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes this node through its roles: one thread, which waits for something to change, reads the
 * facts, asks the rules of {@code io.tidemark.lease.protocol}, and does what they say. Whether
 * programs may commit is {@link #mayCommit}, which nothing but the lease's deadline and the role
 * decide.
 */
public final class ClusterDriver implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterDriver.class);

  /** How often facts are looked at that nobody reports. */
  private static final Duration TICK = Duration.ofMillis(200);

  private static final Duration SHORT = Duration.ofMillis(20);

  private final Leaser leaser;
  private final BootClock clock;
  private final ClusterMemory memory;
  private final LocalData data;
  private final Streams streams;
  private final ClusterSettings settings;
  private final Owner self;
  private final long nonce;
  private final InSyncSet inSync;
  private final Thread thread = new Thread(this::run, "tidemark-cluster");

  private LeaseWatch watch;
  private boolean changed; // guarded by this
  private CompletableFuture<String> handoff; // guarded by this, as is the next
  private long handoffTo;
  private boolean stopping;

  private volatile Role role = Role.STARTING;
  private volatile String reason = "recovering";
  private volatile Tenancy tenancy;
  private volatile ClusterRecord known;
  private volatile String primaryUrl;
  private volatile String storeProblem;

  // Of the thread.
  private Stored lastRead;
  private long versionSeen;
  private long versionSince;
  private long fencingSince;
  private final Map<Long, Long> unhelpful = new HashMap<>();

  ClusterDriver(
      Leaser leaser,
      BootClock clock,
      ClusterMemory memory,
      LocalData data,
      Streams streams,
      ClusterSettings settings,
      long nonce) {
    this.leaser = leaser;
    this.clock = clock;
    this.memory = memory;
    this.data = data;
    this.streams = streams;
    this.settings = settings;
    this.nonce = nonce;
    this.self =
        new Owner(
            String.format("%016x", data.nodeId()),
            String.format("%016x", nonce),
            settings.advertiseUrl());
    this.inSync = new InSyncSet(clock, settings.awayTime());
    thread.setDaemon(true);
  }

  /** Begins; the databases are recovered, and the mount is there. */
  public void start() {
    watch = leaser.watch(this::wake);
    thread.start();
  }

  // ---------------------------------------------------------- for other threads

  /** Whether programs may commit now. Two volatile reads, the deadline and a clock. */
  public boolean mayCommit() {
    Tenancy now = tenancy;
    return now != null && RoleMachine.mayAppend(role) && now.isHeld();
  }

  /** Why not, in one sentence. */
  public String whyNot() {
    return "this node is not primary (" + role + ": " + reason + ")";
  }

  public ClusterStatus status() {
    return new ClusterStatus(role, reason, known, primaryUrl, storeProblem);
  }

  /** Something may have changed: a connection, an acknowledgement, the store. */
  public synchronized void wake() {
    changed = true;
    notifyAll();
  }

  /**
   * Asks for a planned change of the primary.
   *
   * @param nodeId who is to be primary; 0 for the member that is furthest
   * @return completes with the successor's URL; or exceptionally with the reason why not
   */
  public CompletableFuture<String> handOff(long nodeId) {
    CompletableFuture<String> asked = new CompletableFuture<>();
    synchronized (this) {
      if (handoff != null) {
        asked.completeExceptionally(new IllegalStateException("a handoff is going on already"));
        return asked;
      }
      if (role != Role.PRIMARY) {
        asked.completeExceptionally(new IllegalStateException(whyNot()));
        return asked;
      }
      handoff = asked;
      handoffTo = nodeId;
    }
    wake();
    return asked;
  }

  /**
   * Ends: a primary hands over first if a member can take over, and gives up the lease in any case.
   */
  @Override
  public void close() {
    synchronized (this) {
      stopping = true;
    }
    wake();
    try {
      thread.join(settings.handoffTime().plusSeconds(10).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (watch != null) {
      watch.close();
    }
    leaser.close();
  }

  // ------------------------------------------------------------------ the thread

  private void run() {
    move(RoleEvent.RECOVERED, "looking for a primary");
    while (role != Role.STOPPED) {
      try {
        await(step());
        storeProblem = null;
      } catch (LeaseStoreException e) {
        storeTrouble(e);
      } catch (IOException | RuntimeException e) {
        LOG.error("{}", role, e);
        reason = String.valueOf(e.getMessage());
        await(TICK);
      }
    }
  }

  /** Does what is to be done now; how long to wait then, unless something changes. */
  private Duration step() throws LeaseStoreException, IOException {
    if (isStopping() && role != Role.HOLDING) {
      return stop();
    }
    Tenancy own = tenancy;
    if (own != null && !own.isHeld() && RoleMachine.isPossible(role, RoleEvent.DEADLINE)) {
      demote(RoleEvent.DEADLINE, "the lease was not renewed in time: " + own.keeper().reason());
    }
    return switch (role) {
      case FOLLOWING, WAITING_FOR_OPERATOR -> look();
      case FENCING -> fence();
      case SETTLING -> settle();
      case PRIMARY -> lead();
      case HOLDING -> handOver();
      case DEADLINE_PASSED -> prove();
      default -> TICK;
    };
  }

  private synchronized boolean isStopping() {
    return stopping;
  }

  private void storeTrouble(LeaseStoreException e) {
    if (storeProblem == null) {
      LOG.warn("{}", e.getMessage());
    }
    storeProblem = e.getMessage();
    await(tenancy == null ? TICK : SHORT);
  }

  private synchronized void await(Duration longest) {
    long end = System.nanoTime() + longest.toNanos();
    try {
      while (!changed) {
        long left = end - System.nanoTime();
        if (left <= 0) {
          return;
        }
        TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, 1_000_000));
      }
      changed = false;
    } catch (InterruptedException e) {
      stopping = true;
    }
  }

  /** The role stays, for another reason than before. */
  private void becauseOf(String why) {
    if (!why.equals(reason)) {
      LOG.info("{}: {}", role, why);
      reason = why;
    }
  }

  private void move(RoleEvent event, String why) {
    RoleMachine.Transition transition = RoleMachine.next(role, event);
    LOG.info("{} -> {}: {}", transition.from(), transition.to(), why);
    reason = why;
    role = transition.to();
  }

  // ------------------------------------------------------------------- following

  private Duration look() throws LeaseStoreException, IOException {
    Stored stored = leaser.read();
    ClusterRecord record;
    try {
      record =
          stored.record().isEmpty() ? null : ClusterRecordJson.read(stored.record().get().text());
    } catch (RecordFormatException e) {
      return standStill("the cluster record cannot be read: " + e.getMessage());
    }
    Optional<String> regression =
        lastRead == null ? Optional.empty() : stored.regressionSince(lastRead);
    Eligibility.Verdict verdict = Eligibility.judge(record, candidate(), isExpired(record));
    if (verdict.kind() == Eligibility.Kind.OPERATOR) {
      return standStill(regression.map(text -> text + "; ").orElse("") + verdict.reason());
    }
    lastRead = stored;
    if (role == Role.WAITING_FOR_OPERATOR) {
      move(RoleEvent.RECORD_FITS, verdict.reason());
    }
    if (record != null) {
      memory.saw(record.version());
      known = record;
      streams.known(record);
    }
    Owner owner = stored.owner().orElse(null);
    if (owner != null && !owner.isSameProcess(self)) {
      follow(owner.advertiseUrl());
      becauseOf("following " + owner);
    } else if (owner != null) {
      becauseOf("the lease of an earlier attempt of this process has not ended yet");
    } else if (!settings.candidate()) {
      becauseOf("nobody is primary, and lease.candidate is false here");
    } else if (verdict.kind() == Eligibility.Kind.WAIT) {
      becauseOf("nobody is primary: " + verdict.reason());
    } else {
      acquire(stored, record, verdict);
      return Duration.ZERO;
    }
    return owner == null ? TICK : settings.lookEvery();
  }

  private Duration standStill(String why) {
    if (role != Role.WAITING_FOR_OPERATOR) {
      move(RoleEvent.OPERATOR_NEEDED, why);
    }
    becauseOf(why);
    follow(null);
    return settings.lookEvery();
  }

  private void follow(String url) {
    primaryUrl = url;
    streams.follow(url);
  }

  private Eligibility.Candidate candidate() {
    return new Eligibility.Candidate(
        data.nodeId(),
        data.clusterId(),
        data.incarnation(),
        memory.token(),
        memory.recordVersion(),
        data.epoch(),
        data.databases(),
        settings.mayFound());
  }

  /** Whether the time that a handoff gives its successor is over, counted from here. */
  private boolean isExpired(ClusterRecord record) {
    if (record == null || record.successor().isEmpty()) {
      return true;
    }
    if (record.version() != versionSeen) {
      versionSeen = record.version();
      versionSince = clock.nanos();
    }
    long expires = TimeUnit.MILLISECONDS.toNanos(record.successor().get().expiresMillis());
    return clock.nanos() - versionSince > expires;
  }

  private void acquire(Stored stored, ClusterRecord before, Eligibility.Verdict verdict)
      throws IOException {
    ClusterRecord.Primary primary =
        new ClusterRecord.Primary(data.nodeId(), nonce, settings.advertiseUrl());
    ClusterRecord next =
        verdict.kind() == Eligibility.Kind.FOUND
            ? NextRecord.founding(
                data.foundingId(),
                primary,
                new Member(data.nodeId(), data.incarnation(), memory.newToken()),
                data.epoch(),
                settings.mode(),
                settings.minInSync(),
                data.positions())
            : NextRecord.acquired(
                before, primary, data.epoch(), settings.mode(), settings.minInSync());
    move(RoleEvent.ELIGIBLE, verdict.reason());
    Acquisition acquisition;
    try {
      acquisition = leaser.acquire(stored, ClusterRecordJson.write(next), self);
      while (acquisition instanceof Acquisition.Unknown unknown && !isStopping()) {
        storeProblem = unknown.cause().getMessage();
        await(TICK);
        acquisition = unknown.settlement().settle();
      }
    } catch (LeaseStoreException e) {
      move(RoleEvent.NOT_ACQUIRED, e.getMessage());
      return;
    }
    if (acquisition instanceof Acquisition.Acquired acquired) {
      CommitMode promised = before == null ? settings.mode() : before.mode();
      LeaseKeeper keeper = new LeaseKeeper(acquired.lease(), clock, why -> wake());
      keeper.start();
      tenancy =
          new Tenancy(leaser, self, acquired.lease(), keeper, promised, next, acquired.revision());
      known = next;
      memory.saw(next.version());
      fencingSince = clock.nanos();
      unhelpful.clear();
      follow(null);
      primaryUrl = settings.advertiseUrl();
      move(RoleEvent.ACQUIRED, "record version " + next.version() + ", epoch " + next.epoch());
    } else {
      move(RoleEvent.NOT_ACQUIRED, acquisition.toString());
    }
  }

  // -------------------------------------------------------------- becoming primary

  private Duration fence() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    ClusterRecord record = own.record();
    Map<Long, Fencing.Answer> answers = answers(record);
    Fencing.Step step = Fencing.next(record, own.promised(), data.epoch(), answers, data.ends());
    reason = step.reason();
    switch (step.kind()) {
      case MAKE_EPOCH_DURABLE:
        memory.follows(record.epoch(), nonce, record.version());
        data.followEpoch(record.clusterId(), record.epoch());
        streams.announce(record);
        return Duration.ZERO;
      case AWAIT:
        return SHORT;
      case FETCH_TAIL:
        fetchTail(step);
        return SHORT;
      case READ_LOG_END:
        move(RoleEvent.FENCED, step.reason());
        return Duration.ZERO;
      case STEP_DOWN:
      default:
        abdicate(step.reason());
        return TICK;
    }
  }

  /** What the other members have said; those that do not come are given up after some time. */
  private Map<Long, Fencing.Answer> answers(ClusterRecord record) {
    Map<Long, Fencing.Answer> answers = new HashMap<>();
    boolean inTime = clock.nanos() - fencingSince < settings.answerTime().toNanos();
    for (Member member : record.members()) {
      if (member.nodeId() != data.nodeId()) {
        boolean patient = inTime && !unhelpful.containsKey(member.nodeId());
        answers.put(member.nodeId(), new Fencing.Answer(patient, 0, 0, Map.of()));
      }
    }
    for (Streams.Peer peer : streams.peers()) {
      long nodeId = peer.member().nodeId();
      if (answers.containsKey(nodeId)) {
        Map<String, LogPoint> ends = unhelpful.containsKey(nodeId) ? Map.of() : peer.ends();
        answers.put(nodeId, new Fencing.Answer(true, record.epoch(), peer.recordVersion(), ends));
      }
    }
    return answers;
  }

  /** In async mode: what a member has beyond this node's log is better fetched than lost. */
  private void fetchTail(Fencing.Step step) {
    long nodeId = step.nodeIds().get(0);
    for (Streams.Peer peer : streams.peers()) {
      if (peer.member().nodeId() == nodeId) {
        long since = clock.nanos();
        LOG.info("fetching a longer log: {}", step.reason());
        streams.fetch(peer.url());
        while (peer.ends().entrySet().stream().anyMatch(this::lacks)
            && tenancy.isHeld()
            && !isStopping()
            && clock.nanos() - since < settings.handoffTime().toNanos()) {
          await(SHORT);
        }
        streams.follow(null);
        if (peer.ends().entrySet().stream().noneMatch(this::lacks)) {
          return;
        }
      }
    }
    LOG.warn("the rest could not be fetched: {}", step.reason());
    unhelpful.put(nodeId, clock.nanos());
  }

  private boolean lacks(Map.Entry<String, LogPoint> end) {
    LogPoint here = data.ends().getOrDefault(end.getKey(), LogPoint.NONE);
    return end.getValue().isLaterThan(here);
  }

  /** Async: what was inherited is committed as it is. */
  private Duration settle() throws IOException {
    ClusterRecord record = tenancy.record();
    data.becomePrimary(record.epoch());
    inSync.begin(record);
    move(RoleEvent.SETTLED, "epoch " + record.epoch());
    return Duration.ZERO;
  }

  // ----------------------------------------------------------------------- leading

  private Duration lead() throws LeaseStoreException {
    Tenancy own = tenancy;
    ClusterRecord next = inSync.next(own.record(), streams.peers(), data.positions());
    if (next != null) {
      switch (own.change(next)) {
        case DONE -> {
          LOG.info("in-sync set of record version {}: {}", next.version(), next.members());
          recordChanged(own.record());
        }
        case VOID -> recordChanged(own.record());
        case LOST -> {
          superseded("the lease is not this process's any more");
          return TICK;
        }
      }
      return Duration.ZERO;
    }
    inSync.openWelcome(own.record(), streams.peers(), data.positions());
    synchronized (this) {
      if (handoff == null) {
        return TICK;
      }
    }
    beginHandoff();
    return Duration.ZERO;
  }

  private void recordChanged(ClusterRecord record) {
    known = record;
    streams.recordChanged(record);
    try {
      memory.saw(record.version());
    } catch (IOException e) {
      LOG.warn("cannot remember record version {}: {}", record.version(), e.toString());
    }
  }

  private Duration stop() {
    if (role == Role.PRIMARY && inSync.successor(tenancy.record(), streams.peers(), 0) != null) {
      synchronized (this) {
        if (handoff == null) {
          handoff = new CompletableFuture<>();
          handoffTo = 0;
        }
      }
      beginHandoff();
      return Duration.ZERO;
    }
    if (role != Role.STOPPING) {
      move(RoleEvent.STOP, "the program stops");
    }
    Tenancy own = tenancy;
    if (own != null && own.isHeld()) {
      data.becomeReplica();
      try {
        own.release(NextRecord.refreshed(own.record(), data.positions()));
      } catch (LeaseStoreException e) {
        LOG.warn("the lease ends by itself: {}", e.getMessage());
      }
    }
    endTenancy("the program stops", false);
    streams.follow(null);
    move(RoleEvent.CLOSED, "done");
    return Duration.ZERO;
  }

  // ----------------------------------------------------------------------- handoff

  private Streams.Peer successor;
  private long handoffSince;
  private boolean writersHeld;

  private void beginHandoff() {
    long wanted;
    synchronized (this) {
      wanted = handoffTo;
    }
    successor = inSync.successor(tenancy.record(), streams.peers(), wanted);
    if (successor == null) {
      endHandoff(null, "no connected member of the in-sync set can take over");
      return;
    }
    handoffSince = clock.nanos();
    writersHeld = false;
    move(RoleEvent.HANDOFF, "to " + successor.url());
  }

  private Duration handOver() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    String fit = inSync.fitness(own.record(), streams.peers(), successor);
    boolean timeOver = clock.nanos() - handoffSince > settings.handoffTime().toNanos();
    Handoff.Step step =
        Handoff.next(
            new Handoff.State(
                fit,
                writersHeld,
                writersHeld && InSyncSet.hasAll(successor, data.ends()),
                timeOver,
                Handoff.Release.NOT_SENT));
    switch (step.kind()) {
      case HOLD_WRITERS -> {
        writersHeld = data.tryHoldWriters();
        if (timeOver && !writersHeld) {
          resume("a program kept writing");
          return TICK;
        }
        return writersHeld ? Duration.ZERO : Duration.ofMillis(2);
      }
      case DRAIN -> {
        return Duration.ofMillis(2);
      }
      case RELEASE -> {
        return release(own);
      }
      default -> {
        resume(step.reason());
        return TICK;
      }
    }
  }

  private Duration release(Tenancy own) throws LeaseStoreException {
    ClusterRecord last =
        NextRecord.handedOver(
            own.record(),
            new ClusterRecord.Successor(
                successor.member().nodeId(),
                successor.member().incarnation(),
                settings.handoffTime().toMillis()),
            data.positions());
    Tenancy.Result result = own.release(last);
    if (result == Tenancy.Result.VOID) {
      resume("the store did not take the release");
      return TICK;
    }
    String url = successor.url();
    data.becomeReplica();
    data.releaseWriters();
    endTenancy("handed over to " + url, true);
    move(RoleEvent.HANDED_OVER, "to " + url);
    follow(url);
    endHandoff(url, null);
    return SHORT;
  }

  private void resume(String why) {
    data.releaseWriters();
    move(RoleEvent.RESUMED, why);
    endHandoff(null, why);
  }

  private void endHandoff(String url, String failure) {
    CompletableFuture<String> asked;
    synchronized (this) {
      asked = handoff;
      handoff = null;
      if (failure != null && stopping) {
        // Nobody can take over: the next step stops without.
        LOG.warn("no handoff: {}", failure);
      }
    }
    successor = null;
    if (asked != null && url != null) {
      asked.complete(url);
    } else if (asked != null) {
      asked.completeExceptionally(new IllegalStateException(failure));
    }
  }

  // ----------------------------------------------------------------- not primary any more

  /** Ends what this node did as a primary, or was about to. */
  private void demote(RoleEvent event, String why) {
    data.becomeReplica();
    if (role == Role.HOLDING) {
      data.releaseWriters();
      endHandoff(null, why);
    }
    endTenancyStreams(why, false);
    move(event, why);
  }

  private void superseded(String why) {
    demote(RoleEvent.SUPERSEDED, why);
    endTenancy(why, false);
  }

  private void abdicate(String why) throws LeaseStoreException {
    LOG.warn("giving up the lease: {}", why);
    tenancy.release(NextRecord.refreshed(tenancy.record(), Map.of()));
    superseded(why);
  }

  /**
   * The deadline has passed. A lease that was not renewed in time is never used again, even if the
   * store has kept it: it is given up, and this node takes part in the next election.
   */
  private Duration prove() throws LeaseStoreException {
    tenancy.release(NextRecord.refreshed(tenancy.record(), data.positions()));
    endTenancy(reason, false);
    move(RoleEvent.SUPERSEDED, reason);
    return Duration.ZERO;
  }

  private void endTenancyStreams(String why, boolean handedOver) {
    streams.withdraw(why, handedOver);
    primaryUrl = null;
  }

  private void endTenancy(String why, boolean handedOver) {
    Tenancy own = tenancy;
    tenancy = null;
    if (own != null) {
      own.close();
      endTenancyStreams(why, handedOver);
    }
  }
}
