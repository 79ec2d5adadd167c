package io.tidemark.stream.receive;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.tidemark.database.Database;
import io.tidemark.database.LogPosition;
import io.tidemark.database.Store;
import io.tidemark.stream.Admission;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.CommitPosition;
import io.tidemark.stream.DatabaseOpen;
import io.tidemark.stream.Drop;
import io.tidemark.stream.End;
import io.tidemark.stream.EndOfInput;
import io.tidemark.stream.Frame;
import io.tidemark.stream.Handoff;
import io.tidemark.stream.Heartbeat;
import io.tidemark.stream.HeartbeatDeadline;
import io.tidemark.stream.HeartbeatReply;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.MemberStanding;
import io.tidemark.stream.NamedPosition;
import io.tidemark.stream.PageSumsRequest;
import io.tidemark.stream.Position;
import io.tidemark.stream.Positions;
import io.tidemark.stream.ProtocolException;
import io.tidemark.stream.RecordChunk;
import io.tidemark.stream.Refusal;
import io.tidemark.stream.SnapshotBegin;
import io.tidemark.stream.SnapshotEnd;
import io.tidemark.stream.SnapshotPages;
import io.tidemark.stream.Standing;
import io.tidemark.stream.Welcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection to the primary after the upgrade: greets it, and gives each frame to the lane of its
 * database. Runs on the event loop, except where said; what can wait is done by the lanes.
 */
final class PrimaryConnection extends SimpleChannelInboundHandler<Frame> {
  private static final Logger LOG = LoggerFactory.getLogger(PrimaryConnection.class);
  private static final long WELCOME_MILLIS = 10_000;
  private static final int LANE_RETRIES = 6;

  /** The primary goes on, or another one: whoever waits now holds up commits. */
  private static final Set<End.Reason> RETRIED_AT_ONCE =
      EnumSet.of(End.Reason.OTHER, End.Reason.HANDOFF, End.Reason.NEW_EPOCH);

  /** Of a read that brings much, the lanes begin with the first part while the rest is decoded. */
  private static final int FED_BYTES = 256 << 10;

  private final Store store;
  private final ReplicaIdentity identity;
  private final FollowOptions options;
  private final Executor executor;

  /** Positions that were stepped back to, by database; outlive the connection. */
  private final Map<String, Position> claims;

  /** What there is of snapshots, by database; outlives the connection, too. */
  private final Map<String, UnfinishedSnapshot> snapshots;

  /** And so does this. */
  private final FollowLag lag;

  private final FollowGate gate;
  private final Consumer<Welcome> greeted;

  /** Databases that were named to the primary and of which it has not said what is to be done. */
  private final Set<String> unplanned = new HashSet<>();

  private final CompletableFuture<String> ended = new CompletableFuture<>();
  private final Map<Integer, ReceiveLane> lanes = new HashMap<>();
  private final Map<String, ReceiveLane> byName = new ConcurrentHashMap<>();
  private final AtomicLong queued = new AtomicLong();

  /** Lanes that got frames from what is being read. */
  private final Set<ReceiveLane> fed = new LinkedHashSet<>();

  private long fedBytes;
  private volatile Channel channel;
  private volatile Welcome welcome;
  private volatile long lastHeard = System.nanoTime();
  private volatile long roundTripNanos;
  private volatile boolean closing;
  private volatile boolean paused;
  private volatile boolean planned;
  private volatile boolean retriesAtOnce;
  private volatile boolean steppedBack;
  private long heartbeats;

  /** Whether this node has asked to be admitted since it heard that it is no member. */
  private boolean asked;

  PrimaryConnection(
      Store store,
      ReplicaIdentity identity,
      FollowOptions options,
      Executor executor,
      Map<String, Position> claims,
      Map<String, UnfinishedSnapshot> snapshots,
      FollowLag lag,
      FollowGate gate,
      Consumer<Welcome> greeted) {
    this.store = store;
    this.identity = identity;
    this.options = options;
    this.executor = executor;
    this.claims = claims;
    this.snapshots = snapshots;
    this.lag = lag;
    this.gate = gate;
    this.greeted = greeted;
  }

