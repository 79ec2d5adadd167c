package io.tidemark.node.cluster;

import io.tidemark.database.Database;
import io.tidemark.database.InDoubt;
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
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.Fencing;
import io.tidemark.lease.protocol.FollowRule;
import io.tidemark.lease.protocol.Handoff;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.RecordFormatException;
import io.tidemark.lease.protocol.Role;
import io.tidemark.lease.protocol.RoleEvent;
import io.tidemark.lease.protocol.RoleMachine;
import io.tidemark.lease.protocol.SetChange;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
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

  /** How long commits wait for a node that is being added before it is left out again. */
  private static final Duration JOINING_TIME = Duration.ofSeconds(1);

  private static final Duration WRITERS = Duration.ofMillis(2);

  /** How long a node that could not become primary leaves it to others. */
  private static final Duration AFTER_FAILURE = Duration.ofSeconds(10);

  private static final Duration OWN_HANDOFF_AGAIN = Duration.ofSeconds(30);

  private final Leaser leaser;
  private final BootClock clock;
  private final ClusterMemory memory;
  private final LocalData data;
  private final Streams streams;
  private final ClusterSettings settings;
  private final Owner self;
  private final long nonce;
  private final InSyncSet inSync;
  private final Commits commits;
  private final Thread thread = new Thread(this::run, "tidemark-cluster");

  private LeaseWatch watch;
  private Runnable primaryListener = () -> {};
  private Runnable changeListener = () -> {};
  private WriteDoor door = WriteDoor.NONE;
  private boolean changed; // guarded by this, as are the next
  private CompletableFuture<String> handoff;
  private long handoffTo;
  private CompletableFuture<String> forced;
  private boolean stopping;

  private volatile Role role = Role.STARTING;
  private volatile String reason = "recovering";
  private volatile Tenancy tenancy;
  private volatile ClusterRecord known;
  private volatile Owner primary;
  private volatile String storeProblem;

  // Of the thread.
  private Stored lastRead;
  private long versionSeen;
  private long versionSince;
  private long fencingSince;

  /** Whether the primary before has drained and named this node as its successor. */
  private boolean tookOver;

  private final Map<Long, Long> unhelpful = new HashMap<>();

  /** {@link BootClock#nanos}. */
  private long noAttemptBefore;

  /** Whether this epoch's inheritance is being settled. */
  private boolean settling;

  /** Whether a new epoch was taken to cut off what is in doubt, and that is not done. */
  private boolean toCut;

  /** Whose acknowledgements are waited for already; the record does not name it yet. */
  private Streams.Peer joining;

  private long joiningSince;

  /** What was cut off in this epoch and may still be in the log of a member. */
  private final Map<String, InDoubt> aborting = new ConcurrentHashMap<>();

  private long nextOwnHandoff = Long.MIN_VALUE;

  /** To whom this primary is handing over, or null. */
  private Streams.Peer successor;

  private long handoffSince;

  /** Whether programs wait in spite of the role. */
  private boolean writersWait;

  /** Whether the handoff before the end of this node has been tried. */
  private boolean triedToHandOver;

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
            settings.advertiseUrl(),
            settings.hostname());
    this.inSync = new InSyncSet(clock, data, settings.slowTime());
    this.noAttemptBefore = clock.nanos();
    this.commits = new Commits(data, streams, settings.mode(), settings.ackTimeout());
    thread.setDaemon(true);
  }

  /**
   * @param listener is told when another node is primary, or none, as {@link #status} says
   */
  void onPrimaryChange(Runnable listener) {
    primaryListener = listener;
  }

  /**
   * @param listener is told when {@link #mayCommit} or {@link #primary} may say something else, for
   *     another reason than time, and when writers are let in again
   * @param newDoor is closed while this node hands over; both before {@link #start}
   */
  void atTheDoor(Runnable listener, WriteDoor newDoor) {
    changeListener = listener;
    door = newDoor;
  }

  /** Begins; the databases are recovered, and the mount is there. */
  public void start() {
    data.commitGate(commits);
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

  /** Whether programs may soon commit: this node is about to be primary, or to be it no more. */
  public boolean isChanging() {
    Role now = role;
    return now == Role.FENCING || now == Role.SETTLING || now == Role.HOLDING;
  }

  /** Never waits. */
  Role role() {
    return role;
  }

  /** Who is primary, null if nobody is known to be. Never waits. */
  Owner primary() {
    return primary;
  }

  /** Waits for the locks of the databases, one after the other. */
  public ClusterStatus status() {
    return new ClusterStatus(
        role, reason, known, primary, storeProblem, data.doubts(), Map.copyOf(aborting));
  }

  /** The commit position of a database that followers are told of; -1 for none yet. */
  long announced(Database database) {
    return commits.announced(database);
  }

  /** A member has more of a database on its disk; on the way of a sync commit. */
  void acknowledged(String database) {
    commits.acknowledged(database);
    if (role != Role.PRIMARY) {
      wake();
    }
  }

  /** Something may have changed: a connection, an acknowledgement, the store. */
  public synchronized void wake() {
    changed = true;
    notifyAll();
  }

  /** The primary is about to give up the lease for this node. */
  void prepareToTakeOver() {
    leaser.prepare();
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
   * Asks to make this node primary even if others have transactions that it lacks; a node that has
   * the lease keeps it.
   *
   * @return completes with this node's URL; or exceptionally with the reason why not
   */
  public CompletableFuture<String> force() {
    CompletableFuture<String> asked = new CompletableFuture<>();
    synchronized (this) {
      if (forced != null) {
        asked.completeExceptionally(new IllegalStateException("that is going on already"));
        return asked;
      }
      forced = asked;
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
        giveUpIfStuck();
        await(TICK);
      }
    }
  }

  /**
   * A node that cannot become primary, because its disk refuses for instance, must not keep the
   * lease from the others; nor take it again at once.
   */
  private void giveUpIfStuck() {
    boolean becoming = role == Role.FENCING || role == Role.SETTLING;
    if (!becoming || clock.nanos() - fencingSince < settings.handoffTime().toNanos()) {
      return;
    }
    noAttemptBefore = clock.nanos() + AFTER_FAILURE.toNanos();
    try {
      abdicate("this node cannot become primary: " + reason);
    } catch (LeaseStoreException e) {
      storeProblem = e.getMessage();
    }
  }

  /** Does what is to be done now; how long to wait then, unless something changes. */
  private Duration step() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    if (own != null && !own.isHeld() && RoleMachine.isPossible(role, RoleEvent.DEADLINE)) {
      demote(RoleEvent.DEADLINE, "the lease was not renewed in time: " + own.keeper().reason());
    } else if (own != null && own.isUncertain() && role != Role.DEADLINE_PASSED) {
      if (resolved(own)) {
        return TICK;
      }
    }
    if (isStopping() && role != Role.HOLDING) {
      return stop();
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
    changeListener.run();
  }

  // ------------------------------------------------------------------- following

  private Duration look() throws LeaseStoreException, IOException {
    long versionBefore = memory.recordVersion();
    long epochBefore = data.epoch();
    Stored stored = leaser.read();
    ClusterRecord record = null;
    String unreadable = null;
    try {
      record =
          stored.record().isEmpty() ? null : ClusterRecordJson.read(stored.record().get().text());
    } catch (RecordFormatException e) {
      unreadable = "the cluster record cannot be read: " + e.getMessage();
    }
    if (forcedNow(stored, record)) {
      return Duration.ZERO;
    }
    if (unreadable != null) {
      return standStill(unreadable);
    }
    Optional<String> regression =
        lastRead == null ? Optional.empty() : stored.regressionSince(lastRead);
    Eligibility.Verdict verdict =
        Eligibility.judge(Mutant.judged(record), candidate(), isExpired(record));
    if (verdict.kind() == Eligibility.Kind.OPERATOR) {
      if (memory.recordVersion() > versionBefore || data.epoch() > epochBefore) {
        return Duration.ZERO; // the primary told of a newer record while this one was read
      }
      return standStill(regression.map(text -> text + "; ").orElse("") + verdict.reason());
    }
    lastRead = stored;
    if (role == Role.WAITING_FOR_OPERATOR) {
      move(RoleEvent.RECORD_FITS, verdict.reason());
    }
    if (record != null) {
      known = record;
      promise(record);
    }
    Owner owner = stored.owner().orElse(null);
    if (owner != null && !owner.isSameProcess(self)) {
      follow(owner);
      becauseOf("following " + owner);
    } else if (owner != null) {
      becauseOf("the lease of an earlier attempt of this process has not ended yet");
    } else if (!settings.candidate()) {
      becauseOf("nobody is primary, and lease.candidate is false here");
    } else if (clock.nanos() - noAttemptBefore < 0) {
      becauseOf("nobody is primary: this node could not become it, and lets others go first");
    } else if (verdict.kind() == Eligibility.Kind.WAIT && !mayTryAnyway(record)) {
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

  /**
   * A data directory that was set back to an earlier state has forgotten promises: the record
   * brings the newest one back before anybody is followed.
   */
  private void promise(ClusterRecord record) throws IOException {
    FollowRule.Promise own =
        new FollowRule.Promise(
            data.clusterId(), data.epoch(), memory.nonceOf(data.epoch()), memory.recordVersion());
    FollowRule.Promise next = own.afterReading(record);
    if (!next.equals(own)) {
      memory.follows(next.epoch(), next.nonce(), next.recordVersion());
      if (next.epoch() > data.epoch()) {
        data.followEpoch(record.clusterId(), next.epoch());
      }
    }
  }

  private void follow(Owner owner) {
    streams.follow(owner == null ? null : owner.advertiseUrl());
    primary(owner);
  }

  private void primary(Owner owner) {
    Owner before = primary;
    primary = owner;
    if (owner == null ? before != null : !owner.equals(before)) {
      primaryListener.run();
      changeListener.run();
    }
  }

  private Member self() {
    return new Member(data.nodeId(), data.incarnation(), memory.token());
  }

  private static boolean mayTryAnyway(ClusterRecord record) {
    return Mutant.ANYONE_MAY_BE_PRIMARY.isOn() && record != null;
  }

  private Eligibility.Candidate candidate() {
    Member seat = known == null ? null : known.member(data.nodeId());
    boolean borrowed = Mutant.TOKEN_IGNORED.isOn() && seat != null;
    return new Eligibility.Candidate(
        data.nodeId(),
        data.clusterId(),
        borrowed ? seat.incarnation() : data.incarnation(),
        borrowed ? seat.token() : memory.token(),
        memory.recordVersion(),
        data.epoch(),
        data.databases(),
        settings.mayFound());
  }

  private boolean isSelf(ClusterRecord.Successor successor) {
    return successor.nodeId() == data.nodeId() && successor.incarnation() == data.incarnation();
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
                Mutant.withSelf(before, self()),
                primary,
                data.epoch(),
                settings.mode(),
                settings.minInSync());
    next = Mutant.withEpoch(next, before == null ? 0 : before.epoch());
    tookOver = before != null && before.successor().filter(this::isSelf).isPresent();
    move(RoleEvent.ELIGIBLE, verdict.reason());
    acquire(stored, next, before == null ? settings.mode() : before.mode());
  }

  /**
   * @param promised what commits waited for until now
   */
  private void acquire(Stored stored, ClusterRecord next, CommitMode promised) throws IOException {
    streams.follow(null);
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
      LeaseKeeper keeper =
          new LeaseKeeper(Mutant.lease(acquired.lease(), clock), clock, why -> wake());
      keeper.start();
      tenancy =
          new Tenancy(leaser, self, acquired.lease(), keeper, promised, next, acquired.revision());
      known = next; // its version is remembered with the epoch, before anybody hears of it
      fencingSince = clock.nanos();
      unhelpful.clear();
      settling = false;
      follow(null);
      if (Mutant.EPOCH_NOT_CHECKED.isOn()) {
        memory.follows(next.epoch(), nonce, next.version());
        streams.announce(next); // the step for a new epoch will not be taken
      }
      move(RoleEvent.ACQUIRED, "record version " + next.version() + ", epoch " + next.epoch());
    } else {
      move(RoleEvent.NOT_ACQUIRED, acquisition.toString());
    }
  }

  /**
   * Does what an operator forces: a set of this node alone, far above every epoch and version that
   * another node may know of, so that all follow it.
   *
   * @return whether this node has the lease now
   */
  private boolean forcedNow(Stored stored, ClusterRecord record) throws IOException {
    CompletableFuture<String> asked;
    synchronized (this) {
      asked = forced;
    }
    if (asked == null || asked.isDone()) {
      return false;
    }
    String obstacle =
        stored.owner().isPresent()
            ? stored.owner().get() + " has the lease"
            : data.fault() != null ? data.fault() : null;
    if (obstacle != null) {
      endForced(obstacle);
      return false;
    }
    if (role == Role.WAITING_FOR_OPERATOR) {
      move(RoleEvent.RECORD_FITS, "an operator forces this node to be primary");
    }
    ClusterRecord next =
        NextRecord.forced(
            record,
            data.foundingId(),
            new ClusterRecord.Primary(data.nodeId(), nonce, settings.advertiseUrl()),
            new Member(data.nodeId(), data.incarnation(), memory.newToken()),
            memory.recordVersion(),
            data.epoch(),
            settings.mode(),
            settings.minInSync(),
            data.positions());
    tookOver = false;
    LOG.warn(
        "FORCED: this node's data becomes that of the cluster. What other nodes have beyond it is"
            + " set aside there.");
    move(RoleEvent.ELIGIBLE, "an operator forces this node to be primary");
    acquire(stored, next, settings.mode());
    if (role != Role.FENCING) {
      endForced(reason);
      return false;
    }
    return true;
  }

  /**
   * @param failure why not; null when this node is primary
   */
  private void endForced(String failure) {
    CompletableFuture<String> asked;
    synchronized (this) {
      asked = forced;
      forced = null;
    }
    if (asked != null && failure == null) {
      asked.complete(settings.advertiseUrl());
    } else if (asked != null) {
      asked.completeExceptionally(new IllegalStateException(failure));
    }
  }

  // -------------------------------------------------------------- becoming primary

  private Duration fence() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    ClusterRecord record = own.record();
    Map<Long, Fencing.Answer> answers = answers(record);
    Fencing.Step step =
        Fencing.next(record, own.promised(), data.epoch(), answers, data.ends(), tookOver);
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

  /** What was inherited is shown when it is known to be committed; then programs are served. */
  private Duration settle() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    if (!settling) {
      data.holdWriters(); // until this is done they wait, as they did with the primary before
      if (toCut) {
        beginAgain(own.record());
      }
      data.becomePrimary(own.record().epoch());
      commits.begin(own, new CommitRule(own.record(), null), data.inherit());
      inSync.begin(own.record(), fencingSince);
      settling = true;
    }
    // Async: nobody has to confirm anything, and who comes a little later keeps its seat.
    if (own.record().mode() == CommitMode.SYNC && changeSet(settings.answerTime())) {
      return Duration.ZERO;
    }
    inSync.openWelcome(own.record(), streams.peers(), commits);
    for (Map.Entry<String, Long> tail : commits.unsettled().entrySet()) {
      String name = tail.getKey();
      boolean settled =
          commits.tail(name).isSettled()
              || isRecorded(own.record(), name)
              || Mutant.TAIL_SHOWN_EARLY.isOn();
      if (settled && data.settle(name, tail.getValue())) {
        commits.settled(name);
        streams.settled(name);
      }
    }
    Map<String, Long> left = commits.unsettled();
    if (left.isEmpty()) {
      settling = false;
      writersWait = true;
      primary(self);
      move(RoleEvent.SETTLED, "epoch " + own.record().epoch());
      endForced(null);
      return Duration.ZERO;
    }
    String first = left.keySet().iterator().next();
    becauseOf("'" + first + "': " + commits.rule().explain(left.get(first), commits.acks(first)));
    return SHORT;
  }

  /**
   * Whether the record says that all that was inherited is committed: a primary wrote that in a
   * transaction with the proof of its ownership. After a handoff it does so for most databases.
   */
  private boolean isRecorded(ClusterRecord record, String name) {
    LogPoint committed = record.least().getOrDefault(name, LogPoint.NONE);
    return !committed.isNone() && committed.equals(data.ends().get(name));
  }

  // ----------------------------------------------------------------------- leading

  private Duration lead() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    endForced(null); // it has the lease
    if (changeSet(settings.awayTime()) || role != Role.PRIMARY || settleDoubts()) {
      return Duration.ZERO;
    }
    ClusterRecord record = own.record();
    inSync.openWelcome(record, streams.peers(), commits);
    obstacle(record.mode() == CommitMode.SYNC ? InSyncSet.obstacle(record, streams.peers()) : null);
    confirmAborts();
    String fault = data.fault();
    synchronized (this) {
      if (handoff == null && fault != null && clock.nanos() >= nextOwnHandoff) {
        LOG.warn("handing over if possible, because {}", fault);
        nextOwnHandoff = clock.nanos() + OWN_HANDOFF_AGAIN.toNanos();
        handoff = new CompletableFuture<>();
        handoffTo = 0;
      }
      if (handoff == null) {
        return joining == null ? TICK : SHORT;
      }
    }
    return holdWriters();
  }

  /** Writers wait while something stands in the way of commits. */
  private void obstacle(String why) {
    commits.obstacle(why);
    if (why != null) {
      becauseOf("writers wait: " + why);
      writersWait = true;
      data.holdWriters();
    } else if (writersWait && successor == null) {
      becauseOf("epoch " + tenancy.record().epoch());
      writersWait = false;
      data.releaseWriters();
      changeListener.run();
    }
  }

  /**
   * Changes the in-sync set if that is due.
   *
   * @return whether something has changed
   */
  private boolean changeSet(Duration awayTime) throws LeaseStoreException {
    Tenancy own = tenancy;
    ClusterRecord record = own.record();
    SetChange.Verdict verdict = inSync.next(record, streams.peers(), commits, awayTime);
    if (joining != null && (!streams.peers().contains(joining) || isJoiningTooLong())) {
      joining = null; // the record was never asked to name it
      commits.rule(new CommitRule(record, null));
    }
    if (verdict.kind() != SetChange.Kind.CHANGE) {
      return false;
    }
    LOG.info("{}", verdict.reason());
    ClusterRecord next = NextRecord.withMembers(record, verdict.members(), data.positions());
    Streams.Peer added = added(record, verdict.members());
    CommitRule defective = Mutant.rule(record, next, added != null);
    commits.rule(defective != null ? defective : new CommitRule(record, next.members()));
    if (added == null && Mutant.REMOVAL_NOT_RECORDED.isOn()) {
      return false;
    }
    if (added != null && !inSync.isCaughtUp(record, added, commits)) {
      if (!added.equals(joining)) {
        joining = added;
        joiningSince = clock.nanos();
      }
      return false;
    }
    joining = null;
    return apply(own, own.change(next));
  }

  private boolean isJoiningTooLong() {
    return clock.nanos() - joiningSince > JOINING_TIME.toNanos();
  }

  private Streams.Peer added(ClusterRecord record, List<Member> members) {
    for (Streams.Peer peer : streams.peers()) {
      if (members.contains(peer.member()) && !record.members().contains(peer.member())) {
        return peer;
      }
    }
    return null;
  }

  /** A change of the record is certain, one way or the other. */
  private boolean apply(Tenancy own, Tenancy.Result result) {
    if (result == Tenancy.Result.LOST && !Mutant.LEASE_NEVER_ENDS.isOn()) {
      superseded("the lease is not this process's any more");
      return true;
    }
    ClusterRecord record = own.record();
    if (commits.hasBegun()) {
      commits.rule(new CommitRule(record, null));
    }
    LOG.info(
        "record version {}: in sync {}{}",
        record.version(),
        record.members(),
        result == Tenancy.Result.VOID ? " (the change did not happen)" : "");
    recordChanged(record);
    return true;
  }

  /**
   * Finds out about a change of the record whose answer was lost. Until that is certain both sets
   * count.
   *
   * @return whether this node is not primary any more
   */
  private boolean resolved(Tenancy own) throws LeaseStoreException {
    if (role == Role.FENCING) {
      return false; // nothing was changed yet
    }
    boolean handingOver = role == Role.HOLDING;
    apply(own, own.resolve());
    if (tenancy == null) {
      return true;
    }
    if (handingOver) {
      resume("the store did not take the release");
    }
    return false;
  }

  /**
   * Transactions whose programs were told of an error because members did not confirm them in time:
   * shows them if they are committed by now, else takes a new epoch and cuts them off.
   *
   * @return whether a new epoch has begun
   */
  private boolean settleDoubts() throws LeaseStoreException, IOException {
    Tenancy own = tenancy;
    Map<String, InDoubt> doubts = data.doubts();
    boolean abort = false;
    for (Map.Entry<String, InDoubt> doubt : doubts.entrySet()) {
      String name = doubt.getKey();
      long last = doubt.getValue().last().txid();
      if (commits.tail(name).committed() >= last || Mutant.DOUBT_SHOWN.isOn()) {
        data.settle(name, last);
      } else {
        abort = true;
      }
    }
    if (!abort) {
      return false;
    }
    ClusterRecord next = NextRecord.withNewEpoch(own.record(), data.positions());
    Tenancy.Result result = own.change(next);
    if (result != Tenancy.Result.DONE) {
      return apply(own, result);
    }
    ClusterRecord record = own.record();
    LOG.warn("epoch {} begins, to end doubts about {}", record.epoch(), doubts.keySet());
    move(RoleEvent.NEW_EPOCH, "transactions in doubt are cut off");
    commits.end();
    known = record;
    fencingSince = clock.nanos();
    toCut = true;
    return true;
  }

  /**
   * The new epoch of a primary that is to end doubts: durable here, then told to the others, then
   * the doubts are cut off. Each step again does nothing.
   */
  private void beginAgain(ClusterRecord record) throws IOException {
    memory.follows(record.epoch(), nonce, record.version());
    data.becomePrimary(record.epoch());
    streams.announce(record);
    for (Map.Entry<String, InDoubt> doubt : data.doubts().entrySet()) {
      data.cutAfter(doubt.getKey(), doubt.getValue().firstTxid() - 1);
      aborting.put(doubt.getKey(), doubt.getValue());
    }
    toCut = false;
  }

  /** What was cut off is gone for good when no member has it any more. */
  private void confirmAborts() {
    for (Map.Entry<String, InDoubt> cut : aborting.entrySet()) {
      String name = cut.getKey();
      if (commits.rule().isFollowedByAll(commits.acks(name))) {
        InDoubt was = cut.getValue();
        LOG.warn(
            "{}: transactions {} to {} of epoch {} never happened, on any node",
            name,
            was.firstTxid(),
            was.last().txid(),
            was.last().epoch());
        aborting.remove(name);
      }
    }
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

  /** Ends; a primary first hands over to another node, if one can take over. */
  private Duration stop() throws LeaseStoreException, IOException {
    if (role == Role.PRIMARY && !triedToHandOver) {
      synchronized (this) {
        if (handoff == null) {
          handoff = new CompletableFuture<>();
          handoffTo = 0;
        }
      }
      Duration wait = lead();
      synchronized (this) {
        triedToHandOver = handoff == null;
      }
      return wait;
    }
    if (role != Role.STOPPING) {
      move(RoleEvent.STOP, "the program stops");
    }
    Tenancy own = tenancy;
    commits.end();
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

  /** Programs that write now may end their transactions; the others wait. */
  private Duration holdWriters() throws IOException {
    ClusterRecord record = tenancy.record();
    if (successor == null) {
      long wanted;
      synchronized (this) {
        wanted = handoffTo;
      }
      successor = inSync.successor(record, streams.peers(), wanted);
      if (successor == null) {
        endHandoff(null, "no connected member of the in-sync set can take over");
        return Duration.ZERO;
      }
      LOG.info("handing over to {}", successor.url());
      handoffSince = clock.nanos();
      successor.prepareToTakeOver();
    }
    String unfit = InSyncSet.unfitness(record, streams.peers(), successor);
    if (unfit != null || isHandoffLate()) {
      writersWait = true; // until the next look
      endHandoff(null, unfit != null ? unfit : "a program kept writing");
      return Duration.ZERO;
    }
    boolean patient = clock.nanos() - handoffSince < settings.handoffTime().toNanos() / 2;
    if (!door.close() && patient || !data.holdWriters()) {
      return WRITERS;
    }
    move(RoleEvent.HANDOFF, "to " + successor.url());
    return Duration.ZERO;
  }

  private boolean isHandoffLate() {
    return clock.nanos() - handoffSince > settings.handoffTime().toNanos();
  }

  private Duration handOver() throws LeaseStoreException {
    Tenancy own = tenancy;
    // In this order: the first one waits for commits that began before this node began to hold.
    boolean drained = data.doubts().isEmpty() && InSyncSet.hasAll(successor, data.ends());
    Handoff.Step step =
        Handoff.next(
            new Handoff.State(
                InSyncSet.unfitness(own.record(), streams.peers(), successor),
                true,
                drained,
                isHandoffLate(),
                Handoff.Release.NOT_SENT));
    return switch (step.kind()) {
      case DRAIN -> WRITERS;
      case RELEASE -> release(own);
      default -> {
        resume(step.reason());
        yield TICK;
      }
    };
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
    if (result == Tenancy.Result.DONE) {
      successor.takeOver(last);
    }
    commits.end();
    data.becomeReplica();
    data.releaseWriters();
    endTenancy("handed over to " + url, true);
    move(RoleEvent.HANDED_OVER, "to " + url);
    endHandoff(url, null);
    endForced("this node has just handed over to " + url); // else it took the lease from there
    return SHORT;
  }

  private void resume(String why) {
    writersWait = true; // until the next look
    move(RoleEvent.RESUMED, why);
    endHandoff(null, why);
  }

  private void endHandoff(String url, String failure) {
    CompletableFuture<String> asked;
    synchronized (this) {
      asked = handoff;
      handoff = null;
      if (failure != null && stopping) {
        LOG.warn("no handoff: {}", failure);
        triedToHandOver = true; // the next step stops without
      }
    }
    successor = null;
    door.open();
    if (asked != null && url != null) {
      asked.complete(url);
    } else if (asked != null) {
      asked.completeExceptionally(new IllegalStateException(failure));
    }
  }

  // ----------------------------------------------------------------- not primary any more

  /** Ends what this node did as a primary, or was about to. */
  private void demote(RoleEvent event, String why) {
    commits.end();
    data.becomeReplica();
    data.releaseWriters(); // they are refused from now on
    writersWait = false;
    if (successor != null) {
      endHandoff(null, why);
    }
    endTenancyStreams(why, false);
    endForced(why);
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
    aborting.clear();
    toCut = false;
    joining = null;
    primary(null);
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