  // --------------------------------------------------------------- greeting

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    channel = context.channel();
    context.writeAndFlush(
        new Hello(
            store.hasTransactions() ? Id.parse(store.clusterId()) : Id.NONE,
            identity.nodeId(),
            identity.incarnation(),
            identity.processNonce(),
            store.epoch(),
            identity.token(),
            identity.recordVersion(),
            identity.advertiseUrl()));
    context
        .executor()
        .schedule(
            () -> {
              if (welcome == null) {
                end(new End(End.Reason.TIMEOUT, "no answer to the greeting came"));
              }
            },
            WELCOME_MILLIS,
            TimeUnit.MILLISECONDS);
  }

  private void greeted(Welcome from) throws IOException {
    String own = store.clusterId();
    if (!from.clusterId().toString().equals(own) && store.hasTransactions()) {
      end(
          new Refusal(
              Refusal.Reason.CLUSTER,
              "this node has data of cluster " + own + ", the primary is of " + from.clusterId(),
              "Check the address of the primary. To give up this node's data, start it with an"
                  + " empty data directory."));
      return;
    }
    if (from.epoch() < store.epoch()) {
      end(
          new Refusal(
              Refusal.Reason.EPOCH,
              "this node has seen epoch "
                  + store.epoch()
                  + ", the primary is of epoch "
                  + from.epoch(),
              "Another node has been primary since: start that one as the primary."));
      return;
    }
    Refusal refusal = gate.judge(from);
    if (refusal != null) {
      end(refusal);
      return;
    }
    store.follow(from.clusterId().toString(), from.epoch());
    welcome = from;
    greeted.accept(from);
    LOG.info("following primary {} in epoch {}", primaryName(), from.epoch());
    List<NamedPosition> positions = positions();
    positions.forEach(position -> unplanned.add(position.name()));
    for (Positions part : Positions.split(from.epoch(), positions)) {
      channel.write(part);
    }
    channel.flush();
    stand(from.standing());
    keepAlive();
  }

  /**
   * What this node is in the in-sync set. A node that is no member asks to become one, and says
   * again what it has: as the member that it asks to be.
   */
  private void stand(MemberStanding standing) {
    if (standing != MemberStanding.NOT_A_MEMBER) {
      asked = false;
      return;
    }
    if (asked) {
      return;
    }
    try {
      Id token = gate.admission();
      if (!token.isNone()) {
        asked = true;
        channel.writeAndFlush(new Admission(token));
        byName.values().forEach(ReceiveLane::acknowledgeAgain);
      }
    } catch (IOException e) {
      LOG.warn("this node does not ask to be admitted to the in-sync set: {}", e.toString());
    }
  }

  private List<NamedPosition> positions() throws IOException {
    List<NamedPosition> all = new ArrayList<>();
    for (Database database : store.allDatabases()) {
      Position claimed = claims.get(database.name());
      LogPosition tail = database.replicaLog().received();
      if (tail.txid() > 0 && database.failure() == null) {
        Position end = durableEnd(database, tail);
        boolean goesBack = claimed != null && claimed.txid().compareTo(end.txid()) <= 0;
        all.add(new NamedPosition(database.name(), goesBack ? claimed : end));
      }
    }
    return all;
  }

  /** Where the log ends on the disk; that of a disk that refuses is what it was the last time. */
  private static Position durableEnd(Database database, LogPosition tail) throws IOException {
    try {
      database.replicaLog().awaitDurable(tail.txid());
      return Position.of(tail);
    } catch (IOException e) {
      LOG.warn("{}: {}", database.name(), e.getMessage());
      LogPosition durable = database.offeredAt(database.appendedDurable());
      return durable == null ? Position.NONE : Position.of(durable);
    }
  }

  private void keepAlive() {
    if (ended.isDone()) {
      return;
    }
    HeartbeatDeadline deadline = HeartbeatDeadline.of(welcome);
    long now = System.nanoTime();
    if (!paused && deadline.state(lastHeard, now) == HeartbeatDeadline.State.DEAD) {
      end(
          new End(
              End.Reason.TIMEOUT,
              "nothing was heard for " + TimeUnit.NANOSECONDS.toMillis(now - lastHeard) + " ms"));
      return;
    }
    channel.writeAndFlush(new Heartbeat(++heartbeats, now));
    channel.eventLoop().schedule(this::keepAlive, welcome.heartbeatMillis(), TimeUnit.MILLISECONDS);
  }

  // ---------------------------------------------------------------- receiving

  @Override
  protected void channelRead0(ChannelHandlerContext context, Frame frame) throws IOException {
    lastHeard = System.nanoTime();
    if (frame instanceof Heartbeat && welcome != null && unplanned.isEmpty()) {
      planned = true; // the first one comes after the plans of databases that only the primary has
    }
    if (planned) {
      lag.heard(lastHeard);
    }
    if (frame instanceof Heartbeat beat) {
      context.writeAndFlush(HeartbeatReply.to(beat));
    } else if (frame instanceof HeartbeatReply reply) {
      roundTripNanos = lastHeard - reply.senderNanos();
    } else if (frame instanceof Welcome from) {
      greeted(from);
    } else if (frame instanceof DatabaseOpen open) {
      ReceiveLane lane = lane(open);
      lag.planned(open.name());
      unplanned.remove(open.name());
      feed(lane, open);
    } else if (frame instanceof Standing standing) {
      gate.standing(standing);
      stand(standing.standing());
    } else if (frame instanceof Handoff handoff) {
      gate.handoff(handoff.recordVersion());
    } else if (frame instanceof End || frame instanceof Refusal) {
      retriesAtOnce = frame instanceof End end && RETRIED_AT_ONCE.contains(end.reason());
      over(frame.toString());
    } else {
      enqueue(lane(frame), frame);
    }
  }

  private ReceiveLane lane(DatabaseOpen open) {
    ReceiveLane lane = lanes.get(open.id());
    if (lane == null) {
      lane =
          new ReceiveLane(open.id(), open.name(), store, this, lag.database(open.name()), executor);
      lanes.put(open.id(), lane);
      if (byName.putIfAbsent(open.name(), lane) != null) {
        throw new ProtocolException(
            ProtocolException.Kind.FIELD,
            "DATABASE_OPEN gives " + open.name() + " a second number");
      }
    } else if (!lane.name().equals(open.name())) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD,
          "DATABASE_OPEN gives the number of " + lane.name() + " to " + open.name());
    }
    return lane;
  }

  private ReceiveLane lane(Frame frame) {
    ReceiveLane lane = lanes.get(idOf(frame));
    if (lane == null) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD, frame.type() + " names a database that was not opened");
    }
    return lane;
  }

  private static int idOf(Frame frame) {
    return switch (frame.type()) {
      case RECORD_CHUNK -> ((RecordChunk) frame).id();
      case COMMIT_POSITION -> ((CommitPosition) frame).id();
      case SNAPSHOT_BEGIN -> ((SnapshotBegin) frame).id();
      case SNAPSHOT_PAGES -> ((SnapshotPages) frame).id();
      case SNAPSHOT_END -> ((SnapshotEnd) frame).id();
      case PAGE_SUMS_REQUEST -> ((PageSumsRequest) frame).id();
      case DROP -> ((Drop) frame).id();
      default -> throw new IllegalStateException(frame.toString());
    };
  }

  private void enqueue(ReceiveLane lane, Frame frame) {
    if (queued.addAndGet(frame.dataBytes()) > options.mostQueuedBytes()) {
      paused = true;
      channel.config().setAutoRead(false);
    }
    feed(lane, frame);
  }

  private void feed(ReceiveLane lane, Frame frame) {
    lane.add(frame);
    fed.add(lane);
    fedBytes += frame.dataBytes();
    if (fedBytes >= FED_BYTES) {
      startLanes();
    }
  }

  /** What one read has brought is taken in together: one sync, one acknowledgement. */
  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    startLanes();
    context.fireChannelReadComplete();
  }

  private void startLanes() {
    for (ReceiveLane lane : fed) {
      lane.start();
    }
    fed.clear();
    fedBytes = 0;
  }

  /** From a lane: bytes of a frame are not in memory any more. */
  void dequeued(int bytes) {
    if (queued.addAndGet(-bytes) < options.mostQueuedBytes() / 2 && paused) {
      channel
          .eventLoop()
          .execute(
              () -> {
                lastHeard = System.nanoTime();
                paused = false;
                channel.config().setAutoRead(true);
              });
    }
  }

  // -------------------------------------------------------------------- ending

  /** From any thread. */
  void send(Frame frame) {
    if (isOpen()) {
      channel.writeAndFlush(frame);
    }
  }

  /** Whether frames still count. */
  boolean isOpen() {
    return !closing;
  }

  /** From any thread: says a last word and ends the connection. */
  void end(Frame word) {
    if (!closing) {
      closing = true;
      channel.writeAndFlush(word).addListener(ChannelFutureListener.CLOSE);
      ended.complete("ended by this node: " + word);
    }
  }

  /** From any thread: the primary does not keep to the protocol. */
  void failed(Throwable cause) {
    if (cause instanceof ProtocolException fault
        && fault.kind() == ProtocolException.Kind.VERSION) {
      end(
          new Refusal(
              Refusal.Reason.VERSION,
              fault.getMessage(),
              "Run the same version of Tidemark on all nodes."));
    } else if (cause instanceof ProtocolException fault
        && fault.kind() != ProtocolException.Kind.CUT) {
      end(new End(End.Reason.PROTOCOL_ERROR, fault.getMessage()));
    } else {
      over(cause.toString());
    }
  }

  private void over(String why) {
    closing = true;
    ended.complete(why);
    channel.close();
  }

  /** TLS ends before TCP does; a primary that says nothing more is gone. */
  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (EndOfInput.is(event)) {
      over("the connection was cut");
    }
    context.fireUserEventTriggered(event);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    over("the connection was cut");
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    failed(cause);
  }

  // --------------------------------------------------------------------- facts

  /** Completes with the reason when the connection has ended. */
  CompletableFuture<String> ended() {
    return ended;
  }

  /** Whether the primary ended the connection, and is to be asked again without a wait. */
  boolean retriesAtOnce() {
    return retriesAtOnce;
  }

  /** Whether this node ended the connection, to offer an earlier position than any before. */
  boolean hasSteppedBack() {
    return steppedBack;
  }

  /** Null before the answer to the greeting. */
  Welcome welcome() {
    return welcome;
  }

  long epoch() {
    return welcome.epoch();
  }

  /**
   * @throws ProtocolException when a frame names another epoch than WELCOME
   */
  void checkEpoch(CommitPosition position) {
    if (position.epoch() != epoch()) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD,
          "COMMIT_POSITION, epoch: found " + position.epoch() + ", expected " + epoch());
    }
  }

  /** Silence of the primary that says nothing about this node's lag. */
  long graceNanos() {
    return planned && !closing ? 2_000_000 * welcome.heartbeatMillis() : 0;
  }

  /** Whether commits of the primary wait for acknowledgements. */
  boolean commitsWait() {
    return welcome.commitMode() == CommitMode.SYNC;
  }

  long lastHeardNanos() {
    return lastHeard;
  }

  long roundTripNanos() {
    return roundTripNanos;
  }

  /** Of its process. */
  Id primaryNonce() {
    return welcome.processNonce();
  }

  String primaryName() {
    return welcome.nodeId().toString();
  }

  /** Databases that have stopped, with the reason. */
  Map<String, String> problems() {
    Map<String, String> problems = new HashMap<>();
    byName.forEach(
        (name, lane) -> {
          String problem = lane.problem();
          if (problem != null) {
            problems.put(name, problem);
          }
        });
    return problems;
  }

  // --------------------------------------------------- what outlives a connection

  /** From a lane: what there is of a snapshot, or null; it is the lane's from now on. */
  UnfinishedSnapshot takeUnfinished(String name) {
    return snapshots.remove(name);
  }

  /**
   * From the thread that makes the next connection, after the end of this one: nothing of it is
   * taken in after that.
   */
  void endLanes() throws InterruptedException {
    for (Map.Entry<String, ReceiveLane> lane : byName.entrySet()) {
      UnfinishedSnapshot rest = lane.getValue().end();
      if (rest != null) {
        snapshots.put(lane.getKey(), rest);
      }
    }
  }

  // ------------------------------------------------------------ stepping back

  /** The position that this node stepped back to with a database, or null. */
  Position claimOf(String name) {
    return claims.get(name);
  }

  /**
   * From a lane: this node steps back, or (null) has done what that asked for.
   *
   * @param claimed offered to the primary by the next connection
   */
  void claim(String name, Position claimed) {
    if (claimed == null) {
      claims.remove(name);
    } else {
      Position before = claims.put(name, claimed);
      steppedBack |= before == null || claimed.txid().compareTo(before.txid()) < 0;
      end(new End(End.Reason.OTHER, "going back with " + name + " to " + claimed));
    }
  }

  /**
   * From a lane: a database takes nothing more. A new connection tries again, but not soon: the
   * others are interrupted by it for a moment.
   */
  void laneFailed(ReceiveLane lane) {
    long wait = LANE_RETRIES * options.longestRetry().toMillis();
    channel
        .eventLoop()
        .schedule(
            () -> {
              if (lane.problem() != null) {
                end(new End(End.Reason.OTHER, "trying again with " + lane.name()));
              }
            },
            wait,
            TimeUnit.MILLISECONDS);
  }
}
